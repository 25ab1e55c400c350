// The derivative by the table: what each atom left on each knot, put in the order of the knots and contracted there.
#pragma once

#include <cstdint>
#include <vector>

#include "core/table_grid.h"

namespace dp {

/// Collects the sums of the knots that the atoms of each task touched; finish() contracts them with dx.
/// Each row of the derivative is one sum in the order of the atoms, written once by one task: no thread has a table of
/// its own, and the bits depend on neither the tasks nor the threads.
template <int C, class T>
class TableUpdate {
 public:
  explicit TableUpdate(std::int64_t ntasks) : tasks_(ntasks) {}

  /// Of one task: atom `atom` left these sums on the knots in use.
  void add(std::int64_t task, std::int64_t atom, const TableNet& net, KnotSums<T>& sums) {
    Task& to = tasks_[task];
    for (std::int64_t k = 0; k < sums.count(); ++k) {
      const std::int32_t knot = sums.knots()[k];
      to.atom.push_back(atom);
      to.knot.push_back(net.first_knot + knot);
      const T* from = sums.data() + 3 * C * std::int64_t(knot);
      to.sums.insert(to.sums.end(), from, from + 3 * C);
    }
  }

  /// table[3 knot + c, :] = sum over the entries of the knot of sums[c, :] . dx[atom, :, :]. dx [natoms, C, width].
  void finish(const TableSizes& sizes, const T* dx, T* table, const Context& context) const;

 private:
  struct Task {
    std::vector<std::int64_t> atom, knot;
    std::vector<T> sums;
  };
  std::vector<Task> tasks_;
};

}  // namespace dp
