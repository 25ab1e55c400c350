// The loop of matrix products, for operands that are prepared and padded.
#pragma once

#include <cstdint>

namespace nvnmd {

constexpr std::int64_t kRows = 4, kColumns = 8;  // groups that rows of x and columns of w are padded to

/// y [rows, columns] = x [rows, m] w [m, columns], added in the order of m.
void multiply_numbers(std::int64_t rows, std::int64_t m, std::int64_t columns, const double* x, const double* w,
                      double* y);

}  // namespace nvnmd
