#include "dp/gram.h"

#include <string>

#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

/// Check the sizes, then call body(i) for each matrix, several a task.
template <class Body>
void for_matrices(const Gram& g, const Context& context, const Body& body) {
  if (g.n < 0 || g.width < 0 || (g.n > 0 && (g.columns < 1 || g.columns > g.width)))
    throw InvalidInput("gram: expected 1 to width = " + std::to_string(g.width) + " columns, found " +
                       std::to_string(g.columns));
  constexpr std::int64_t kMatricesPerTask = 16;
  const std::int64_t tasks = (g.n + kMatricesPerTask - 1) / kMatricesPerTask;
  const std::int64_t cost = kMatricesPerTask * (g.width * g.columns / 2 + 100);  // nanoseconds
  parallel_for(context.pool, tasks, cost, [&](std::int64_t task) {
    const std::int64_t end = task + 1 < tasks ? (task + 1) * kMatricesPerTask : g.n;
    for (std::int64_t i = task * kMatricesPerTask; i < end; ++i) body(i);
  });
}

}  // namespace

template <class T>
void gram(const Gram& g, const T* x, T* d, const Context& context) {
  for_matrices(g, context, [&](std::int64_t i) {
    const T* of = x + 4 * g.width * i;
    kernels<T>(context.target).gram(g.width, g.columns, of, of, d + g.width * g.columns * i, false);
  });
}

template <class T>
void gram_pair(const Gram& g, const T* x, const T* y, T* d, const Context& context) {
  for_matrices(g, context, [&](std::int64_t i) {
    const T *left = x + 4 * g.width * i, *right = y + 4 * g.width * i;
    T* to = d + g.width * g.columns * i;
    kernels<T>(context.target).gram(g.width, g.columns, left, right, to, false);
    kernels<T>(context.target).gram(g.width, g.columns, right, left, to, true);
  });
}

template <class T>
void gram_spread(const Gram& g, const T* d, const T* y, T* z, const Context& context) {
  for_matrices(g, context, [&](std::int64_t i) {
    const std::int64_t at = 4 * g.width * i;
    kernels<T>(context.target).gram_spread(g.width, g.columns, d + g.width * g.columns * i, y + at, z + at);
  });
}

#define DP_INSTANTIATE(T)                                                        \
  template void gram(const Gram&, const T*, T*, const Context&);                 \
  template void gram_pair(const Gram&, const T*, const T*, T*, const Context&);  \
  template void gram_spread(const Gram&, const T*, const T*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
