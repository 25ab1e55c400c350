// The checked grids of a table, and where one atom's weights are gathered.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/simd/kernels.h"
#include "dp/table.h"

namespace dp {

/// One net's knots and its place in the table.
struct TableNet {
  KnotGrid grid;
  std::int64_t first_knot;
  std::int64_t nknots;

  bool contains(double x) const { return x >= grid.start[0] - grid.slack && x <= grid.end + grid.slack; }
};

/// Check the grid [nnets, 8] against the sizes; throws InvalidInput naming net and entry.
std::vector<TableNet> table_nets(const TableSizes& sizes, const double* grid);

/// The same, and that there is a net for each pair of types.
std::vector<TableNet> table_nets(const TableSizes& sizes, const TableNets& nets, const double* grid);

/// Throws InvalidInput unless the centre types lie below the number of types.
void check_centers(const TableSizes& sizes, const TableNets& nets, const std::int32_t* center);

/// The contractions for matrices of C rows.
template <int C, class T>
inline const TableKernels<T>& table_kernels(const Context& context) {
  static_assert(C == 1 || C == 4 || C == 8, "the kernels that there are");
  const Kernels<T>& all = kernels<T>(context.target);
  return C == 1 ? all.table1 : C == 4 ? all.table4 : all.table8;
}

/// Numbers per knot of the net in hand, zero between uses, and the list of knots that are in use.
template <class T>
class KnotSums {
 public:
  /// `width` numbers for each knot of the largest net.
  KnotSums(const std::vector<TableNet>& nets, std::int64_t width) : width_(width) {
    std::int64_t most = 0;
    for (const TableNet& net : nets) most = std::max(most, net.nknots);
    sums_.assign(most * width, T(0));
    used_.assign(most, 0);
    knots_.resize(most + 1);  // one more, because use() writes before it knows
  }

  T* data() { return sums_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(sums_.size()); }
  const std::int32_t* knots() const { return knots_.data(); }  ///< each knot in use once, the oldest first
  std::int64_t count() const { return count_; }

  /// Put both ends of the intervals that start at these knots into use.
  void use(const std::int32_t* knot, std::int64_t n) {
    std::int32_t* const knots = knots_.data();
    std::uint8_t* const used = used_.data();  // which the compiler takes for a view of anything, members too
    std::int64_t count = count_;
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int32_t end = knot[j]; end <= knot[j] + 1; ++end) {
        knots[count] = end;  // without a branch: whether a knot is new is as good as random
        count += 1 - used[end];
        used[end] = 1;
      }
    count_ = count;
  }

  /// Make the numbers in use zero and the list empty.
  void clear() {
    for (std::int64_t k = 0; k < count_; ++k) {
      std::fill_n(sums_.data() + knots_[k] * width_, width_, T(0));
      used_[knots_[k]] = 0;
    }
    count_ = 0;
  }

 private:
  std::int64_t width_, count_ = 0;
  std::vector<T> sums_;
  std::vector<std::uint8_t> used_;
  std::vector<std::int32_t> knots_;
};

}  // namespace dp
