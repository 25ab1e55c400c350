#include "nvnmd/map_table.h"

#include <string>
#include <vector>

#include "core/blocks.h"
#include "dp/error.h"
#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr int kGroup = 5;
constexpr int kOffsetBits = 16;

void check(const Table& table) {
  for (std::int64_t g = 0; g < table.groups; ++g) {
    const double* v = table.info + g * kGroup;
    // Written so that what is not a number fails.
    if (v[0] <= v[1] && v[2] > 0 && v[3] >= 0 && v[3] < v[4] && v[4] <= static_cast<double>(table.rows)) continue;
    throw dp::InvalidInput("invalid interval in table_info, group " + std::to_string(g) +
                           ": expected x0 <= x1, dx > 0 and 0 <= N0 < N1 <= " + std::to_string(table.rows) +
                           ", found x0 " + std::to_string(v[0]) + ", x1 " + std::to_string(v[1]) + ", dx " +
                           std::to_string(v[2]) + ", N0 " + std::to_string(v[3]) + ", N1 " + std::to_string(v[4]));
  }
}

struct Place {
  std::int64_t row;
  double offset;
};

Place find(const Table& table, double x) {
  const double* group = table.info;
  const double* last = group + (table.groups - 1) * kGroup;
  while (group != last && !(group[0] <= x && x <= group[1])) group += kGroup;
  const double dx = group[2], rows = group[4] - group[3];
  double t = x - group[0], i = std::floor(t / dx);
  if (!(i >= 0)) {
    i = 0;
    t = 0;
  } else if (i >= rows) {
    i = rows - 1;
    t = dx;
  } else {
    t -= i * dx;
  }
  const std::uint64_t kept = ~std::uint64_t{0} << (52 - kOffsetBits);
  return {static_cast<std::int64_t>(i + group[3]), number(pattern(t) & kept)};
}

/// Coefficients of one row side by side, a of all channels first: [rows, 4, channels].
std::vector<double> by_power(const Table& table, const double* coefficients, dp::Pool& pool) {
  std::vector<double> out(table.rows * 4 * table.channels);
  in_blocks(pool, table.rows, 64, 4.0 * table.channels, [&](std::int64_t row, std::int64_t end) {
    for (; row < end; ++row)
      for (std::int64_t c = 0; c < table.channels; ++c)
        for (int k = 0; k < 4; ++k)
          out[(row * 4 + k) * table.channels + c] = coefficients[(row * table.channels + c) * 4 + k];
  });
  return out;
}

NVNMD_CLONES void evaluate(std::int64_t channels, double t, const double* row, double* y) {
  const double *a = row, *b = a + channels, *c = b + channels, *d = c + channels;
  for (std::int64_t k = 0; k < channels; ++k) {
    const double quadratic = sum(b[k], product(a[k], t));
    y[k] = sum(d[k], product(sum(c[k], product(quadratic, t)), t));
  }
}

}  // namespace

void map_table(const Table& table, std::int64_t n, const double* x, const double* coefficients, double* y,
               dp::Pool& pool) {
  check(table);
  const std::vector<double> ordered = by_power(table, coefficients, pool);
  const std::int64_t channels = table.channels;
  in_blocks(pool, n, 2048 / channels, 8.0 * channels, [&](std::int64_t i, std::int64_t end) {
    for (; i < end; ++i) {
      const Place place = find(table, x[i]);
      evaluate(channels, place.offset, ordered.data() + place.row * 4 * channels, y + i * channels);
    }
  });
}

}  // namespace nvnmd
