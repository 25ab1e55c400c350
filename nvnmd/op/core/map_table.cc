#include "nvnmd/map_table.h"

#include <string>
#include <vector>

#include "core/blocks.h"
#include "core/table_row.h"
#include "dp/error.h"

namespace nvnmd {

void check_groups(const Table& table) {
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

namespace {

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
  for (std::int64_t k = 0; k < channels; ++k) y[k] = cubic(a[k], b[k], c[k], d[k], t);
}

}  // namespace

void map_table(const Table& table, std::int64_t n, const double* x, const double* coefficients, double* y,
               dp::Pool& pool) {
  check_groups(table);
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
