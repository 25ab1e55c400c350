#include "dp/residual_norm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/scratch.h"
#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

constexpr std::int64_t kRows = 256;  // of a task, which has sums over rows of its own

void check(const ResidualNorm& sizes) {
  if (sizes.nrows < 0 || sizes.width < 0)
    throw InvalidInput("residual norm: expected sizes of 0 or more, found " + std::to_string(sizes.nrows) +
                       " rows of " + std::to_string(sizes.width));
  if (!(sizes.eps >= 0) || !std::isfinite(sizes.eps))
    throw InvalidInput("eps: expected 0 or more, found " + std::to_string(sizes.eps));
}

std::int64_t task_count(const ResidualNorm& sizes) { return (sizes.nrows + kRows - 1) / kRows; }

/// Check, then call body(task, where its rows begin in an array [nrows, width], number of rows, scratch).
template <class T, class Body>
void for_rows(const ResidualNorm& sizes, const Context& context, const Body& body) {
  check(sizes);
  parallel_for(context.pool, task_count(sizes), kRows * (sizes.width + 20), [&](std::int64_t task) {
    constexpr std::int64_t kLanes = 64 / sizeof(T);
    const Scratch<T> scratch(5 * ((sizes.width + kLanes - 1) / kLanes * kLanes));
    const std::int64_t begin = task * kRows;
    body(task, begin * sizes.width, std::min(kRows, sizes.nrows - begin), scratch.data());
  });
}

/// Sums over the rows of one task after another, each in a place of its own, and at last in order.
template <class T>
class Sums {
 public:
  Sums(const ResidualNorm& sizes, T* out) : width_(sizes.width), out_(out) {
    if (out != nullptr) partial_.assign(task_count(sizes) * width_, T(0));
  }
  T* of(std::int64_t task) { return out_ == nullptr ? nullptr : partial_.data() + task * width_; }
  void finish() const {
    if (out_ == nullptr) return;
    std::fill_n(out_, width_, T(0));
    for (std::size_t k = 0; k < partial_.size(); ++k) out_[k % width_] += partial_[k];
  }

 private:
  const std::size_t width_;
  T* out_;
  std::vector<T> partial_;
};

}  // namespace

template <class T>
void residual_norm(const ResidualNorm& sizes, const T* x, const T* o, const T* gamma, const T* beta, T* y,
                   const Context& context) {
  for_rows<T>(sizes, context, [&](std::int64_t, std::int64_t at, std::int64_t n, T* scratch) {
    kernels<T>(context.target).norm(n, sizes.width, T(sizes.eps), x + at, o + at, gamma, beta, scratch, y + at);
  });
}

template <class T>
void residual_norm_grad(const ResidualNorm& sizes, const T* x, const T* o, const T* gamma, const T* dy, T* dz,
                        T* dgamma, T* dbeta, const Context& context) {
  check(sizes);
  std::vector<T> unread(dgamma == nullptr || dbeta == nullptr ? sizes.width : 0);
  const bool sums = dgamma != nullptr || dbeta != nullptr;  // the kernel makes both or none
  if (sums && dgamma == nullptr) dgamma = unread.data();
  if (sums && dbeta == nullptr) dbeta = unread.data();
  Sums<T> gammas(sizes, dgamma), betas(sizes, dbeta);
  for_rows<T>(sizes, context, [&](std::int64_t task, std::int64_t at, std::int64_t n, T* scratch) {
    kernels<T>(context.target)
        .norm_grad(n, sizes.width, T(sizes.eps), x + at, o + at, gamma, dy + at, scratch,
                   dz == nullptr ? nullptr : dz + at, gammas.of(task), betas.of(task));
  });
  gammas.finish(), betas.finish();
}

template <class T>
void residual_norm_grad_grad(const ResidualNorm& sizes, const NormTangent<T>& in, T* ddy, T* dz, T* dgamma,
                             const Context& context) {
  check(sizes);
  Sums<T> gammas(sizes, dgamma);
  for_rows<T>(sizes, context, [&](std::int64_t task, std::int64_t at, std::int64_t n, T* scratch) {
    const NormTangent<T> part{in.x + at, in.o + at, in.gamma, in.dy + at, in.t + at, in.tgamma, in.tbeta};
    kernels<T>(context.target)
        .norm_grad_grad(n, sizes.width, T(sizes.eps), part, scratch, ddy == nullptr ? nullptr : ddy + at,
                        dz == nullptr ? nullptr : dz + at, gammas.of(task));
  });
  gammas.finish();
}

#define DP_INSTANTIATE(T)                                                                                            \
  template void residual_norm(const ResidualNorm&, const T*, const T*, const T*, const T*, T*, const Context&);      \
  template void residual_norm_grad(const ResidualNorm&, const T*, const T*, const T*, const T*, T*, T*, T*,          \
                                   const Context&);                                                                  \
  template void residual_norm_grad_grad(const ResidualNorm&, const NormTangent<T>&, T*, T*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
