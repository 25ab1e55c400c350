// The neighbours of one atom, and its pairs of neighbours in batches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/table_grid.h"

namespace dp {

/// The real neighbours of one atom, type by type, with what belongs to each side by side.
template <class T>
struct PairNeighbors {
  explicit PairNeighbors(const Slots& slots)
      : start(slots.ntypes() + 1), slot(slots.total()), row(4 * slots.total()), column(3 * slots.total()) {}

  /// Take the rows [nnei, 4] of the slots that hold a neighbour; their first number counts as 0.
  void take(const Slots& slots, const std::int32_t* nlist, const T* rows) {
    n = 0;
    for (int type = 0; type < slots.ntypes(); ++type) {
      start[type] = n;
      for (int k = slots.begin(type); k < slots.begin(type) + slots.size(type); ++k)
        if (nlist[k] >= 0) slot[n++] = k;
    }
    start.back() = n;
    gather(rows, row, column);
  }

  /// Numbers of the neighbours found, from an array like rows: as rows of 4 and as three columns.
  void gather(const T* rows, std::vector<T>& by_row, std::vector<T>& by_column) const {
    const std::int64_t stride = static_cast<std::int64_t>(slot.size());
    for (int j = 0; j < n; ++j) {
      by_row[4 * j] = 0;
      for (int d = 0; d < 3; ++d) by_row[4 * j + d + 1] = by_column[d * stride + j] = rows[4 * slot[j] + d + 1];
    }
  }

  int n = 0;
  std::vector<int> start;  ///< [ntypes + 1] first neighbour of each type
  std::vector<int> slot;   ///< [nnei] slot of each neighbour
  std::vector<T> row;      ///< [nnei, 4]
  std::vector<T> column;   ///< [3, nnei]
};

/// A number of pairs: stretches of neighbours that follow each other, each stretch with one neighbour.
template <class T>
struct PairBatch {
  static constexpr int kMost = 128;  // the weights stay in the first cache
  struct Stretch {
    int one, first, n, at;  ///< neighbour, first of the others, how many; their place in the arrays
  };

  explicit PairBatch(int order) : w(6 * kMost), dw(order > 0 ? 6 * kMost : 0), ddw(order > 1 ? 6 * kMost : 0) {}

  std::vector<Stretch> stretches;
  int n = 0;
  T times[kMost];  ///< how often the pair counts, divided by the slots
  T angle[kMost];  ///< product of the two rows
  std::int32_t knot[kMost];
  std::vector<T> w, dw, ddw;  ///< [6, n]; after products() those of the derivatives of angle times f
};

/// Call flush(batch) for all pairs of neighbours of two types, [first, last) and [other, end), or, when they are the
/// same, of all pairs once, those of two neighbours counting twice. `scale` is multiplied to what a pair counts.
template <class T, class Flush>
void for_pairs(const Kernels<T>& kernel, const PairNeighbors<T>& neighbors, int ti, int tj, T scale,
               PairBatch<T>& batch, const Flush& flush) {
  const std::int64_t stride = static_cast<std::int64_t>(neighbors.slot.size());
  const auto empty = [&] {
    if (batch.n > 0) flush(batch);
    batch.n = 0;
    batch.stretches.clear();
  };
  for (int j = neighbors.start[ti]; j < neighbors.start[ti + 1]; ++j)
    for (int k = ti == tj ? j : neighbors.start[tj]; k < neighbors.start[tj + 1];) {
      const int n = std::min(neighbors.start[tj + 1] - k, PairBatch<T>::kMost - batch.n), at = batch.n;
      std::fill_n(batch.times + at, n, ti == tj ? 2 * scale : scale);
      if (j == k) batch.times[at] = scale;
      std::fill_n(batch.angle + at, n, T(0));
      kernel.pair_dots(n, neighbors.row.data() + 4 * j + 1, neighbors.column.data() + k, stride, batch.angle + at);
      batch.stretches.push_back({j, k, n, at});
      batch.n += n, k += n;
      if (batch.n == PairBatch<T>::kMost) empty();
    }
  empty();
}

}  // namespace dp
