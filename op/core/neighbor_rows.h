// The sorted neighbours of one atom, from a cell list or from a list that the caller made.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cells.h"
#include "core/simd/kernels.h"
#include "dp/neighbor.h"
#include "dp/types.h"

namespace dp {

/// The cutoff as it enters comparisons, in T and in float32.
template <class T>
struct SearchRadius {
  explicit SearchRadius(double rcut)
      : squared(static_cast<T>(rcut) * static_cast<T>(rcut)),
        squared_f32(static_cast<float>(rcut) * static_cast<float>(rcut)) {}
  T squared;
  float squared_f32;
};

/// Work space of one task; kept from atom to atom to save allocations.
struct RowScratch {
  /// mixed: neighbours of all types belong into one block of slots.
  explicit RowScratch(bool mixed) : mixed(mixed) {}

  std::vector<std::vector<std::uint64_t>> keys;  // [blocks] (float32 squared distance, copy) of the neighbours found
  std::vector<std::int32_t> position;
  std::vector<float> distance2;

  void start(int blocks) {
    keys.resize(blocks);
    for (auto& k : keys) k.clear();
  }
  void add(int type, float d2, std::int32_t copy);

 private:
  bool mixed;
};

/// Neighbours of the atoms of a frame, found in a cell list.
template <class T>
class CellSource {
 public:
  CellSource(const Cells<T>& cells, const std::int32_t* type, const SearchRadius<T>& radius, const Kernels<T>& kernels)
      : cells_(cells), type_(type), radius_(radius), kernels_(kernels) {}

  /// Add all neighbours of atom i to the scratch; none for a virtual atom.
  void find(int i, RowScratch& scratch) const;
  /// Position of a copy relative to atom i, and the atom it is a copy of.
  std::int32_t resolve(int i, std::int32_t copy, T* rij) const;

 private:
  const Cells<T>& cells_;
  const std::int32_t* type_;
  SearchRadius<T> radius_;
  const Kernels<T>& kernels_;
};

/// Neighbours that the caller listed. Copies are the atoms themselves, ghost atoms included.
template <class T>
class ListSource {
 public:
  /// row_of [nloc]: row of the list that belongs to each atom.
  ListSource(const NeighborList& list, const std::int32_t* row_of, const T* coord, const std::int32_t* type,
             const SearchRadius<T>& radius)
      : list_(list), row_of_(row_of), coord_(coord), type_(type), radius_(radius) {}

  void find(int i, RowScratch& scratch) const;
  std::int32_t resolve(int i, std::int32_t copy, T* rij) const;

 private:
  const NeighborList& list_;
  const std::int32_t* row_of_;
  const T* coord_;
  const std::int32_t* type_;
  SearchRadius<T> radius_;
};

/// Row of each atom in a caller's list; throws InvalidInput unless its centres are a permutation of [0, nloc) and
/// its neighbours lie in [0, nall).
std::vector<std::int32_t> check_list(const NeighborList& list, int nloc, int nall);

/// Fill the slots of atom i: nlist [nnei] (-1 when empty) and rij [nnei, 3] (0 when empty); filled [blocks], out:
/// the number of slots used of each block.
template <class T, class Source>
void fill_slots(const Source& source, int i, const Slots& slots, RowScratch& scratch, std::int32_t* nlist, T* rij,
                int* filled);

}  // namespace dp
