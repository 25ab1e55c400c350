#include "core/table_blocks.h"
#include "core/table_update.h"

namespace dp {

namespace {

/// The sum of one atom, block by block.
template <int C, class T>
struct SumWork {
  explicit SumWork(const TableBlocks<C, T>& blocks, T* x) : blocks(blocks), x(x), sums(blocks.knot_sums()) {}

  void operator()(std::int64_t, std::int64_t atom, const TableBlock<C, T>& block) {
    const std::int64_t width = blocks.sizes.width;
    blocks.kernel.spread(block.n, block.knot.data(), block.w.data(), block.row.data(), sums.data());
    sums.use(block.knot.data(), block.n);
    blocks.kernel.outer(sums.count(), width, sums.knots(), sums.data(), blocks.table(*block.net),
                        x + atom * C * width);
    sums.clear();
  }

  const TableBlocks<C, T>& blocks;
  T* x;
  KnotSums<T> sums;
};

/// The first derivatives of one atom, block by block.
template <int C, class T>
struct GradWork {
  GradWork(const TableBlocks<C, T>& blocks, const T* dx, T* drows, TableUpdate<C, T>* update)
      : blocks(blocks), dx(dx), drows(drows), update(update), sums(blocks.knot_sums()),
        z(drows == nullptr ? 0 : sums.size()) {}

  void operator()(std::int64_t task, std::int64_t atom, const TableBlock<C, T>& block) {
    sums.use(block.knot.data(), block.n);
    if (update != nullptr) {
      blocks.kernel.spread(block.n, block.knot.data(), block.w.data(), block.row.data(), sums.data());
      update->add(task, atom, *block.net, sums);
    }
    if (drows != nullptr) rows(atom, block);
    sums.clear();
  }

  /// drow[a] = f . dx[a, :], and the part of row[0] has the slope of f as well.
  void rows(std::int64_t atom, const TableBlock<C, T>& block) {
    const std::int64_t width = blocks.sizes.width;
    blocks.kernel.dot(sums.count(), width, sums.knots(), blocks.table(*block.net), dx + atom * C * width, z.data());
    f.resize(C * block.n), df.resize(C * block.n);
    if (C > 1) blocks.kernel.gather(block.n, block.knot.data(), block.w.data(), z.data(), f.data());
    blocks.kernel.gather(block.n, block.knot.data(), block.dw.data(), z.data(), df.data());
    for (std::int64_t j = 0; j < block.found; ++j) {
      T* drow = drows + blocks.row_of(atom) + C * block.slot[j];
      T slope = 0;
      for (int a = 0; a < C; ++a) slope += block.row[C * j + a] * df[C * j + a];
      for (int a = 1; a < C; ++a) drow[a] = f[C * j + a];
      drow[0] = C > 1 ? f[C * j] + slope : slope;
    }
  }

  const TableBlocks<C, T>& blocks;
  const T* dx;
  T* drows;
  TableUpdate<C, T>* update;
  KnotSums<T> sums;
  std::vector<T> z, f, df;
};

/// The second derivatives of one atom, block by block: of the change of row[a] f(row[0]) along ddrow, which is
/// ddrow[a] f + row[a] f' ddrow[0], contracted with dx.
template <int C, class T>
struct GradGradWork {
  GradGradWork(const TableBlocks<C, T>& blocks, const T* dx, const T* ddrows, const TableGrad<T>& grad,
               TableUpdate<C, T>* update)
      : blocks(blocks), dx(dx), ddrows(ddrows), grad(grad), update(update), sums(blocks.knot_sums()),
        z(grad.rows == nullptr ? 0 : sums.size()) {}

  void operator()(std::int64_t task, std::int64_t atom, const TableBlock<C, T>& block) {
    const std::int64_t width = blocks.sizes.width;
    collect(atom, block);
    sums.use(block.knot.data(), block.n);
    if (grad.x != nullptr || update != nullptr) {
      if (C > 1) blocks.kernel.spread(block.n, block.knot.data(), block.w.data(), along.data(), sums.data());
      blocks.kernel.spread(block.n, block.knot.data(), block.dw.data(), stretched.data(), sums.data());
    }
    if (grad.x != nullptr)
      blocks.kernel.outer(sums.count(), width, sums.knots(), sums.data(), blocks.table(*block.net),
                          grad.x + atom * C * width);
    if (update != nullptr) update->add(task, atom, *block.net, sums);
    if (grad.rows != nullptr) rows(atom, block);
    sums.clear();
  }

