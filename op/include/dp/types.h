// Sizes and settings shared by all kernels. They travel as named fields so that two integers cannot be swapped.
#pragma once

#include <cstdint>
#include <vector>

namespace dp {

/// Sizes of a batch of frames that hold the same number of atoms.
struct Frames {
  std::int64_t nframes = 0;
  int nloc = 0;    ///< atoms per frame that own a row of the environment matrix
  int nall = 0;    ///< nloc plus the ghost atoms given by the caller
  int ntypes = 0;  ///< atom types; a negative type marks a virtual atom
};

/// Radii of the switching function, in the unit of the coordinates.
struct Cutoff {
  double rcut = 0;       ///< neighbours are nearer than this
  double rcut_smth = 0;  ///< the switch leaves 1 here
};

/// Neighbour slots of one atom: type t owns slots [start[t], start[t + 1]).
class Slots {
 public:
  /// `sel[t]` is the number of slots of type t; throws InvalidInput on a negative one.
  Slots(const std::int32_t* sel, int ntypes);

  int ntypes() const { return static_cast<int>(start_.size()) - 1; }
  int total() const { return start_.back(); }
  int begin(int type) const { return start_[type]; }
  int size(int type) const { return start_[type + 1] - start_[type]; }

 private:
  std::vector<int> start_;
};

/// The numbers in a row of the environment matrix: s(r) alone, or s(r) (1, x/r, y/r, z/r).
enum class Components : int { radial = 1, full = 4 };

constexpr int width(Components components) { return static_cast<int>(components); }

/// Sizes of the arrays that the force and virial kernels contract.
struct Rows {
  std::int64_t nframes = 0;
  int nloc = 0;  ///< rows per frame
  int nall = 0;  ///< atoms per frame that receive a force
  int nnei = 0;  ///< neighbour slots per row
  Components components = Components::full;  ///< of a slot; their number is C in the shapes below
};

}  // namespace dp
