// How the atoms of a table op are divided into tasks, and the neighbours of one type of one atom with their weights.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/table_grid.h"
#include "core/workers.h"

namespace dp {

// Enough to outweigh the start of a task, few enough for small systems to occupy every thread.
constexpr std::int64_t kTableAtomsPerTask = 16;

/// The neighbours of one type of one atom, side by side, with their weights.
template <int C, class T>
struct TableBlock {
  const TableNet* net = nullptr;
  std::int64_t found = 0;          ///< real neighbours
  std::int64_t n = 0;              ///< with the entry of the empty slots, which comes last where asked for
  std::vector<std::int32_t> slot;  ///< [found] in the row of the atom
  std::vector<std::int32_t> knot;
  std::vector<T> x;    ///< [n] arguments of the net
  std::vector<T> row;  ///< [n, C] factors; all 1 where C = 1
  std::vector<T> w, dw, ddw;

  TableBlock(std::int64_t most, int order)
      : slot(most), knot(most), x(most), row(C * most), w(6 * most), dw(order > 0 ? 6 * most : 0),
        ddw(order > 1 ? 6 * most : 0) {}
  void set(std::int64_t j, const T* from, T times) {
    x[j] = from[0];
    for (int a = 0; a < C; ++a) row[C * j + a] = C == 1 ? times : times * from[a];
  }
};

/// What the three functions share: checks, tasks, and the blocks of each atom.
template <int C, class T>
class TableBlocks {
 public:
  TableBlocks(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const Context& context,
              std::int64_t atoms_per_task = kTableAtomsPerTask)
      : sizes(sizes), in(in), context(context), kernel(table_kernels<C, T>(context)), nets_(nets),
        grids_(table_nets(sizes, nets, in.grid)), atoms_per_task_(atoms_per_task) {
    check_centers(sizes, nets, in.center);
  }

  std::int64_t ntasks() const { return (sizes.natoms + atoms_per_task_ - 1) / atoms_per_task_; }

  /// Space for the numbers on the knots of one net.
  KnotSums<T> knot_sums() const { return KnotSums<T>(grids_, 3 * C); }

  /// First row of a net in the table.
  const T* table(const TableNet& net) const { return in.table + 3 * sizes.width * net.first_knot; }

  /// Call work(task, atom, block) for each atom and each block of it; make() returns the `Work` of one thread.
  /// `order` is the highest derivative of the weights, `empties` adds the entry of the empty slots.
  /// Returns how many real neighbours lie outside.
  template <class Work, class Make>
  std::int64_t run(int order, bool empties, const Make& make) const {
    const Slots& slots = nets_.slots;
    std::int64_t most = 0;
    for (int t = 0; t < slots.ntypes(); ++t) most = std::max<std::int64_t>(most, slots.size(t));
    std::vector<std::int64_t> outside(ntasks(), 0);
    Workers<std::pair<Work, TableBlock<C, T>>> workers;
    const auto make_both = [&] { return std::make_pair(make(), TableBlock<C, T>(most + 1, order)); };
    const std::int64_t cost = atoms_per_task_ * slots.total() * (20 + sizes.width / 2);
    parallel_for(context.pool, ntasks(), cost, [&](std::int64_t task) {
      workers.with(make_both, [&](auto& worker) {
        auto& [work, block] = worker;
        const std::int64_t last = std::min(sizes.natoms, (task + 1) * atoms_per_task_);
        for (std::int64_t atom = task * atoms_per_task_; atom < last; ++atom)
          for (int type = 0; in.center[atom] >= 0 && type < slots.ntypes(); ++type)
            if (locate(atom, type, order, empties, block, outside[task])) work(task, atom, block);
      });
    });
    std::int64_t sum = 0;
    for (std::int64_t count : outside) sum += count;
    return sum;
  }

  /// Whether a slot of an atom holds a neighbour that contributes.
  bool contributes(std::int64_t atom, std::int64_t slot) const {
    int type = 0;
    while (slot >= nets_.slots.begin(type) + nets_.slots.size(type)) ++type;
    const std::int32_t center = in.center[atom];
    return center >= 0 && in.nlist[atom * nets_.slots.total() + slot] >= 0 &&
           nets_.nets[center * nets_.slots.ntypes() + type] >= 0;
  }

  /// First number of an atom in an array like rows.
  std::int64_t row_of(std::int64_t atom) const { return C * atom * nets_.slots.total(); }

  const TableSizes sizes;
  const TableInput<T>& in;
  const Context& context;
  const TableKernels<T>& kernel;

 private:
  /// Collect the neighbours of a type; false when there is nothing to do.
  bool locate(std::int64_t atom, int type, int order, bool empties, TableBlock<C, T>& block,
              std::int64_t& outside) const {
    const Slots& slots = nets_.slots;
    const std::int64_t pair = std::int64_t(in.center[atom]) * slots.ntypes() + type;
    if (nets_.nets[pair] < 0) return false;
    block.net = &grids_[nets_.nets[pair]];
    const std::int32_t* nlist = in.nlist + atom * slots.total();
    const T* rows = in.rows + row_of(atom);
    std::int64_t n = 0;
    for (int slot = slots.begin(type); slot < slots.begin(type) + slots.size(type); ++slot) {
      if (nlist[slot] < 0) continue;
      block.slot[n] = slot;
      block.set(n++, rows + C * slot, 1);
    }
    block.found = n;
    if (empties && n < slots.size(type)) {
      const T* empty = in.empty + C * pair;
      if (!block.net->contains(empty[0])) --outside;  // counted below
      block.set(n++, empty, static_cast<T>(slots.size(type) - block.found));
    }
    block.n = n;
    if (n == 0) return false;
    outside += kernels<T>(context.target)
                   .hermite(block.net->grid, n, block.x.data(), block.knot.data(), block.w.data(),
                            order > 0 ? block.dw.data() : nullptr, order > 1 ? block.ddw.data() : nullptr);
    return true;
  }

  const TableNets& nets_;
  const std::vector<TableNet> grids_;
  const std::int64_t atoms_per_task_;
};

}  // namespace dp
