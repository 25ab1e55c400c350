// Cell list over the atoms of one frame and those of their periodic images that a search can reach.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace dp {

/// The atoms of one frame as the caller holds them.
template <class T>
struct FrameAtoms {
  std::int64_t frame = 0;                ///< its number, for messages
  int natoms = 0;
  int ntypes = 0;
  const T* coord = nullptr;              ///< [natoms, 3]
  const std::int32_t* type = nullptr;    ///< [natoms]
  const T* box = nullptr;                ///< [3, 3], rows are the lattice vectors; null for open boundaries
};

/// Throws InvalidInput when a position is not finite or a type is not below ntypes.
template <class T>
void check_atoms(const FrameAtoms<T>& atoms);

/// Copies are numbered: atom i is copy i, its images follow after all atoms. Virtual atoms have no place in the list.
/// Points are kept in the order of the cells, the last axis fastest, so that a row of cells is one stretch of memory.
template <class T>
class Cells {
 public:
  /// Throws InvalidInput (see check_atoms, and for a flat box or one with too many images within rcut).
  Cells(const FrameAtoms<T>& atoms, double rcut);

  /// Call visit(begin, end) for stretches of points that together hold all within rcut of atom i.
  template <class Visit>
  void near(int i, Visit&& visit) const;

  const T* x() const { return x_.data(); }
  const T* y() const { return y_.data(); }
  const T* z() const { return z_.data(); }
  /// Number of the copy that stands at a point.
  std::int32_t copy_at(std::int32_t point) const { return copy_[point]; }
  /// Point of a copy; -1 for a virtual atom.
  std::int32_t point_of(std::int32_t copy) const { return point_[copy]; }
  /// The atom that the copy at a point is an image of.
  std::int32_t atom_at(std::int32_t point) const { return atom_[point]; }
  /// Most points that near() may visit in one stretch.
  int longest_stretch() const { return static_cast<int>(x_.size()); }

 private:
  struct Copies;
  void measure(const FrameAtoms<T>& atoms, double rcut);
  Copies make_copies(const FrameAtoms<T>& atoms) const;
  void divide(std::int64_t ncopies, double rcut);
  void sort(const Copies& copies, int natoms);
  std::array<double, 3> fractional(const double* position) const;
  int cell_along(int axis, double fraction) const;

  bool periodic_ = false;
  double lattice_[9];                   // rows: lattice vectors, or the edges of the bounding box
  double inverse_[9];                   // fraction[d] = sum_e (position - origin)[e] inverse[e, d]
  double origin_[3] = {0, 0, 0};
  double height_[3];                    // distance of opposite faces
  double margin_[3] = {0, 0, 0};        // images are made this far (in fractions) outside the box
  int cells_[3];
  int reach_[3];                        // cells to look at on each side
  std::vector<std::int32_t> first_;     // [cells + 1] first point of each cell
  std::vector<T> x_, y_, z_;            // [points]
  std::vector<std::int32_t> copy_, atom_;
  std::vector<std::int32_t> point_;     // [copies]
  std::vector<std::array<int, 3>> home_;  // [natoms] cell of each atom
};

template <class T>
template <class Visit>
void Cells<T>::near(int i, Visit&& visit) const {
  const auto low = [&](int d) { return home_[i][d] > reach_[d] ? home_[i][d] - reach_[d] : 0; };
  const auto high = [&](int d) { return home_[i][d] + reach_[d] < cells_[d] ? home_[i][d] + reach_[d] : cells_[d] - 1; };
  for (int a = low(0); a <= high(0); ++a)
    for (int b = low(1); b <= high(1); ++b) {
      const std::int64_t row = (static_cast<std::int64_t>(a) * cells_[1] + b) * cells_[2];
      const std::int32_t begin = first_[row + low(2)], end = first_[row + high(2) + 1];
      if (begin < end) visit(begin, end);
    }
}

}  // namespace dp
