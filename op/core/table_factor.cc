#include "core/table_blocks.h"

namespace dp {

namespace {

/// The inputs and outputs of the three functions; null is not there.
template <class T>
struct FactorArrays {
  int derivative;  ///< 0: the sum, 1 and 2: its derivatives
  const T* factor;
  const T* dx;
  const T *ddrows, *ddfactor;
  FactorGrad<T> to;
  T* tables;  ///< [tasks, nknots, 3, width] what each task adds to the derivative by the table
};

/// The neighbours of one block after another; arrays hold a row for each of them.
template <class T>
class FactorWork {
 public:
  FactorWork(const TableBlocks<4, T>& blocks, const FactorArrays<T>& arrays)
      : blocks_(blocks), kernel_(kernels<T>(blocks.context.target)), arrays_(arrays),
        width_(blocks.sizes.width), nnei_(blocks.row_of(1) / 4), x_(4 * width_) {}

  void operator()(std::int64_t task, std::int64_t atom, const TableBlock<4, T>& block) {
    task_ = task;
    features(block, block.w, f_);
    if (arrays_.derivative == 0) value(atom, block);
    if (arrays_.derivative == 1) first(atom, block);
    if (arrays_.derivative == 2) second(atom, block);
  }

 private:
  /// Number of a neighbour's slot among all.
  std::int64_t slot(std::int64_t atom, const TableBlock<4, T>& block, std::int64_t j) const {
    return atom * nnei_ + block.slot[j];
  }

  void features(const TableBlock<4, T>& block, const std::vector<T>& weight, std::vector<T>& to) {
    to.resize(block.n * width_);
    kernel_.table_features(block.n, width_, block.knot.data(), weight.data(), blocks_.table(*block.net), to.data());
  }

  /// x += sum over n rows of rows (x) features.
  void outer(std::int64_t n, const T* rows, const T* features, T* x) {
    kernel_.group_outer(n, width_, rows, features, x_.data());
    for (std::int64_t k = 0; k < 4 * width_; ++k) x[k] += x_[k];
  }

  void value(std::int64_t atom, const TableBlock<4, T>& block) {
    for (std::int64_t j = 0; j < block.n; ++j)
      kernel_.factor_times(width_, arrays_.factor + width_ * slot(atom, block, j), f_.data() + j * width_);
    outer(block.n, block.row.data(), f_.data(), arrays_.to.x + 4 * width_ * atom);
  }

  void first(std::int64_t atom, const TableBlock<4, T>& block) {
    const std::int64_t m = width_;
    const T* dx = arrays_.dx + 4 * m * atom;
    const bool rows = arrays_.to.rows != nullptr;
    y_.resize(block.n * m), slope_.resize(block.n), by_feature_.resize(m);
    if (rows) features(block, block.dw, df_);
    kernel_.group_spread(block.n, m, block.row.data(), dx, y_.data());
    for (std::int64_t j = 0; j < block.n; ++j) {
      const std::int64_t s = slot(atom, block, j);
      slope_[j] = kernel_.factor_grad(m, arrays_.factor + m * s, y_.data() + j * m,
                                      rows ? df_.data() + j * m : nullptr, f_.data() + j * m, by_feature_.data(),
                                      dfactor(s));
      scatter(block, j, block.w, by_feature_.data());
    }
    if (rows) put_rows(atom, block, f_);
  }

  void second(std::int64_t atom, const TableBlock<4, T>& block) {
    const std::int64_t m = width_;
    const T* dx = arrays_.dx + 4 * m * atom;
    const bool rows = arrays_.to.rows != nullptr;
    y_.resize(block.n * m), z_.resize(block.n * m), slope_.resize(block.n), by_feature_.resize(2 * m);
    along_.resize(4 * block.n);
    for (std::int64_t j = 0; j < block.n; ++j)
      std::copy_n(arrays_.ddrows + 4 * slot(atom, block, j), 4, along_.data() + 4 * j);
    features(block, block.dw, df_);
    if (rows) features(block, block.ddw, ddf_);
    kernel_.group_spread(block.n, m, block.row.data(), dx, y_.data());
    kernel_.group_spread(block.n, m, along_.data(), dx, z_.data());
    for (std::int64_t j = 0; j < block.n; ++j) {
      const std::int64_t s = slot(atom, block, j);
      slope_[j] = kernel_.factor_grad_grad(
          m, arrays_.factor + m * s, arrays_.ddfactor + m * s, y_.data() + j * m, z_.data() + j * m, along_[4 * j],
          rows ? ddf_.data() + j * m : nullptr, f_.data() + j * m, df_.data() + j * m, by_feature_.data(),
          by_feature_.data() + m, dfactor(s));
      scatter(block, j, block.w, by_feature_.data());
      scatter(block, j, block.dw, by_feature_.data() + m);
    }
    if (arrays_.to.x != nullptr) {
      outer(block.n, along_.data(), f_.data(), arrays_.to.x + 4 * m * atom);
      outer(block.n, block.row.data(), df_.data(), arrays_.to.x + 4 * m * atom);
    }
    if (rows) put_rows(atom, block, df_);
  }

  T* dfactor(std::int64_t slot) const {
    return arrays_.to.factor == nullptr ? nullptr : arrays_.to.factor + width_ * slot;
  }

  /// Add what a neighbour leaves on its two knots to the table of the task.
  void scatter(const TableBlock<4, T>& block, std::int64_t j, const std::vector<T>& weight, const T* by_feature) {
    if (arrays_.tables == nullptr) return;
    const std::int64_t knot = task_ * blocks_.sizes.nknots + block.net->first_knot + block.knot[j];
    kernel_.table_scatter(width_, weight.data() + j, block.n, by_feature, arrays_.tables + 3 * width_ * knot);
  }

