// Neighbour search and neighbour statistics.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/types.h"

namespace dp {

/// A full neighbour list made by the caller (a molecular dynamics program, or the mesh tensor).
struct NeighborList {
  int nrows = 0;
  const std::int32_t* centre = nullptr;            ///< [nrows], in: atom of each row, a permutation of [0, nloc)
  const std::int32_t* count = nullptr;             ///< [nrows], in: neighbours of each row
  const std::int32_t* const* neighbors = nullptr;  ///< [nrows][count[row]], in: atoms in [0, nall)
};

/// What neighbor_stat finds. Entries of "worst" and "pair" are -1 where there is nothing to name.
struct NeighborStat {
  double min_distance;         ///< +infinity when no pair is nearer than rcut
  std::int64_t min_pair[3];    ///< frame, atom, atom
  std::int32_t* max_neighbors; ///< [ntypes] or [1] when mixed, out: largest number of neighbours of each type
  std::int64_t* worst;         ///< [ntypes or 1, 2], out: frame and atom that has them (the first such)
};

/// Smallest distance and largest number of neighbours over all frames and periodic images.
///
/// coord  [nframes, nall * 3], in
/// type   [nframes, nall], in; atoms of negative type are neither counted nor centres
/// box    [nframes, 9], in: rows are the lattice vectors; null for open boundaries
/// mixed  count all neighbours together instead of per type
template <class T>
void neighbor_stat(const Frames& frames, double rcut, bool mixed, const T* coord, const std::int32_t* type,
                   const T* box, NeighborStat& stat, const Context& context);

}  // namespace dp
