// Functions of each number, and scalar products of rows.
#pragma once

#include <cstdint>

#include "dp/parallel.h"

namespace nvnmd {

/// A number of rows of x and w [rows, width]; x may have one column that stands for all.
struct RowPairs {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  bool one_column = false;  ///< x is [rows, 1]
};

/// x, y  [n]: truncation to 20 fraction bits.
void flt(std::int64_t n, const double* x, double* y, dp::Pool& pool);

/// x, w, y  [n]: sums of `flt`.
void add(std::int64_t n, const double* x, const double* w, double* y, dp::Pool& pool);

/// w, y  [rows, width]: products of `flt`.
void mul(const RowPairs& size, const double* x, const double* w, double* y, dp::Pool& pool);

/// y  [rows]: scalar products of the rows, each aligned to its largest exponent. Throws dp::InvalidInput for rows of
/// more than kMostTerms numbers.
void dotmul(const RowPairs& size, const double* x, const double* w, double* y, dp::Pool& pool);

/// x, y  [n]: `nbit` fraction bits, to the nearest (half away from zero) or downwards; a copy when nbit < 0.
void quantize(std::int64_t n, bool nearest, int nbit, const double* x, double* y, dp::Pool& pool);

/// x, y  [n]: sign(x) (a^4/16 - a^3/4 + a), a = min(|x|, 2), with 23 fraction bits; what is not a number stays.
void tanh4(std::int64_t n, const double* x, double* y, dp::Pool& pool);

}  // namespace nvnmd
