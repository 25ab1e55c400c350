#include "core/neighbor_rows.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "dp/error.h"

namespace dp {

void RowScratch::add(int type, float d2, std::int32_t copy) {
  // The bits of a float that is not negative have its order: one integer sorts by (distance, copy).
  std::uint32_t bits;
  std::memcpy(&bits, &d2, sizeof bits);
  keys[mixed ? 0 : type].push_back(static_cast<std::uint64_t>(bits) << 32 | static_cast<std::uint32_t>(copy));
}

template <class T>
void CellSource<T>::find(int i, RowScratch& scratch) const {
  const std::int32_t self = cells_.point_of(i);
  if (self < 0) return;
  scratch.position.resize(cells_.longest_stretch());
  scratch.distance2.resize(cells_.longest_stretch());
  const T centre[3] = {cells_.x()[self], cells_.y()[self], cells_.z()[self]};
  cells_.near(i, [&](std::int32_t begin, std::int32_t end) {
    const int found = kernels_.within(end - begin, cells_.x() + begin, cells_.y() + begin, cells_.z() + begin, centre,
                                      radius_.squared, radius_.squared_f32, scratch.position.data(),
                                      scratch.distance2.data());
    for (int k = 0; k < found; ++k) {
      const std::int32_t point = begin + scratch.position[k];
      if (point != self) scratch.add(type_[cells_.atom_at(point)], scratch.distance2[k], cells_.copy_at(point));
    }
  });
}

template <class T>
std::int32_t CellSource<T>::resolve(int i, std::int32_t copy, T* rij) const {
  const std::int32_t self = cells_.point_of(i), point = cells_.point_of(copy);
  rij[0] = cells_.x()[point] - cells_.x()[self];
  rij[1] = cells_.y()[point] - cells_.y()[self];
  rij[2] = cells_.z()[point] - cells_.z()[self];
  return cells_.atom_at(point);
}

template <class T>
void ListSource<T>::find(int i, RowScratch& scratch) const {
  const std::int32_t row = row_of_[i];
  for (std::int32_t k = 0; k < list_.count[row]; ++k) {
    const std::int32_t j = list_.neighbors[row][k];
    if (type_[j] < 0) continue;
    float d2 = 0;
    for (int d = 0; d < 3; ++d) {
      const float r = static_cast<float>(coord_[3 * std::int64_t(j) + d]) -
                      static_cast<float>(coord_[3 * std::int64_t(i) + d]);
      d2 += r * r;
    }
    if (d2 <= radius_.squared_f32) scratch.add(type_[j], d2, j);
  }
}

template <class T>
std::int32_t ListSource<T>::resolve(int i, std::int32_t copy, T* rij) const {
  for (int d = 0; d < 3; ++d) rij[d] = coord_[3 * std::int64_t(copy) + d] - coord_[3 * std::int64_t(i) + d];
  return copy;
}

std::vector<std::int32_t> check_list(const NeighborList& list, int nloc, int nall) {
  if (list.nrows != nloc)
    throw InvalidInput("neighbour list: expected " + std::to_string(nloc) + " rows, found " +
                       std::to_string(list.nrows));
  std::vector<std::int32_t> row_of(nloc, -1);
  for (std::int32_t row = 0; row < list.nrows; ++row) {
    const std::int32_t i = list.centre[row];
    if (i < 0 || i >= nloc || row_of[i] >= 0)
      throw InvalidInput("neighbour list, row " + std::to_string(row) + ": expected centres 0 to " +
                         std::to_string(nloc - 1) + ", each once, found " + std::to_string(i));
    row_of[i] = row;
    for (std::int32_t k = 0; k < list.count[row]; ++k)
      if (list.neighbors[row][k] < 0 || list.neighbors[row][k] >= nall)
        throw InvalidInput("neighbour list, row " + std::to_string(row) + ": expected atoms 0 to " +
                           std::to_string(nall - 1) + ", found " + std::to_string(list.neighbors[row][k]));
  }
  return row_of;
}

template <class T, class Source>
void fill_slots(const Source& source, int i, const Slots& slots, RowScratch& scratch, std::int32_t* nlist, T* rij,
                int* filled) {
  scratch.start(slots.ntypes());
  source.find(i, scratch);
  std::fill_n(nlist, slots.total(), -1);
  std::fill_n(rij, 3 * slots.total(), T(0));
  for (int t = 0; t < slots.ntypes(); ++t) {
    auto& keys = scratch.keys[t];
    std::sort(keys.begin(), keys.end());
    filled[t] = static_cast<int>(std::min<std::size_t>(keys.size(), slots.size(t)));
    for (int k = 0; k < filled[t]; ++k) {
      const int slot = slots.begin(t) + k;
      nlist[slot] = source.resolve(i, static_cast<std::int32_t>(keys[k] & 0xffffffffu), rij + 3 * slot);
    }
  }
}

#define DP_INSTANTIATE(T)                                                                                       \
  template class CellSource<T>;                                                                                 \
  template class ListSource<T>;                                                                                 \
  template void fill_slots(const CellSource<T>&, int, const Slots&, RowScratch&, std::int32_t*, T*, int*);      \
  template void fill_slots(const ListSource<T>&, int, const Slots&, RowScratch&, std::int32_t*, T*, int*);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
