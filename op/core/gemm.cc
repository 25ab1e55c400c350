#include "dp/gemm.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

void check_stride(const char* name, std::int64_t stride, std::int64_t columns) {
  if (stride < columns)
    throw InvalidInput(std::string("product: expected rows of ") + name + " at least " + std::to_string(columns) +
                       " apart, found " + std::to_string(stride));
}

template <class T>
void check(const Product<T>& p) {
  if (p.m < 0 || p.n < 0 || p.k < 0)
    throw InvalidInput("product: expected sizes of 0 or more, found m = " + std::to_string(p.m) +
                       ", n = " + std::to_string(p.n) + ", k = " + std::to_string(p.k));
  check_stride("a", p.lda, p.a_transposed ? p.m : p.k);
  check_stride("b", p.ldb, p.b_transposed ? p.k : p.n);
  check_stride("c", p.ldc, p.n);
}

/// Pointers to count rows.
template <class T>
std::vector<T*> rows(T* first, std::int64_t count, std::int64_t stride) {
  std::vector<T*> pointers(count);
  for (std::int64_t i = 0; i < count; ++i) pointers[i] = first + i * stride;
  return pointers;
}

/// The rows begin .. begin + m - 1 of c.
template <class T>
void block(const Product<T>& p, std::int64_t begin, std::int64_t m, const Kernels<T>& kernel) {
  const std::vector<T*> c = rows(p.c + begin * p.ldc, m, p.ldc);
  if (p.b_transposed && p.a_transposed)
    return kernel.product_bt(m, p.n, p.k, p.a + begin, p.lda, p.b, p.ldb, c.data(), p.add);
  if (p.b_transposed) {
    std::vector<T> at(m * p.k);
    for (std::int64_t l = 0; l < p.k; ++l)
      for (std::int64_t i = 0; i < m; ++i) at[l * m + i] = p.a[(begin + i) * p.lda + l];
    return kernel.product_bt(m, p.n, p.k, at.data(), m, p.b, p.ldb, c.data(), p.add);
  }
  if (p.a_transposed)
    return kernel.product_at(m, p.n, p.k, rows(p.a, p.k, p.lda).data(), begin, p.b, p.ldb, c.data(), p.add);
  kernel.product(m, p.n, p.k, rows(p.a + begin * p.lda, m, p.lda).data(), p.b, p.ldb, c.data(), p.add);
}

}  // namespace

template <class T>
void gemm(const Product<T>& p, const Context& context) {
  check(p);
  // Few rows leave little work for each number read of b, many leave threads without any.
  const std::int64_t length = std::clamp<std::int64_t>(p.m / 128 * 8, 32, 96);
  const std::int64_t cost = length * p.n * p.k / 30;  // nanoseconds
  parallel_for(context.pool, (p.m + length - 1) / length, cost, [&](std::int64_t task) {
    block(p, task * length, std::min(length, p.m - task * length), kernels<T>(context.target));
  });
}

#define DP_INSTANTIATE(T) template void gemm(const Product<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
