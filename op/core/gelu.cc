#include "dp/gelu.h"

#include <algorithm>

#include "core/simd/kernels.h"

namespace dp {

namespace {

/// Call body(begin, length) for stretches of n elements in parallel.
template <class Body>
void for_stretches(std::int64_t n, const Context& context, const Body& body) {
  constexpr std::int64_t kLength = 4096, kNanosecondsPerElement = 3;
  parallel_for(context.pool, (n + kLength - 1) / kLength, kLength * kNanosecondsPerElement, [&](std::int64_t task) {
    body(task * kLength, std::min(kLength, n - task * kLength));
  });
}

}  // namespace

template <class T>
void gelu(std::int64_t n, const T* x, T* y, const Context& context) {
  for_stretches(n, context, [&](std::int64_t at, std::int64_t length) {
    kernels<T>(context.target).gelu(length, x + at, y + at);
  });
}

template <class T>
void gelu_grad(std::int64_t n, const T* dy, const T* x, T* dx, const Context& context) {
  for_stretches(n, context, [&](std::int64_t at, std::int64_t length) {
    kernels<T>(context.target).gelu_grad(length, dy + at, x + at, dx + at);
  });
}

template <class T>
void gelu_grad_grad(std::int64_t n, const T* dy, const T* dy2, const T* x, T* out, const Context& context) {
  for_stretches(n, context, [&](std::int64_t at, std::int64_t length) {
    kernels<T>(context.target).gelu_grad_grad(length, dy + at, dy2 + at, x + at, out + at);
  });
}

#define DP_INSTANTIATE(T)                                                         \
  template void gelu(std::int64_t, const T*, T*, const Context&);                 \
  template void gelu_grad(std::int64_t, const T*, const T*, T*, const Context&);  \
  template void gelu_grad_grad(std::int64_t, const T*, const T*, const T*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
