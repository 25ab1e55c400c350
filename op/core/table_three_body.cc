#include "core/table_pairs.h"
#include "core/table_update.h"
#include "core/workers.h"

namespace dp {

namespace {

constexpr std::int64_t kAtomsPerTask = 4;

/// What the three functions share.
template <class T>
struct Pairs {
  Pairs(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const Context& context)
      : sizes(sizes), nets(nets), in(in), kernel(kernels<T>(context.target)), context(context),
        grids(table_nets(sizes, nets, in.grid)) {
    check_centers(sizes, nets, in.center);
  }
  std::int64_t ntasks() const { return (sizes.natoms + kAtomsPerTask - 1) / kAtomsPerTask; }
  std::int64_t nnei() const { return nets.slots.total(); }

  const TableSizes sizes;
  const TableNets& nets;
  const TableInput<T>& in;
  const Kernels<T>& kernel;
  const Context& context;
  const std::vector<TableNet> grids;
};

/// What one of the functions reads and writes; null is not there.
template <class T>
struct PairArrays {
  const T* dx;           ///< of the derivatives
  const T* ddrows;       ///< of the second derivatives: everything is differentiated along it once more
  T* x;                  ///< x, or its derivative along ddrows
  T* drows;
  TableUpdate<1, T>* update;
};

/// The pairs of one atom after another. With p(E) = E f(E), the weights of p, or of its slope along ddrows, are summed
/// on the knots for x and for the table; one derivative more, contracted with dx on the knots, is that by E.
template <class T>
class PairWork {
 public:
  PairWork(const Pairs<T>& pairs, const PairArrays<T>& arrays)
      : pairs_(pairs), to_(arrays), order_((arrays.ddrows != nullptr) + (arrays.drows != nullptr)),
        neighbors_(pairs.nets.slots), batch_(order_), sums_(pairs.grids, 3), z_(sums_.size()),
        along_(4 * pairs.nnei()), along_column_(3 * pairs.nnei()), drow_(4 * pairs.nnei()) {}

  /// Returns how many pairs lie outside.
  std::int64_t atom(std::int64_t task, std::int64_t atom) {
    task_ = task;
    const TableNets& nets = pairs_.nets;
    const int ntypes = nets.slots.ntypes();
    const std::int64_t first = 4 * atom * pairs_.nnei();
    std::int64_t outside = 0;
    neighbors_.take(nets.slots, pairs_.in.nlist + atom * pairs_.nnei(), pairs_.in.rows + first);
    if (to_.ddrows != nullptr) neighbors_.gather(to_.ddrows + first, along_, along_column_);
    std::fill_n(drow_.data(), 4 * neighbors_.n, T(0));
    for (int ti = 0; ti < ntypes; ++ti)
      for (int tj = ti; tj < ntypes; ++tj)
        if (nets.nets[ti * ntypes + tj] >= 0) outside += types(atom, ti, tj, pairs_.grids[nets.nets[ti * ntypes + tj]]);
    if (to_.drows != nullptr)
      for (int j = 0; j < neighbors_.n; ++j)
        std::copy_n(drow_.data() + 4 * j + 1, 3, to_.drows + first + 4 * neighbors_.slot[j] + 1);
    return outside;
  }

 private:
  std::int64_t types(std::int64_t atom, int ti, int tj, const TableNet& net) {
    const Slots& slots = pairs_.nets.slots;
    const std::int64_t width = pairs_.sizes.width;
    const T* table = pairs_.in.table + 3 * width * net.first_knot;
    const T scale = T(1) / (T(slots.size(ti)) * T(slots.size(tj)));
    std::int64_t outside = 0;
    for_pairs(pairs_.kernel, neighbors_, ti, tj, scale, batch_, [&](PairBatch<T>& batch) {
      outside += pairs_.kernel.hermite(net.grid, batch.n, batch.angle, batch.knot, batch.w.data(),
                                       order_ > 0 ? batch.dw.data() : nullptr, order_ > 1 ? batch.ddw.data() : nullptr);
      const std::int64_t known = sums_.count();
      sums_.use(batch.knot, batch.n);
      if (to_.drows != nullptr)  // of the knots that are new
        pairs_.kernel.table1.dot(sums_.count() - known, width, sums_.knots() + known, table, to_.dx + atom * width,
                                 z_.data());
      if (order_ > 1) pairs_.kernel.pair_product(batch.n, 2, batch.angle, batch.dw.data(), batch.ddw.data());
      if (order_ > 0) pairs_.kernel.pair_product(batch.n, 1, batch.angle, batch.w.data(), batch.dw.data());
      if (to_.ddrows == nullptr)
        first(batch);
      else
        second(batch);
    });
    if (to_.x != nullptr)
      pairs_.kernel.table1.outer(sums_.count(), width, sums_.knots(), sums_.data(), table, to_.x + atom * width);
    if (to_.update != nullptr) to_.update->add(task_, atom, net, sums_);
    sums_.clear();
    return outside;
  }

  /// Values, and first derivatives.
  void first(PairBatch<T>& batch) {
    if (to_.x != nullptr || to_.update != nullptr) {
      for (int p = 0; p < batch.n; ++p) coefficient_[p] = batch.times[p] * batch.angle[p];
      pairs_.kernel.table1.spread(batch.n, batch.knot, batch.w.data(), coefficient_, sums_.data());
    }
    if (to_.drows == nullptr) return;
    pairs_.kernel.table1.gather(batch.n, batch.knot, batch.dw.data(), z_.data(), slope_);
    for (int p = 0; p < batch.n; ++p) slope_[p] *= batch.times[p];
    add_rows(batch, slope_, neighbors_.row);
  }

