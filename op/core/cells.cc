#include "core/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "dp/error.h"

namespace dp {

namespace {

// Images are made and cells searched a little beyond the cutoff, so that rounding never hides a neighbour.
constexpr double kSlack = 1e-6;
// 16 GB of image positions: a box this small against the cutoff is a mistake in the input.
constexpr double kMaxCopies = 2e8;

std::string place(std::int64_t frame) { return "frame " + std::to_string(frame); }

double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void cross(const double* a, const double* b, double* out) {
  out[0] = a[1] * b[2] - a[2] * b[1];
  out[1] = a[2] * b[0] - a[0] * b[2];
  out[2] = a[0] * b[1] - a[1] * b[0];
}

}  // namespace

template <class T>
void check_atoms(const FrameAtoms<T>& atoms) {
  for (int i = 0; i < atoms.natoms; ++i) {
    if (atoms.type[i] >= atoms.ntypes)
      throw InvalidInput(place(atoms.frame) + ", atom " + std::to_string(i) + ": expected a type below " +
                         std::to_string(atoms.ntypes) + ", found " + std::to_string(atoms.type[i]));
    for (int d = 0; d < 3; ++d)
      if (!std::isfinite(atoms.coord[3 * i + d]))
        throw InvalidInput(place(atoms.frame) + ", atom " + std::to_string(i) +
                           ": expected a finite position, found " + std::to_string(atoms.coord[3 * i + d]));
  }
}

template <class T>
struct Cells<T>::Copies {
  std::vector<std::array<double, 3>> position, fraction;
  std::vector<std::int32_t> atom;  // -1 for a virtual atom
};

template <class T>
Cells<T>::Cells(const FrameAtoms<T>& atoms, double rcut) : periodic_(atoms.box != nullptr) {
  check_atoms(atoms);
  measure(atoms, rcut);
  const Copies copies = make_copies(atoms);
  divide(static_cast<std::int64_t>(copies.atom.size()), rcut);
  sort(copies, atoms.natoms);
}

/// Lattice, its inverse and heights; without a box that of the bounding box.
template <class T>
void Cells<T>::measure(const FrameAtoms<T>& atoms, double rcut) {
  if (periodic_) {
    std::copy_n(atoms.box, 9, lattice_);
  } else {
    std::fill_n(lattice_, 9, 0.0);
    for (int d = 0; d < 3; ++d) {
      double low = 0, high = 0;
      for (int i = 0; i < atoms.natoms; ++i) {
        const double value = atoms.coord[3 * i + d];
        low = i == 0 ? value : std::min(low, value);
        high = i == 0 ? value : std::max(high, value);
      }
      origin_[d] = low;
      lattice_[4 * d] = std::max(high - low, rcut);
    }
  }
  double faces[3][3];
  for (int d = 0; d < 3; ++d) cross(lattice_ + 3 * ((d + 1) % 3), lattice_ + 3 * ((d + 2) % 3), faces[d]);
  const double volume = dot(lattice_, faces[0]);
  double images = 1;
  for (int d = 0; d < 3; ++d) {
    height_[d] = std::abs(volume) / std::sqrt(dot(faces[d], faces[d]));
    if (!(height_[d] > 0) || !std::isfinite(height_[d]))
      throw InvalidInput(place(atoms.frame) + ": expected a box that spans a volume, found one of volume " +
                         std::to_string(volume));
    for (int e = 0; e < 3; ++e) inverse_[3 * e + d] = faces[d][e] / volume;
    if (periodic_) margin_[d] = rcut / height_[d] * (1 + kSlack) + kSlack;
    images *= 1 + 2 * margin_[d];
  }
  if (images * atoms.natoms > kMaxCopies)
    throw InvalidInput(place(atoms.frame) + ": the box (volume " + std::to_string(volume) +
                       ") is too small for the cutoff " + std::to_string(rcut) + ": some " + std::to_string(images) +
                       " images of each atom lie within it");
}

template <class T>
std::array<double, 3> Cells<T>::fractional(const double* position) const {
  std::array<double, 3> f;
  for (int d = 0; d < 3; ++d) {
    f[d] = 0;
    for (int e = 0; e < 3; ++e) f[d] += (position[e] - origin_[e]) * inverse_[3 * e + d];
  }
  return f;
}

/// All atoms, wrapped into the box, then their images within the margin around it.
template <class T>
typename Cells<T>::Copies Cells<T>::make_copies(const FrameAtoms<T>& atoms) const {
  Copies copies;
  const auto add = [&](const std::array<double, 3>& position, const std::array<double, 3>& fraction, int atom) {
    copies.position.push_back(position);
    copies.fraction.push_back(fraction);
    copies.atom.push_back(atom);
  };
  const auto moved = [&](std::array<double, 3> position, const double* by) {
    for (int d = 0; d < 3; ++d)
      for (int e = 0; e < 3; ++e) position[e] += by[d] * lattice_[3 * d + e];
    return position;
  };
  for (int i = 0; i < atoms.natoms; ++i) {
    std::array<double, 3> position = {double(atoms.coord[3 * i]), double(atoms.coord[3 * i + 1]),
                                      double(atoms.coord[3 * i + 2])};
    std::array<double, 3> fraction = fractional(position.data());
    if (periodic_) {
      const double home[3] = {-std::floor(fraction[0]), -std::floor(fraction[1]), -std::floor(fraction[2])};
      position = moved(position, home);
      for (int d = 0; d < 3; ++d) fraction[d] += home[d];
    }
    add(position, fraction, atoms.type[i] < 0 ? -1 : i);
  }
  if (!periodic_) return copies;
  for (int i = 0; i < atoms.natoms; ++i) {
    if (copies.atom[i] < 0) continue;
    const std::array<double, 3> position = copies.position[i], fraction = copies.fraction[i];
    int low[3], high[3];
    for (int d = 0; d < 3; ++d) {
      low[d] = static_cast<int>(std::ceil(-margin_[d] - fraction[d]));
      high[d] = static_cast<int>(std::floor(1 + margin_[d] - fraction[d]));
    }
    for (int a = low[0]; a <= high[0]; ++a)
      for (int b = low[1]; b <= high[1]; ++b)
        for (int c = low[2]; c <= high[2]; ++c) {
          if (a == 0 && b == 0 && c == 0) continue;
          const double shift[3] = {double(a), double(b), double(c)};
          add(moved(position, shift), {fraction[0] + a, fraction[1] + b, fraction[2] + c}, i);
        }
  }
  return copies;
}

/// Choose the cells: half a cutoff wide, but not many more of them than points.
template <class T>
void Cells<T>::divide(std::int64_t ncopies, double rcut) {
  const double most = std::max<double>(64, 2.0 * static_cast<double>(ncopies));
  double wanted[3];
  for (int d = 0; d < 3; ++d) wanted[d] = std::max(1.0, height_[d] * (1 + 2 * margin_[d]) / (0.5 * rcut));
  while (std::floor(wanted[0]) * std::floor(wanted[1]) * std::floor(wanted[2]) > most) {
    double& largest = *std::max_element(wanted, wanted + 3);
    largest = std::max(1.0, 0.5 * largest);
  }
  for (int d = 0; d < 3; ++d) {
    cells_[d] = static_cast<int>(wanted[d]);
    const double reach = rcut / height_[d] * (1 + kSlack) * cells_[d] / (1 + 2 * margin_[d]);
    reach_[d] = static_cast<int>(std::min<double>(cells_[d], std::ceil(reach + kSlack)));
  }
}

template <class T>
int Cells<T>::cell_along(int axis, double fraction) const {
  const double cell = (fraction + margin_[axis]) / (1 + 2 * margin_[axis]) * cells_[axis];
  return cell <= 0 ? 0 : std::min(static_cast<int>(cell), cells_[axis] - 1);
}

/// Counting sort of the points by cell, keeping the order of the copies within a cell.
template <class T>
void Cells<T>::sort(const Copies& copies, int natoms) {
  const std::size_t ncopies = copies.atom.size();
  home_.resize(natoms);
  std::vector<std::int32_t> cell(ncopies, -1);
  first_.assign(static_cast<std::size_t>(cells_[0]) * cells_[1] * cells_[2] + 1, 0);
  for (std::size_t g = 0; g < ncopies; ++g) {
    std::array<int, 3> at;
    for (int d = 0; d < 3; ++d) at[d] = cell_along(d, copies.fraction[g][d]);
    if (g < static_cast<std::size_t>(natoms)) home_[g] = at;
    if (copies.atom[g] < 0) continue;
    cell[g] = static_cast<std::int32_t>((static_cast<std::int64_t>(at[0]) * cells_[1] + at[1]) * cells_[2] + at[2]);
    ++first_[cell[g] + 1];
  }
  for (std::size_t c = 1; c < first_.size(); ++c) first_[c] += first_[c - 1];
  const std::size_t points = first_.back();
  x_.resize(points), y_.resize(points), z_.resize(points);
  copy_.resize(points), atom_.resize(points);
  point_.assign(ncopies, -1);
  std::vector<std::int32_t> next(first_.begin(), first_.end() - 1);
  for (std::size_t g = 0; g < ncopies; ++g) {
    if (cell[g] < 0) continue;
    const std::int32_t p = next[cell[g]]++;
    x_[p] = static_cast<T>(copies.position[g][0]);
    y_[p] = static_cast<T>(copies.position[g][1]);
    z_[p] = static_cast<T>(copies.position[g][2]);
    copy_[p] = static_cast<std::int32_t>(g);
    atom_[p] = copies.atom[g];
    point_[g] = p;
  }
}

template void check_atoms(const FrameAtoms<float>&);
template void check_atoms(const FrameAtoms<double>&);
template class Cells<float>;
template class Cells<double>;

}  // namespace dp
