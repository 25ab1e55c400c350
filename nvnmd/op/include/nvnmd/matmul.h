// Products of matrices in the arithmetic of the quantised networks.
#pragma once

#include <cstdint>

#include "dp/parallel.h"

namespace nvnmd {

/// Sizes of y[h, n, k] = sum over m of x[h, n, m] w[h, m, k].
struct Matmul {
  std::int64_t h = 0, n = 0, m = 0, k = 0;
};

/// x [h, n, m], w [h, m, k], y [h, n, k]: mantissas aligned to the largest exponent of a block, which is a matrix, or
/// a row of x, a column of w. Throws dp::InvalidInput for m above kMostTerms.
void matmul_flt(const Matmul& size, bool rows_of_x, bool columns_of_w, const double* x, const double* w, double* y,
                dp::Pool& pool);

/// The same with each term cut to `nbit` fraction bits; terms and sums that leave 64 bits wrap around.
void matmul_flt2fix(const Matmul& size, int nbit, const double* x, const double* w, double* y, dp::Pool& pool);

/// Fixed point numbers of nbitx fraction bits times those of nbitw bits below the largest exponent of w, or of a
/// column of it; rounded downwards, added in the order of m.
void matmul_fitnet(const Matmul& size, int nbitx, int nbitw, bool columns_of_w, const double* x, const double* w,
                   double* y, dp::Pool& pool);

}  // namespace nvnmd