  /// Along ddrows: the change of E is that of both rows.
  void second(PairBatch<T>& batch) {
    const std::int64_t stride = pairs_.nnei();
    std::fill_n(coefficient_, batch.n, T(0));
    for (const auto& s : batch.stretches) {
      const T *row = neighbors_.row.data() + 4 * s.one + 1, *along = along_.data() + 4 * s.one + 1;
      pairs_.kernel.pair_dots(s.n, row, along_column_.data() + s.first, stride, coefficient_ + s.at);
      pairs_.kernel.pair_dots(s.n, along, neighbors_.column.data() + s.first, stride, coefficient_ + s.at);
    }
    for (int p = 0; p < batch.n; ++p) coefficient_[p] *= batch.times[p];
    if (to_.x != nullptr || to_.update != nullptr)
      pairs_.kernel.table1.spread(batch.n, batch.knot, batch.dw.data(), coefficient_, sums_.data());
    if (to_.drows == nullptr) return;
    pairs_.kernel.table1.gather(batch.n, batch.knot, batch.dw.data(), z_.data(), slope_);
    for (int p = 0; p < batch.n; ++p) slope_[p] *= batch.times[p];
    add_rows(batch, slope_, along_);
    pairs_.kernel.table1.gather(batch.n, batch.knot, batch.ddw.data(), z_.data(), slope_);
    for (int p = 0; p < batch.n; ++p) slope_[p] *= coefficient_[p];
    add_rows(batch, slope_, neighbors_.row);
  }

  /// drow of each neighbour += slope times the row of the other one of the pair.
  void add_rows(const PairBatch<T>& batch, const T* slope, const std::vector<T>& rows) {
    for (const auto& s : batch.stretches) {
      T one[4] = {};
      pairs_.kernel.pair_rows(s.n, slope + s.at, rows.data() + 4 * s.one, rows.data() + 4 * s.first, one,
                              drow_.data() + 4 * s.first);
      for (int d = 0; d < 4; ++d) drow_[4 * s.one + d] += one[d];
    }
  }

  const Pairs<T>& pairs_;
  const PairArrays<T>& to_;
  std::int64_t task_ = 0;
  int order_;
  PairNeighbors<T> neighbors_;
  PairBatch<T> batch_;
  KnotSums<T> sums_;
  std::vector<T> z_;  ///< [knots, 3] table rows times dx, of the knots in use
  std::vector<T> along_, along_column_, drow_;
  T coefficient_[PairBatch<T>::kMost], slope_[PairBatch<T>::kMost];
};

template <class T>
std::int64_t run(const Pairs<T>& pairs, const PairArrays<T>& arrays) {
  const std::int64_t natoms = pairs.sizes.natoms, nnei = pairs.nnei();
  if (arrays.x != nullptr) std::fill_n(arrays.x, natoms * pairs.sizes.width, T(0));
  if (arrays.drows != nullptr) std::fill_n(arrays.drows, 4 * natoms * nnei, T(0));
  std::vector<std::int64_t> outside(pairs.ntasks(), 0);
  Workers<PairWork<T>> workers;
  parallel_for(pairs.context.pool, pairs.ntasks(), kAtomsPerTask * nnei * nnei * 4, [&](std::int64_t task) {
    workers.with([&] { return PairWork<T>(pairs, arrays); }, [&](PairWork<T>& work) {
      const std::int64_t last = std::min(natoms, (task + 1) * kAtomsPerTask);
      for (std::int64_t atom = task * kAtomsPerTask; atom < last; ++atom)
        if (pairs.in.center[atom] >= 0) outside[task] += work.atom(task, atom);
    });
  });
  std::int64_t sum = 0;
  for (std::int64_t count : outside) sum += count;
  return sum;
}

/// Either derivative: of <dx, x>, or, with ddrows, of its first one along them.
template <class T>
void derivative(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx, const T* ddrows,
                const TableGrad<T>& grad, const Context& context) {
  const Pairs<T> pairs(sizes, nets, in, context);
  TableUpdate<1, T> update(pairs.ntasks());
  run(pairs, PairArrays<T>{dx, ddrows, grad.x, grad.rows, grad.table == nullptr ? nullptr : &update});
  if (grad.table != nullptr) update.finish(sizes, dx, grad.table, context);
}

}  // namespace

template <class T>
std::int64_t table_three_body(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, T* x,
                              const Context& context) {
  return run(Pairs<T>(sizes, nets, in, context), PairArrays<T>{nullptr, nullptr, x, nullptr, nullptr});
}

template <class T>
void table_three_body_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                           const TableGrad<T>& grad, const Context& context) {
  derivative<T>(sizes, nets, in, dx, nullptr, {nullptr, grad.rows, grad.table}, context);
}

template <class T>
void table_three_body_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                                const T* ddrows, const TableGrad<T>& grad, const Context& context) {
  derivative<T>(sizes, nets, in, dx, ddrows, grad, context);
}

#define DP_INSTANTIATE(T)                                                                                             \
  template std::int64_t table_three_body(const TableSizes&, const TableNets&, const TableInput<T>&, T*,               \
                                         const Context&);                                                             \
  template void table_three_body_grad(const TableSizes&, const TableNets&, const TableInput<T>&, const T*,            \
                                      const TableGrad<T>&, const Context&);                                           \
  template void table_three_body_grad_grad(const TableSizes&, const TableNets&, const TableInput<T>&, const T*,       \
                                           const T*, const TableGrad<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
