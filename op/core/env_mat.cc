#include "dp/env_mat.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "core/cells.h"
#include "core/neighbor_rows.h"
#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

// Tasks are whole groups of atoms; cell lists are made for this many frames at a time to bound their memory.
constexpr int kAtomsPerTask = 16;
constexpr std::int64_t kFramesPerGroup = 64;
constexpr std::int64_t kNanosecondsPerAtom = 8000, kNanosecondsPerCopy = 500;

/// Mean and inverse scale for each type and component, and the row of an atom without neighbours.
template <class T>
struct Normalizer {
  Normalizer(int ntypes, int width, const T* davg, const T* dstd)
      : width(width), shift(std::size_t(ntypes) * width, T(0)), scale(shift.size(), T(1)), empty(shift.size()) {
    for (std::size_t k = 0; k < shift.size(); ++k) {
      if (davg != nullptr) shift[k] = davg[k];
      if (dstd != nullptr) scale[k] = T(1) / dstd[k];
      empty[k] = (T(0) - shift[k]) * scale[k];
    }
  }
  std::int64_t width;
  std::vector<T> shift, scale, empty;
};

/// One call of env_mat, so that the steps share their arguments.
template <class T>
struct EnvMatCall {
  const Frames& frames;
  const Slots& slots;
  int components;
  const EnvMatInput<T>& in;
  const EnvMatOutput<T>& out;
  const Kernels<T>& kernel;
  const RowKernels<T>& row_kernel;
  SearchRadius<T> radius;
  Switch<T> sw;
  Normalizer<T> norm;

  FrameAtoms<T> atoms(std::int64_t f) const {
    return {f, frames.nall, frames.ntypes, in.coord + f * 3 * frames.nall, in.type + f * frames.nall,
            in.box == nullptr ? nullptr : in.box + 9 * f};
  }

  /// Row of atom i of frame f once its slots are filled.
  void values(std::int64_t f, int i, const T* rij, const int* filled, T* descrpt) const {
    const std::int64_t width = norm.width, row = f * frames.nloc + i;
    const int c = components;
    T* deriv = out.deriv == nullptr ? nullptr : out.deriv + row * width * 3;
    const int type = in.type[f * frames.nall + i];
    if (type < 0) {
      std::fill_n(descrpt, width, T(0));
      if (deriv != nullptr) std::fill_n(deriv, 3 * width, T(0));
      return;
    }
    for (int t = 0; t < slots.ntypes(); ++t) {
      const std::int64_t begin = slots.begin(t), used = begin + filled[t], end = begin + slots.size(t);
      const T* shift = norm.shift.data() + type * width + c * begin;
      const T* scale = norm.scale.data() + type * width + c * begin;
      row_kernel.env_rows(filled[t], rij + 3 * begin, sw, shift, scale, descrpt + c * begin,
                          deriv == nullptr ? nullptr : deriv + 3 * c * begin);
      std::copy_n(norm.empty.data() + type * width + c * used, c * (end - used), descrpt + c * used);
      if (deriv != nullptr) std::fill_n(deriv + 3 * c * used, 3 * c * (end - used), T(0));
    }
  }

  /// Type and presence of the neighbours in a row of frame f.
  void kinds(std::int64_t f, std::int64_t row, const std::int32_t* nlist) const {
    const std::int32_t* type = in.type + f * frames.nall;
    const int nnei = slots.total();
    for (int slot = 0; slot < nnei; ++slot) {
      const bool holds = nlist[slot] >= 0;
      if (out.ntype != nullptr) out.ntype[row * nnei + slot] = holds ? type[nlist[slot]] : frames.ntypes;
      if (out.nmask != nullptr) out.nmask[row * nnei + slot] = holds;
    }
  }

  template <class Source>
  void rows(const Source& source, std::int64_t f, int begin, int end) const {
    const int nnei = slots.total();
    RowScratch scratch(in.mixed);
    std::vector<int> filled(slots.ntypes());
    std::vector<std::int32_t> own_nlist(out.nlist == nullptr ? nnei : 0);
    std::vector<T> own_rij(out.rij == nullptr ? 3 * nnei : 0), own_descrpt(out.descrpt == nullptr ? norm.width : 0);
    for (int i = begin; i < end; ++i) {
      const std::int64_t row = f * frames.nloc + i;
      std::int32_t* nlist = out.nlist == nullptr ? own_nlist.data() : out.nlist + row * nnei;
      T* rij = out.rij == nullptr ? own_rij.data() : out.rij + row * nnei * 3;
      fill_slots(source, i, slots, scratch, nlist, rij, filled.data());
      T* descrpt = out.descrpt == nullptr ? own_descrpt.data() : out.descrpt + row * norm.width;
      if (out.descrpt != nullptr || out.deriv != nullptr) values(f, i, rij, filled.data(), descrpt);
      if (out.ntype != nullptr || out.nmask != nullptr) kinds(f, row, nlist);
    }
  }
};

