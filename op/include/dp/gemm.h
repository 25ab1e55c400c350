// Matrix products on several threads.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// c [m, n] = a b, or c += a b. Arrays are row by row; the last sizes are the distances between rows.
///
/// The bits of c do not depend on the number of threads. They may differ between SIMD targets in the last place:
/// unlike all other kernels, products use fused multiply-adds where the processor has them.
template <class T>
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;       ///< [m, k], or [k, m] when a_transposed
  const T* b = nullptr;       ///< [k, n], or [n, k] when b_transposed
  T* c = nullptr;             ///< [m, n], overlaps neither a nor b
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  bool a_transposed = false, b_transposed = false, add = false;
};

/// Throws InvalidInput for negative sizes and for rows that overlap.
template <class T>
void gemm(const Product<T>& product, const Context& context);

}  // namespace dp
