// Environment matrix of the descriptors: rows s(r) (1, x/r, y/r, z/r) of the neighbours of each atom, or s(r) alone.
//
// C is the number of components of a row, 4 or 1.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/neighbor.h"
#include "dp/types.h"

namespace dp {

/// coord  [nframes, nall * 3]
/// type   [nframes, nall], below ntypes; negative marks a virtual atom
/// box    [nframes, 9], rows are the lattice vectors; null for open boundaries or with `list`
/// list   null to search neighbours here (periodic with a box, which then needs nall == nloc)
/// davg   [ntypes, nnei * C], mean by type of the centre; null for 0
/// dstd   [ntypes, nnei * C], scale by type of the centre; null for 1
/// mixed  neighbours of all types share one block of slots
template <class T>
struct EnvMatInput {
  const T* coord = nullptr;
  const std::int32_t* type = nullptr;
  const T* box = nullptr;
  const NeighborList* list = nullptr;
  const T* davg = nullptr;
  const T* dstd = nullptr;
  bool mixed = false;
};

/// Each pointer may be null: that array is then not computed.
///
/// descrpt  [nframes, nloc, nnei, C]     (row - davg) / dstd; an empty slot is -davg/dstd, a virtual atom 0
/// deriv    [nframes, nloc, nnei, C, 3]  derivative by the position of the centre, over dstd
/// rij      [nframes, nloc, nnei, 3]     position of the neighbour (its image) minus that of the centre; empty 0
/// nlist    [nframes, nloc, nnei]        index of the neighbour in [0, nall), -1 for an empty slot
/// ntype    [nframes, nloc, nnei]        type of the neighbour, ntypes for an empty slot
/// nmask    [nframes, nloc, nnei]        whether the slot holds a neighbour
template <class T>
struct EnvMatOutput {
  T* descrpt = nullptr;
  T* deriv = nullptr;
  T* rij = nullptr;
  std::int32_t* nlist = nullptr;
  std::int32_t* ntype = nullptr;
  bool* nmask = nullptr;
};

/// Neighbours are sorted by (type, squared distance in float32, index), with `mixed` by (distance, index); those beyond
/// `slots` are left out, the farthest first. `slots` has one block for each type, with `mixed` a single one.
/// With the switch S(r), which falls from 1 at rcut_smth to 0 at rcut as u^3 (-6 u^2 + 15 u - 10) + 1, s(r) = S(r) / r.
/// Throws InvalidInput naming frame and atom for a type >= ntypes, a position that is not finite, a flat box.
template <class T>
void env_mat(const Frames& frames, const Cutoff& cutoff, const Slots& slots, Components components,
             const EnvMatInput<T>& in, const EnvMatOutput<T>& out, const Context& context);

}  // namespace dp
