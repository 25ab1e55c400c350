// Each of the three runs forward first: that costs less than keeping, for every slot, what the way back needs.
#include "nvnmd/descriptor.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "core/simulate_parts.h"
#include "dp/error.h"

namespace nvnmd {
namespace {

constexpr std::int64_t kNanosecondsPerAtom = 8000;

/// Registers that hold everything.
struct Unlimited {
  Unlimited() {
    for (int r = 0; r < kRegisters; ++r) limits[2 * r] = std::numeric_limits<double>::infinity();
    registers.limits = limits;
  }
  double limits[2 * kRegisters] = {};
  Registers registers;
};

std::int64_t slots_of(const Tables& tables) {
  return std::accumulate(tables.slots, tables.slots + (tables.version == 0 ? tables.ntypes : 1), std::int64_t{0});
}

void check(const Shared& shared, const Neighbors& atoms) {
  const Tables& tables = shared.tables;
  for (std::int64_t k = 0; k < atoms.nframes * atoms.nall; ++k)
    if (atoms.type[k] >= tables.ntypes)
      throw dp::InvalidInput("type of atom " + std::to_string(k % atoms.nall) + ": expected less than " +
                             std::to_string(tables.ntypes) + ", found " + std::to_string(atoms.type[k]));
  const std::int64_t entries = atoms.nframes * atoms.nloc * shared.nslots;
  const std::int32_t most = entries == 0 ? -1 : *std::max_element(atoms.nlist, atoms.nlist + entries);
  if (most >= atoms.nall)
    throw dp::InvalidInput("nlist: expected atoms below " + std::to_string(atoms.nall) + ", found " +
                           std::to_string(most));
}

/// body(shared, i, type, atom, work, record) for every atom that is not virtual, after its descriptor was written to
/// d [128] of that atom, or to memory of the task where d is null.
template <class Body>
void for_each_atom(const Tables& tables, const Neighbors& atoms, double* d, const dp::Context& context,
                   const Body& body) {
  const Unlimited unlimited;
  const Shared shared(tables, unlimited.registers);
  check(shared, atoms);
  Workspaces workspaces(shared, 1);
  const std::int64_t n = atoms.nframes * atoms.nloc, tasks = (n + kBlock - 1) / kBlock;
  dp::parallel_for(context.pool, tasks, kBlock * kNanosecondsPerAtom, [&](std::int64_t task) {
    auto work = workspaces.take();
    Record record(unlimited.registers);
    for (std::int64_t i = task * kBlock; i < std::min(n, (task + 1) * kBlock); ++i) {
      const std::int32_t* type = atoms.type + i / atoms.nloc * atoms.nall;
      const int centre = type[i % atoms.nloc];
      if (centre < 0) continue;
      const std::int64_t first = i * shared.nslots;
      descriptor(shared, centre, {atoms.rows + 4 * first + 1, 4, atoms.nlist + first, type}, *work, work->atoms[0],
                 record, d == nullptr ? work->x : d + i * kNodes);
      body(shared, i, centre, work->atoms[0], *work, record);
    }
    workspaces.give_back(std::move(work));
  });
}

}  // namespace

void descriptor(const Tables& tables, const Neighbors& neighbors, double* d, const dp::Context& context) {
  std::fill_n(d, neighbors.nframes * neighbors.nloc * kNodes, 0.0);
  for_each_atom(tables, neighbors, d, context,
                [](const Shared&, std::int64_t, int, const AtomRows&, Workspace&, Record&) {});
}

void descriptor_grad(const Tables& tables, const Neighbors& neighbors, const double* dd, double* drows,
                     const dp::Context& context) {
  std::fill_n(drows, neighbors.nframes * neighbors.nloc * slots_of(tables) * 4, 0.0);
  const auto write = [&](const Shared& shared, std::int64_t i, int centre, const AtomRows& atom, Workspace& work,
                         Record& record) {
    const Slopes found = slopes(shared, centre, dd + i * kNodes, work, atom, record);
    double* rows = drows + i * shared.nslots * 4;
    for (int j = 0; j < atom.used; ++j) {
      double* row = rows + 4 * atom.slot[j];
      row[0] = found.du[j];
      for (int d = 0; d < 3; ++d) row[d + 1] = found.dq[d * atom.m + j];
    }
  };
  for_each_atom(tables, neighbors, nullptr, context, write);
}

void descriptor_grad_grad(const Tables& tables, const Neighbors& neighbors, const double* h, double* ddd,
                          const dp::Context& context) {
  std::fill_n(ddd, neighbors.nframes * neighbors.nloc * kNodes, 0.0);
  const auto write = [&](const Shared& shared, std::int64_t i, int centre, const AtomRows& atom, Workspace& work,
                         Record&) {
    const double* rows = h + i * shared.nslots * 4;
    double *hu = work.slots.data() + 16 * atom.m, *hq = hu + atom.m;  // beyond what slopes_transposed uses
    for (int j = 0; j < atom.used; ++j) {
      const double* row = rows + 4 * atom.slot[j];
      hu[j] = row[0];
      for (int d = 0; d < 3; ++d) hq[d * atom.m + j] = row[d + 1];
    }
    slopes_transposed(shared, centre, {hu, hq}, work, atom, ddd + i * kNodes);
  };
  for_each_atom(tables, neighbors, nullptr, context, write);
}

}  // namespace nvnmd