  /// drow[a] = feature . dx[a, :], and that of row[0] has the slope as well.
  void put_rows(std::int64_t atom, const TableBlock<4, T>& block, const std::vector<T>& feature) {
    rows_.resize(4 * block.n);
    kernel_.group_dot(block.n, width_, feature.data(), arrays_.dx + 4 * width_ * atom, rows_.data());
    for (std::int64_t j = 0; j < block.n; ++j) {
      T* to = arrays_.to.rows + 4 * slot(atom, block, j);
      std::copy_n(rows_.data() + 4 * j, 4, to);
      to[0] += slope_[j];
    }
  }

  const TableBlocks<4, T>& blocks_;
  const Kernels<T>& kernel_;
  const FactorArrays<T>& arrays_;
  const std::int64_t width_, nnei_;
  std::int64_t task_ = 0;
  std::vector<T> x_, f_, df_, ddf_, y_, z_, slope_, by_feature_, along_, rows_;
};

/// Rows and factors of the slots that contribute nothing become 0.
template <class T>
void clear_unused(const TableBlocks<4, T>& blocks, const FactorGrad<T>& to) {
  const std::int64_t m = blocks.sizes.width, nnei = blocks.row_of(1) / 4;
  parallel_for(blocks.context.pool, blocks.sizes.natoms, nnei * 4, [&](std::int64_t atom) {
    for (std::int64_t k = 0; k < nnei; ++k) {
      if (blocks.contributes(atom, k)) continue;
      const std::int64_t slot = atom * nnei + k;
      if (to.rows != nullptr) std::fill_n(to.rows + 4 * slot, 4, T(0));
      if (to.factor != nullptr) std::fill_n(to.factor + m * slot, m, T(0));
    }
  });
}

/// How many atoms share a table of their own: enough that its sum with the others costs little.
std::int64_t atoms_per_table(const TableSizes& sizes, const TableNets& nets) {
  constexpr std::int64_t kMostTables = 16;
  const std::int64_t slots = sizes.natoms * nets.slots.total();
  const std::int64_t tables = std::min(kMostTables, std::max<std::int64_t>(1, slots / (4 * sizes.nknots + 1)));
  return std::max<std::int64_t>(1, (sizes.natoms + tables - 1) / tables);
}

/// table = sum of the tables in order, knot by knot.
template <class T>
void sum_tables(const TableSizes& sizes, const std::vector<T>& tables, T* table, const Context& context) {
  const std::int64_t numbers = 3 * sizes.width, all = sizes.nknots * numbers;
  parallel_for(context.pool, sizes.nknots, numbers * 4, [&](std::int64_t knot) {
    T* to = table + knot * numbers;
    std::fill_n(to, numbers, T(0));
    for (std::size_t first = 0; first < tables.size(); first += all)
      for (std::int64_t k = 0; k < numbers; ++k) to[k] += tables[first + knot * numbers + k];
  });
}

/// Either derivative.
template <class T>
void derivative(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, FactorArrays<T> arrays,
                const Context& context) {
  const bool table = arrays.to.table != nullptr;
  const TableBlocks<4, T> blocks(sizes, nets, in, context,
                                 table ? atoms_per_table(sizes, nets) : kTableAtomsPerTask);
  std::vector<T> tables(table ? blocks.ntasks() * sizes.nknots * 3 * sizes.width : 0);
  if (table) arrays.tables = tables.data();
  clear_unused(blocks, arrays.to);
  if (arrays.to.x != nullptr) std::fill_n(arrays.to.x, 4 * sizes.natoms * sizes.width, T(0));
  const int order = arrays.derivative - (arrays.to.rows == nullptr);  // of the weights
  blocks.template run<FactorWork<T>>(order, false, [&] { return FactorWork<T>(blocks, arrays); });
  if (table) sum_tables(sizes, tables, arrays.to.table, context);
}

}  // namespace

template <class T>
std::int64_t table_factor(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                          T* x, const Context& context) {
  const TableBlocks<4, T> blocks(sizes, nets, in, context);
  const FactorArrays<T> arrays{0, factor, nullptr, nullptr, nullptr, {x, nullptr, nullptr, nullptr}, nullptr};
  std::fill_n(x, 4 * sizes.natoms * sizes.width, T(0));
  return blocks.template run<FactorWork<T>>(0, false, [&] { return FactorWork<T>(blocks, arrays); });
}

template <class T>
void table_factor_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                       const T* dx, const FactorGrad<T>& grad, const Context& context) {
  const FactorGrad<T> to{nullptr, grad.rows, grad.factor, grad.table};
  derivative<T>(sizes, nets, in, {1, factor, dx, nullptr, nullptr, to, nullptr}, context);
}

template <class T>
void table_factor_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                            const T* dx, const T* ddrows, const T* ddfactor, const FactorGrad<T>& grad,
                            const Context& context) {
  derivative<T>(sizes, nets, in, {2, factor, dx, ddrows, ddfactor, grad, nullptr}, context);
}

#define DP_INSTANTIATE(T)                                                                                             \
  template std::int64_t table_factor(const TableSizes&, const TableNets&, const TableInput<T>&, const T*, T*,         \
                                     const Context&);                                                                 \
  template void table_factor_grad(const TableSizes&, const TableNets&, const TableInput<T>&, const T*, const T*,      \
                                  const FactorGrad<T>&, const Context&);                                              \
  template void table_factor_grad_grad(const TableSizes&, const TableNets&, const TableInput<T>&, const T*, const T*, \
                                       const T*, const T*, const FactorGrad<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
