#include "dp/virial.h"

#include <vector>

#include "core/chunks.h"
#include "core/simd/kernels.h"

namespace dp {

template <class T>
void virial_a(const Rows& rows, const T* net_deriv, const T* deriv, const T* rij, const std::int32_t* nlist,
              T* virial, T* atom_virial, const Context& context) {
  check_rows(rows);
  const Chunks chunks(rows);
  const std::int64_t width = atom_virial == nullptr ? 0 : 9 * std::int64_t(rows.nall), nnei = rows.nnei;
  const bool direct = chunks.per_frame == 1;
  std::vector<T> partial_virial(9 * chunks.count), partial_atom(direct ? 0 : chunks.count * width);
  T* atom_sums = direct ? atom_virial : partial_atom.data();
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    const std::int64_t first = chunks.frame(chunk) * rows.nloc;
    T* sum = partial_virial.data() + 9 * chunk;
    T* atom_sum = atom_virial == nullptr ? nullptr : atom_sums + chunk * width;
    if (atom_sum != nullptr) std::fill_n(atom_sum, width, T(0));
    check_neighbors(nlist + (first + chunks.begin(chunk)) * nnei, (chunks.end(chunk) - chunks.begin(chunk)) * nnei,
                    rows.nall);
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t at = (first + i) * nnei;
      kernels<T>(context.target)
          .virial_row(rows.nnei, net_deriv + 4 * at, deriv + 12 * at, rij + 3 * at, nlist + at, sum, atom_sum);
    }
  });
  sum_chunks(rows.nframes, chunks.per_frame, 9, partial_virial.data(), virial);
  if (atom_virial != nullptr && !direct)
    sum_chunks(rows.nframes, chunks.per_frame, width, partial_atom.data(), atom_virial);
}

template <class T>
void virial_a_grad(const Rows& rows, const T* grad_virial, const T* grad_atom_virial, const T* deriv, const T* rij,
                   const std::int32_t* nlist, T* grad_net, const Context& context) {
  check_rows(rows);
  const Chunks chunks(rows);
  const std::int64_t nnei = rows.nnei;
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    const std::int64_t frame = chunks.frame(chunk), first = frame * rows.nloc;
    const T* grad_atom = grad_atom_virial == nullptr ? nullptr : grad_atom_virial + frame * 9 * rows.nall;
    if (grad_atom != nullptr)
      check_neighbors(nlist + (first + chunks.begin(chunk)) * nnei, (chunks.end(chunk) - chunks.begin(chunk)) * nnei,
                      rows.nall);
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t at = (first + i) * nnei;
      kernels<T>(context.target)
          .virial_grad_row(rows.nnei, grad_virial + 9 * frame, grad_atom, deriv + 12 * at, rij + 3 * at, nlist + at,
                           grad_net + 4 * at);
    }
  });
}

#define DP_INSTANTIATE(T)                                                                                      \
  template void virial_a(const Rows&, const T*, const T*, const T*, const std::int32_t*, T*, T*, const Context&); \
  template void virial_a_grad(const Rows&, const T*, const T*, const T*, const T*, const std::int32_t*, T*,    \
                              const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