  /// ddrow of the neighbours side by side, and row times ddrow[0].
  void collect(std::int64_t atom, const TableBlock<C, T>& block) {
    along.resize(C * block.n), stretched.resize(C * block.n);
    for (std::int64_t j = 0; j < block.n; ++j) {
      const T* ddrow = ddrows + blocks.row_of(atom) + C * block.slot[j];
      for (int a = 0; a < C; ++a) along[C * j + a] = ddrow[a], stretched[C * j + a] = block.row[C * j + a] * ddrow[0];
    }
  }

  void rows(std::int64_t atom, const TableBlock<C, T>& block) {
    const std::int64_t width = blocks.sizes.width;
    blocks.kernel.dot(sums.count(), width, sums.knots(), blocks.table(*block.net), dx + atom * C * width, z.data());
    df.resize(C * block.n), ddf.resize(C * block.n);
    blocks.kernel.gather(block.n, block.knot.data(), block.dw.data(), z.data(), df.data());
    blocks.kernel.gather(block.n, block.knot.data(), block.ddw.data(), z.data(), ddf.data());
    for (std::int64_t j = 0; j < block.n; ++j) {
      T* to = grad.rows + blocks.row_of(atom) + C * block.slot[j];
      const T *d = df.data() + C * j, *dd = ddf.data() + C * j, *g = along.data() + C * j;
      T curved = 0;
      for (int a = 0; a < C; ++a) curved += stretched[C * j + a] * dd[a] + (C > 1 ? g[a] * d[a] : T(0));
      for (int a = 1; a < C; ++a) to[a] = g[0] * d[a];
      to[0] = C > 1 ? curved + g[0] * d[0] : curved;
    }
  }

  const TableBlocks<C, T>& blocks;
  const T *dx, *ddrows;
  const TableGrad<T>& grad;
  TableUpdate<C, T>* update;
  KnotSums<T> sums;
  std::vector<T> z, along, stretched, df, ddf;
};

}  // namespace

template <int C, class T>
std::int64_t table_sum(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, T* x,
                       const Context& context) {
  const TableBlocks<C, T> blocks(sizes, nets, in, context);
  std::fill_n(x, sizes.natoms * C * sizes.width, T(0));
  return blocks.template run<SumWork<C, T>>(0, true, [&] { return SumWork<C, T>(blocks, x); });
}

template <int C, class T>
void table_sum_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                    const TableGrad<T>& grad, const Context& context) {
  const TableBlocks<C, T> blocks(sizes, nets, in, context);
  TableUpdate<C, T> update(blocks.ntasks());
  TableUpdate<C, T>* const wanted = grad.table == nullptr ? nullptr : &update;
  if (grad.rows != nullptr) std::fill_n(grad.rows, blocks.row_of(sizes.natoms), T(0));
  blocks.template run<GradWork<C, T>>(grad.rows == nullptr ? 0 : 1, grad.table != nullptr,
                                      [&] { return GradWork<C, T>(blocks, dx, grad.rows, wanted); });
  if (grad.table != nullptr) update.finish(sizes, dx, grad.table, context);
}

template <int C, class T>
void table_sum_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                         const T* ddrows, const TableGrad<T>& grad, const Context& context) {
  const TableBlocks<C, T> blocks(sizes, nets, in, context);
  TableUpdate<C, T> update(blocks.ntasks());
  TableUpdate<C, T>* const wanted = grad.table == nullptr ? nullptr : &update;
  if (grad.x != nullptr) std::fill_n(grad.x, sizes.natoms * C * sizes.width, T(0));
  if (grad.rows != nullptr) std::fill_n(grad.rows, blocks.row_of(sizes.natoms), T(0));
  blocks.template run<GradGradWork<C, T>>(grad.rows == nullptr ? 1 : 2, false,
                                          [&] { return GradGradWork<C, T>(blocks, dx, ddrows, grad, wanted); });
  if (grad.table != nullptr) update.finish(sizes, dx, grad.table, context);
}

#define DP_INSTANTIATE(C, T)                                                                                          \
  template std::int64_t table_sum<C, T>(const TableSizes&, const TableNets&, const TableInput<T>&, T*,                \
                                        const Context&);                                                              \
  template void table_sum_grad<C, T>(const TableSizes&, const TableNets&, const TableInput<T>&, const T*,             \
                                     const TableGrad<T>&, const Context&);                                            \
  template void table_sum_grad_grad<C, T>(const TableSizes&, const TableNets&, const TableInput<T>&, const T*,        \
                                          const T*, const TableGrad<T>&, const Context&);
DP_INSTANTIATE(1, float)
DP_INSTANTIATE(1, double)
DP_INSTANTIATE(4, float)
DP_INSTANTIATE(4, double)
DP_INSTANTIATE(8, float)
DP_INSTANTIATE(8, double)
#undef DP_INSTANTIATE

}  // namespace dp
