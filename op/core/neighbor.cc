#include "dp/neighbor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/cells.h"
#include "core/neighbor_rows.h"
#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

/// What one frame contributes; frames are merged in order, so ties go to the first.
struct FrameStat {
  double min2 = std::numeric_limits<double>::infinity();
  int pair[2] = {-1, -1};
  std::vector<std::int32_t> most;  // [columns]
  std::vector<std::int32_t> worst; // [columns] atom
};

template <class T>
FrameStat frame_stat(const FrameAtoms<T>& atoms, double rcut, bool mixed, const Kernels<T>& kernel) {
  const Cells<T> cells(atoms, rcut);
  const int columns = mixed ? 1 : atoms.ntypes;
  FrameStat stat;
  stat.most.assign(columns, 0);
  stat.worst.assign(columns, -1);
  std::vector<std::int32_t> count(columns), position(cells.longest_stretch());
  std::vector<float> unused(cells.longest_stretch());
  const T radius2 = static_cast<T>(rcut) * static_cast<T>(rcut);
  for (int i = 0; i < atoms.natoms; ++i) {
    const std::int32_t self = cells.point_of(i);
    if (self < 0) continue;
    std::fill(count.begin(), count.end(), 0);
    const T centre[3] = {cells.x()[self], cells.y()[self], cells.z()[self]};
    cells.near(i, [&](std::int32_t begin, std::int32_t end) {
      // Only the cutoff in T counts here: float32 enters the order of slots, not the statistics.
      const int found =
          kernel.within(end - begin, cells.x() + begin, cells.y() + begin, cells.z() + begin, centre, radius2,
                        std::numeric_limits<float>::infinity(), position.data(), unused.data());
      for (int k = 0; k < found; ++k) {
        const std::int32_t point = begin + position[k];
        if (point == self) continue;
        const double dx = cells.x()[point] - centre[0], dy = cells.y()[point] - centre[1],
                     dz = cells.z()[point] - centre[2], d2 = dx * dx + dy * dy + dz * dz;
        const std::int32_t j = cells.atom_at(point);
        ++count[mixed ? 0 : atoms.type[j]];
        if (d2 < stat.min2) {
          stat.min2 = d2;
          stat.pair[0] = i;
          stat.pair[1] = j;
        }
      }
    });
    for (int c = 0; c < columns; ++c)
      if (count[c] > stat.most[c]) {
        stat.most[c] = count[c];
        stat.worst[c] = i;
      }
  }
  return stat;
}

}  // namespace

template <class T>
void neighbor_stat(const Frames& frames, double rcut, bool mixed, const T* coord, const std::int32_t* type,
                   const T* box, NeighborStat& stat, const Context& context) {
  if (!(rcut > 0) || !std::isfinite(rcut))
    throw InvalidInput("rcut: expected a positive number, found " + std::to_string(rcut));
  const int columns = mixed ? 1 : frames.ntypes;
  std::vector<FrameStat> per_frame(frames.nframes);
  constexpr std::int64_t kNanosecondsPerAtom = 5000;
  parallel_for(context.pool, frames.nframes, frames.nall * kNanosecondsPerAtom, [&](std::int64_t f) {
    const FrameAtoms<T> atoms = {f, frames.nall, frames.ntypes, coord + f * 3 * frames.nall, type + f * frames.nall,
                                 box == nullptr ? nullptr : box + 9 * f};
    per_frame[f] = frame_stat(atoms, rcut, mixed, kernels<T>(context.target));
  });
  double min2 = std::numeric_limits<double>::infinity();
  std::fill_n(stat.min_pair, 3, -1);
  std::fill_n(stat.max_neighbors, columns, 0);
  std::fill_n(stat.worst, 2 * columns, -1);
  for (std::int64_t f = 0; f < frames.nframes; ++f) {
    const FrameStat& one = per_frame[f];
    if (one.min2 < min2) {
      min2 = one.min2;
      stat.min_pair[0] = f;
      stat.min_pair[1] = one.pair[0];
      stat.min_pair[2] = one.pair[1];
    }
    for (int c = 0; c < columns; ++c)
      if (one.most[c] > stat.max_neighbors[c]) {
        stat.max_neighbors[c] = one.most[c];
        stat.worst[2 * c] = f;
        stat.worst[2 * c + 1] = one.worst[c];
      }
  }
  stat.min_distance = std::sqrt(min2);
}

template void neighbor_stat(const Frames&, double, bool, const float*, const std::int32_t*, const float*,
                            NeighborStat&, const Context&);
template void neighbor_stat(const Frames&, double, bool, const double*, const std::int32_t*, const double*,
                            NeighborStat&, const Context&);

}  // namespace dp
