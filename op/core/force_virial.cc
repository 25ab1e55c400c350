#include "dp/force_virial.h"

#include <vector>

#include "core/chunks.h"
#include "core/simd/kernels.h"
#include "dp/force.h"
#include "dp/virial.h"

namespace dp {

namespace {

/// An array for each chunk, to be summed frame by frame in order; with one chunk a frame they are the result itself.
template <class T>
class Partial {
 public:
  Partial(const Chunks& chunks, std::int64_t columns, T* result)
      : chunks_(chunks), columns_(columns), result_(result),
        own_(result == nullptr || chunks.per_frame == 1 ? 0 : chunks.count * columns) {}

  /// Zeros for a chunk; null where nothing is asked for.
  T* start(std::int64_t chunk) {
    if (result_ == nullptr) return nullptr;
    T* at = (chunks_.per_frame == 1 ? result_ : own_.data()) + chunk * columns_;
    std::fill_n(at, columns_, T(0));
    return at;
  }
  void finish(std::int64_t nframes) {
    if (result_ != nullptr && chunks_.per_frame != 1)
      sum_chunks(nframes, chunks_.per_frame, columns_, own_.data(), result_);
  }

 private:
  const Chunks& chunks_;
  std::int64_t columns_;
  T* result_;
  std::vector<T> own_;
};

/// The kernels for what is asked for.
template <class T>
const PairKernels<T>& pair_kernels(const Context& context, const Rows& rows, bool force, bool virial) {
  const RowKernels<T>& kernels = row_kernels<T>(context.target, rows.components);
  return !virial ? kernels.force : force ? kernels.force_virial : kernels.virial;
}

/// The part of an array that starts at `offset`; null stays null.
template <class T>
T* at(T* array, std::int64_t offset) {
  return array == nullptr ? nullptr : array + offset;
}

/// What the transposes take; `force` or `virial` may be null, and `atom_virial`.
template <class T>
struct Gradients {
  const T* force;
  const T* virial;
  const T* atom_virial;
};

template <class T>
void transpose(const Rows& rows, const Gradients<T>& grad, const T* deriv, const T* rij, const std::int32_t* nlist,
               T* grad_net, const Context& context) {
  check_rows(rows);
  const Chunks chunks(rows);
  const PairKernels<T>& kernel = pair_kernels<T>(context, rows, grad.force != nullptr, grad.virial != nullptr);
  const std::int64_t nnei = rows.nnei, c = width(rows.components), nall = rows.nall;
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    const std::int64_t frame = chunks.frame(chunk);
    const T* force = at(grad.force, frame * 3 * nall);
    const T* virial = at(grad.virial, frame * 9);
    const T* atom_virial = at(grad.atom_virial, frame * 9 * nall);
    const std::int64_t begin = (frame * rows.nloc + chunks.begin(chunk)) * nnei;
    if (atom_virial != nullptr)
      check_neighbors(nlist + begin, (chunks.end(chunk) - chunks.begin(chunk)) * nnei, rows.nall);
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t slot = (frame * rows.nloc + i) * nnei;
      kernel.gradient(rows.nnei, rows.nall, at(force, 3 * i), force, virial, atom_virial, deriv + 3 * c * slot,
                      at(rij, 3 * slot), nlist + slot, grad_net + c * slot);
    }
  });
}

}  // namespace

template <class T>
void force_virial(const Rows& rows, const T* net_deriv, const T* deriv, const T* rij, const std::int32_t* nlist,
                  const ForceVirialOutput<T>& out, const Context& context) {
  check_rows(rows);
  if (out.force == nullptr && out.virial == nullptr && out.atom_virial == nullptr) return;
  const Chunks chunks(rows);
  // The atomic virial is made together with the virial.
  std::vector<T> unread(out.virial == nullptr && out.atom_virial != nullptr ? 9 * rows.nframes : 0);
  T* virial = unread.empty() ? out.virial : unread.data();
  const PairKernels<T>& kernel = pair_kernels<T>(context, rows, out.force != nullptr, virial != nullptr);
  const std::int64_t nnei = rows.nnei, c = width(rows.components), nall = rows.nall;
  Partial<T> forces(chunks, 3 * nall, out.force), virials(chunks, 9, virial), atoms(chunks, 9 * nall, out.atom_virial);
  parallel_for(context.pool, chunks.count, chunks.cost(rows), [&](std::int64_t chunk) {
    T *force = forces.start(chunk), *of_chunk = virials.start(chunk), *atom_virial = atoms.start(chunk);
    const std::int64_t first = chunks.frame(chunk) * rows.nloc;
    check_neighbors(nlist + (first + chunks.begin(chunk)) * nnei, (chunks.end(chunk) - chunks.begin(chunk)) * nnei,
                    rows.nall);
    for (int i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const std::int64_t slot = (first + i) * nnei;
      kernel.row(rows.nnei, net_deriv + c * slot, deriv + 3 * c * slot, at(rij, 3 * slot), nlist + slot,
                 at(force, 3 * i), force, of_chunk, atom_virial);
    }
  });
  forces.finish(rows.nframes);
  virials.finish(rows.nframes);
  atoms.finish(rows.nframes);
}

template <class T>
void force_virial_grad(const Rows& rows, const T* grad_force, const T* grad_virial, const T* deriv, const T* rij,
                       const std::int32_t* nlist, T* grad_net, const Context& context) {
  transpose<T>(rows, {grad_force, grad_virial, nullptr}, deriv, rij, nlist, grad_net, context);
}

template <class T>
void force(const Rows& rows, const T* net_deriv, const T* deriv, const std::int32_t* nlist, T* result,
           const Context& context) {
  force_virial<T>(rows, net_deriv, deriv, nullptr, nlist, {result, nullptr, nullptr}, context);
}

template <class T>
void force_grad(const Rows& rows, const T* grad, const T* deriv, const std::int32_t* nlist, T* grad_net,
                const Context& context) {
  transpose<T>(rows, {grad, nullptr, nullptr}, deriv, nullptr, nlist, grad_net, context);
}

template <class T>
void virial(const Rows& rows, const T* net_deriv, const T* deriv, const T* rij, const std::int32_t* nlist, T* result,
            T* atom_virial, const Context& context) {
  force_virial<T>(rows, net_deriv, deriv, rij, nlist, {nullptr, result, atom_virial}, context);
}

template <class T>
void virial_grad(const Rows& rows, const T* grad_virial, const T* grad_atom_virial, const T* deriv, const T* rij,
                 const std::int32_t* nlist, T* grad_net, const Context& context) {
  transpose<T>(rows, {nullptr, grad_virial, grad_atom_virial}, deriv, rij, nlist, grad_net, context);
}

#define DP_INSTANTIATE(T)                                                                                       \
  template void force_virial(const Rows&, const T*, const T*, const T*, const std::int32_t*,                    \
                             const ForceVirialOutput<T>&, const Context&);                                      \
  template void force_virial_grad(const Rows&, const T*, const T*, const T*, const T*, const std::int32_t*, T*, \
                                  const Context&);                                                              \
  template void force(const Rows&, const T*, const T*, const std::int32_t*, T*, const Context&);                \
  template void force_grad(const Rows&, const T*, const T*, const std::int32_t*, T*, const Context&);           \
  template void virial(const Rows&, const T*, const T*, const T*, const std::int32_t*, T*, T*, const Context&); \
  template void virial_grad(const Rows&, const T*, const T*, const T*, const T*, const std::int32_t*, T*,       \
                            const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
