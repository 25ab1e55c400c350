#include "dp/force.h"

#include <vector>

#include "core/chunks.h"
#include "core/simd/kernels.h"

namespace dp {

template <class T>
void force_a(const Rows& rows, const T* net_deriv, const T* deriv, const std::int32_t* nlist, T* force,
             const Context& context) {
  check_rows(rows);
  const Chunks chunks(rows);
  const std::int64_t width = 3 * std::int64_t(rows.nall), nnei = rows.nnei;
  // With one chunk a frame the sum is the result itself.
  const bool direct = chunks.per_frame == 1;
  std::vector<T> partial(direct ? 0 : chunks.count * width);
  T* sums = direct ? force : partial.data();
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    const std::int64_t first = chunks.frame(chunk) * rows.nloc;
    T* sum = sums + chunk * width;
    std::fill_n(sum, width, T(0));
    check_neighbors(nlist + (first + chunks.begin(chunk)) * nnei, (chunks.end(chunk) - chunks.begin(chunk)) * nnei,
                    rows.nall);
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t at = (first + i) * nnei;
      kernels<T>(context.target).force_row(rows.nnei, net_deriv + 4 * at, deriv + 12 * at, nlist + at, sum + 3 * i, sum);
    }
  });
  if (!direct) sum_chunks(rows.nframes, chunks.per_frame, width, partial.data(), force);
}

template <class T>
void force_a_grad(const Rows& rows, const T* grad, const T* deriv, const std::int32_t* nlist, T* grad_net,
                  const Context& context) {
  check_rows(rows);
  const Chunks chunks(rows);
  const std::int64_t nnei = rows.nnei;
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    const std::int64_t frame = chunks.frame(chunk);
    const T* frame_grad = grad + frame * 3 * rows.nall;
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t at = (frame * rows.nloc + i) * nnei;
      kernels<T>(context.target)
          .force_grad_row(rows.nnei, rows.nall, frame_grad + 3 * i, frame_grad, deriv + 12 * at, nlist + at,
                          grad_net + 4 * at);
    }
  });
}

#define DP_INSTANTIATE(T)                                                                             \
  template void force_a(const Rows&, const T*, const T*, const std::int32_t*, T*, const Context&);    \
  template void force_a_grad(const Rows&, const T*, const T*, const std::int32_t*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
