#include "core/table_grid.h"

#include <cmath>
#include <limits>
#include <sstream>

#include "dp/error.h"

namespace dp {

namespace {

// A neighbour at the cutoff has the number of an empty slot, where tables begin, but for rounding. So close to a knot
// the straight line is off by less than 1e-10 of what the function bends in an interval.
constexpr double kSlack = 1e-5;

[[noreturn]] void refuse(std::int64_t net, const char* entry, const std::string& expected, double found) {
  std::ostringstream text;
  text << "grid[" << net << "]: expected " << entry << " " << expected << ", found " << found;
  throw InvalidInput(text.str());
}

bool whole(double value, double most) { return value >= 0 && value <= most && value == std::floor(value); }

/// One row of the grid. Stretches without intervals are left out.
TableNet table_net(const TableSizes& sizes, std::int64_t number, const double* row) {
  const double most = static_cast<double>(std::min<std::int64_t>(sizes.nknots, 1 << 30));
  if (!whole(row[0], most)) refuse(number, "first knot", "of " + std::to_string(sizes.nknots), row[0]);
  if (!std::isfinite(row[1])) refuse(number, "x0", "finite", row[1]);
  TableNet net{};
  net.first_knot = static_cast<std::int64_t>(row[0]);
  double start = row[1];
  int stretches = 0, intervals = 0;
  for (int p = 0; p < 3; ++p) {
    const double h = row[2 + 2 * p], count = row[3 + 2 * p];
    if (!whole(count, most)) refuse(number, "intervals", "within " + std::to_string(sizes.nknots) + " knots", count);
    if (count == 0) continue;
    if (!(h > 0 && std::isfinite(h))) refuse(number, "length of an interval", "above 0 and finite", h);
    net.grid.start[stretches] = start;
    net.grid.h[stretches] = h;
    net.grid.inverse[stretches] = 1 / h;
    net.grid.first[stretches] = intervals;
    net.grid.last[stretches] = static_cast<std::int32_t>(count) - 1;
    start += count * h;
    intervals += static_cast<int>(count);
    ++stretches;
  }
  if (stretches == 0) refuse(number, "intervals", "of 1 or more", 0);
  if (!std::isfinite(start)) refuse(number, "last knot", "finite", start);
  net.grid.end = start;
  net.grid.slack = kSlack * net.grid.h[0];
  net.nknots = intervals + 1;
  if (net.first_knot + net.nknots > sizes.nknots)
    refuse(number, "knots", "within " + std::to_string(sizes.nknots), double(net.first_knot + net.nknots));
  for (int p = stretches; p < 3; ++p) net.grid.start[p] = std::numeric_limits<double>::infinity();
  return net;
}

}  // namespace

std::vector<TableNet> table_nets(const TableSizes& sizes, const double* grid) {
  std::vector<TableNet> checked;
  for (std::int64_t k = 0; k < sizes.nnets; ++k) checked.push_back(table_net(sizes, k, grid + 8 * k));
  return checked;
}

std::vector<TableNet> table_nets(const TableSizes& sizes, const TableNets& nets, const double* grid) {
  const std::size_t ntypes = nets.slots.ntypes();
  if (nets.nets.size() != ntypes * ntypes)
    throw InvalidInput("nets: expected a net for each of " + std::to_string(ntypes) + " x " + std::to_string(ntypes) +
                       " pairs of types, found " + std::to_string(nets.nets.size()));
  for (std::int32_t net : nets.nets)
    if (net >= sizes.nnets)
      throw InvalidInput("nets: expected numbers below the " + std::to_string(sizes.nnets) +
                         " rows of grid, found " + std::to_string(net));
  return table_nets(sizes, grid);
}

void check_centers(const TableSizes& sizes, const TableNets& nets, const std::int32_t* center) {
  for (std::int64_t i = 0; i < sizes.natoms; ++i)
    if (center[i] >= nets.slots.ntypes())
      throw InvalidInput("center: expected types below " + std::to_string(nets.slots.ntypes()) + ", found " +
                         std::to_string(center[i]) + " of atom " + std::to_string(i));
}

}  // namespace dp