void check_settings(const Frames& frames, const Cutoff& cutoff, const Slots& slots, bool mixed) {
  if (!(cutoff.rcut > 0) || !std::isfinite(cutoff.rcut))
    throw InvalidInput("rcut: expected a positive number, found " + std::to_string(cutoff.rcut));
  if (!(cutoff.rcut_smth >= 0) || cutoff.rcut_smth > cutoff.rcut)
    throw InvalidInput("rcut_smth: expected 0 to rcut = " + std::to_string(cutoff.rcut) + ", found " +
                       std::to_string(cutoff.rcut_smth));
  if (mixed && slots.ntypes() != 1)
    throw InvalidInput("sel: expected one entry for mixed types, found " + std::to_string(slots.ntypes()));
  if (!mixed && slots.ntypes() != frames.ntypes)
    throw InvalidInput("sel: expected one entry for each of " + std::to_string(frames.ntypes) + " types, found " +
                       std::to_string(slots.ntypes()));
  if (frames.nloc < 0 || frames.nall < frames.nloc)
    throw InvalidInput("atoms: expected 0 <= local <= all, found " + std::to_string(frames.nloc) + " local of " +
                       std::to_string(frames.nall));
}

template <class T>
void run_with_list(const EnvMatCall<T>& call, std::int64_t tasks_per_frame, const Context& context) {
  const Frames& frames = call.frames;
  const std::vector<std::int32_t> row_of = check_list(*call.in.list, frames.nloc, frames.nall);
  for (std::int64_t f = 0; f < frames.nframes; ++f) check_atoms(call.atoms(f));
  parallel_for(context.pool, frames.nframes * tasks_per_frame, kAtomsPerTask * kNanosecondsPerAtom,
               [&](std::int64_t task) {
                 const std::int64_t f = task / tasks_per_frame;
                 const int begin = static_cast<int>(task % tasks_per_frame) * kAtomsPerTask;
                 const FrameAtoms<T> atoms = call.atoms(f);
                 const ListSource<T> source(*call.in.list, row_of.data(), atoms.coord, atoms.type, call.radius);
                 call.rows(source, f, begin, std::min(begin + kAtomsPerTask, frames.nloc));
               });
}

template <class T>
void run_with_search(const EnvMatCall<T>& call, double rcut, std::int64_t tasks_per_frame, const Context& context) {
  const Frames& frames = call.frames;
  if (call.in.box != nullptr && frames.nall != frames.nloc)
    throw InvalidInput("atoms: expected no ghost atoms with a periodic box, found " +
                       std::to_string(frames.nall - frames.nloc));
  std::vector<std::unique_ptr<Cells<T>>> cells(std::min(frames.nframes, kFramesPerGroup));
  for (std::int64_t first = 0; first < frames.nframes; first += kFramesPerGroup) {
    const std::int64_t group = std::min(kFramesPerGroup, frames.nframes - first);
    parallel_for(context.pool, group, frames.nall * kNanosecondsPerCopy, [&](std::int64_t g) {
      cells[g] = std::make_unique<Cells<T>>(call.atoms(first + g), rcut);
    });
    parallel_for(context.pool, group * tasks_per_frame, kAtomsPerTask * kNanosecondsPerAtom, [&](std::int64_t task) {
      const std::int64_t g = task / tasks_per_frame;
      const int begin = static_cast<int>(task % tasks_per_frame) * kAtomsPerTask;
      const CellSource<T> source(*cells[g], call.atoms(first + g).type, call.radius, call.kernel);
      call.rows(source, first + g, begin, std::min(begin + kAtomsPerTask, frames.nloc));
    });
  }
}

}  // namespace

template <class T>
void env_mat(const Frames& frames, const Cutoff& cutoff, const Slots& slots, Components components,
             const EnvMatInput<T>& in, const EnvMatOutput<T>& out, const Context& context) {
  check_settings(frames, cutoff, slots, in.mixed);
  const T range = static_cast<T>(cutoff.rcut) - static_cast<T>(cutoff.rcut_smth);
  const Switch<T> sw = {static_cast<T>(cutoff.rcut_smth), range > 0 ? T(1) / range : T(0)};
  const EnvMatCall<T> call{frames,
                           slots,
                           width(components),
                           in,
                           out,
                           kernels<T>(context.target),
                           row_kernels<T>(context.target, components),
                           SearchRadius<T>(cutoff.rcut),
                           sw,
                           Normalizer<T>(frames.ntypes, width(components) * slots.total(), in.davg, in.dstd)};
  const std::int64_t tasks_per_frame = (frames.nloc + kAtomsPerTask - 1) / kAtomsPerTask;
  if (in.list != nullptr)
    run_with_list(call, tasks_per_frame, context);
  else
    run_with_search(call, cutoff.rcut, tasks_per_frame, context);
}

template void env_mat(const Frames&, const Cutoff&, const Slots&, Components, const EnvMatInput<float>&,
                      const EnvMatOutput<float>&, const Context&);
template void env_mat(const Frames&, const Cutoff&, const Slots&, Components, const EnvMatInput<double>&,
                      const EnvMatOutput<double>&, const Context&);

}  // namespace dp
