// Look-up at the boundaries of intervals and groups; values of cubic polynomials; tables that are refused.
#include "nvnmd/map_table.h"

#include <limits>

#include "check.h"
#include "numbers.h"

namespace {

/// The value at x of a table whose row r is the line 64 r + t.
double at(double x, dp::Pool& pool) {
  const double info[] = {-1, 0, 0.0625, 0, 16, -1, 15, 1, 16, 32};
  std::vector<double> rows;
  for (int r = 0; r < 32; ++r) rows.insert(rows.end(), {0, 0, 1, 64.0 * r});
  double y;
  nvnmd::map_table({32, 1, 2, info}, 1, &x, rows.data(), &y, pool);
  return y;
}

void test_boundaries(dp::Pool& pool) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double expected[][2] = {{-1, 0},        {-0.9375, 64},      {0, 64 * 15 + 0.0625}, {0x1p-30, 64 * 17},
                                {0.5, 1088.5},  {15, 64 * 31 + 1},  {1e300, 64 * 31 + 1},  {infinity, 64 * 31 + 1},
                                {-1.5, 64 * 16}, {-infinity, 64 * 16}, {std::nan(""), 64 * 16}};
  for (const auto& pair : expected) CHECK_NEAR(at(pair[0], pool), pair[1], 0);
}

void test_values(std::int64_t channels, dp::Pool& pool) {
  const double info[] = {0, 2, 0.25, 0, 8};
  const std::vector<double> rows = numbers(8 * channels * 4, 1, 1);
  std::vector<double> x(50), y(50 * channels);
  for (int i = 0; i < 50; ++i) x[i] = 0.0397 * i;
  nvnmd::map_table({8, channels, 1, info}, 50, x.data(), rows.data(), y.data(), pool);
  for (int i = 0; i < 50; ++i)
    for (std::int64_t c = 0; c < channels; ++c) {
      const int row = static_cast<int>(x[i] / 0.25);
      const double t = x[i] - 0.25 * row, *p = &rows[(row * channels + c) * 4];
      CHECK_NEAR(y[i * channels + c], ((p[0] * t + p[1]) * t + p[2]) * t + p[3], 2e-5);
    }
}

void test_refused(dp::Pool& pool) {
  const double tables[][5] = {{1, 0, 1, 0, 2}, {0, 1, 0, 0, 2}, {0, 1, 1, 2, 2}, {0, 1, 1, 0, 3},
                              {0, 1, 1, -1, 2}, {0, 1, std::nan(""), 0, 2}};
  const double rows[8] = {}, x = 0;
  double y;
  for (const auto& info : tables)
    CHECK_THROWS(nvnmd::map_table({2, 1, 1, info}, 1, &x, rows, &y, pool), "invalid interval in table_info, group 0");
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool one(1), three(3);
    test_boundaries(one);
    for (int channels : {1, 2, 9, 32}) test_values(channels, three);
    test_refused(one))
