// Look-up of cubic polynomials in a table of several grids.
#pragma once

#include <cstdint>

#include "dp/parallel.h"

namespace nvnmd {

/// Sizes and the grids of a table.
struct Table {
  std::int64_t rows = 0, channels = 0;
  std::int64_t groups = 0;
  const double* info = nullptr;  ///< [groups, 5]: x0, x1, dx, first row, end of the rows
};

/// x [n], coefficients [rows, channels, 4] (a, b, c, d), y [n, channels] = ((a t + b) t + c) t + d with `flt`
/// operations, t the distance from the start of the interval, with 16 fraction bits. The first group with
/// x0 <= x <= x1 is used, else the last one, at its nearer end; what is not a number gets its start.
/// Throws dp::InvalidInput for an interval without length or rows outside of the table.
void map_table(const Table& table, std::int64_t n, const double* x, const double* coefficients, double* y,
               dp::Pool& pool);

}  // namespace nvnmd
