// Rows that share an interval of a net share six rows of the table, so they are worked on together: the six rows are
// fetched once, and each of the sums is a product of small matrices. Rows are ordered by interval first.
#include "dp/table_rows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/scratch.h"
#include "core/simd/kernels.h"
#include "core/table_grid.h"
#include "core/workers.h"
#include "dp/error.h"

namespace dp {

namespace {

constexpr std::int64_t kRows = 256;  // of a task
constexpr std::int64_t kTile = 32;   // rows that are gathered for one product

/// The rows in the order of their intervals, with their weights.
template <class T>
class Located {
 public:
  /// `order` is the highest derivative of the weights.
  Located(const TableRows& sizes, const TableRowsInput<T>& in, int order, const Context& context)
      : sizes_(sizes), nets_(table_nets({0, sizes.width, sizes.nknots, sizes.nnets}, in.grid)), orders_(order + 1),
        weights_(6 * orders_ * sizes.nrows), sorted_(sizes.nrows) {
    const std::vector<std::int64_t> first = by_net(in.net);
    interval_.resize(sizes.nrows);
    for (std::size_t k = 0; k < nets_.size(); ++k) outside_ += locate(nets_[k], first[k], first[k + 1], in.x, context);
    by_interval();
  }

  std::int64_t outside() const { return outside_; }
  /// Number of the first row of the table of an interval.
  std::int64_t intervals() const { return sizes_.nknots; }
  /// Where the rows of an interval begin; one number more than there are intervals.
  const std::vector<std::int64_t>& begin() const { return begin_; }
  /// The row at a place of the order.
  std::int64_t row(std::int64_t place) const { return sorted_[place]; }
  /// The six weights of that row, or those of a derivative.
  const T* weights(std::int64_t place, int order = 0) const {
    return weights_.data() + 6 * (orders_ * from_[place] + order);
  }
  /// The interval of a place: the number of its first knot among all.
  std::int64_t interval(std::int64_t place) const { return interval_[from_[place]]; }

 private:
  /// Rows by net, in sorted_; returns where each net begins.
  std::vector<std::int64_t> by_net(const std::int32_t* net) {
    std::vector<std::int64_t> first(sizes_.nnets + 1, 0);
    for (std::int64_t r = 0; r < sizes_.nrows; ++r) {
      if (net[r] < 0 || net[r] >= sizes_.nnets)
        throw InvalidInput("net[" + std::to_string(r) + "]: expected a number below the " +
                           std::to_string(sizes_.nnets) + " rows of grid, found " + std::to_string(net[r]));
      ++first[net[r] + 1];
    }
    for (std::int64_t k = 0; k < sizes_.nnets; ++k) first[k + 1] += first[k];
    std::vector<std::int64_t> next(first.begin(), first.end() - 1);
    for (std::int64_t r = 0; r < sizes_.nrows; ++r) sorted_[next[net[r]]++] = r;
    return first;
  }

  /// Interval and weights of the places from `first` to `last`, all of one net; returns how many lie outside.
  std::int64_t locate(const TableNet& net, std::int64_t first, std::int64_t last, const T* x, const Context& context) {
    const std::int64_t tasks = (last - first + kRows - 1) / kRows;
    std::vector<std::int64_t> outside(tasks, 0);
    parallel_for(context.pool, tasks, kRows * 10, [&](std::int64_t task) {
      const std::int64_t start = first + task * kRows, n = std::min(kRows, last - start);
      std::vector<T> at(n), w(6 * orders_ * n);
      std::vector<std::int32_t> knot(n);
      for (std::int64_t j = 0; j < n; ++j) at[j] = x[sorted_[start + j]];
      T* const of[3] = {w.data(), orders_ > 1 ? w.data() + 6 * n : nullptr, orders_ > 2 ? w.data() + 12 * n : nullptr};
      outside[task] = kernels<T>(context.target).hermite(net.grid, n, at.data(), knot.data(), of[0], of[1], of[2]);
      for (std::int64_t j = 0; j < n; ++j) {
        interval_[start + j] = net.first_knot + knot[j];
        T* to = weights_.data() + 6 * orders_ * (start + j);
        for (int c = 0; c < 6 * orders_; ++c) to[c] = w[c * n + j];
      }
    });
    std::int64_t sum = 0;
    for (std::int64_t count : outside) sum += count;
    return sum;
  }

  /// A counting sort, which keeps the order of the rows of an interval.
  void by_interval() {
    begin_.assign(sizes_.nknots + 1, 0);
    for (std::int64_t k : interval_) ++begin_[k + 1];
    for (std::int64_t k = 0; k < sizes_.nknots; ++k) begin_[k + 1] += begin_[k];
    std::vector<std::int64_t> next(begin_.begin(), begin_.end() - 1), rows(sizes_.nrows);
    from_.resize(sizes_.nrows);
    for (std::int64_t j = 0; j < sizes_.nrows; ++j) {
      const std::int64_t place = next[interval_[j]]++;
      from_[place] = j, rows[place] = sorted_[j];
    }
    sorted_.swap(rows);
  }

  const TableRows sizes_;
  const std::vector<TableNet> nets_;
  const int orders_;
  std::int64_t outside_ = 0;
  std::vector<T> weights_;              ///< [nrows, orders, 6] by net
  std::vector<std::int64_t> interval_;  ///< [nrows] by net
  std::vector<std::int64_t> sorted_;    ///< row of each place
  std::vector<std::int64_t> from_;      ///< place by net of each place by interval
  std::vector<std::int64_t> begin_;
};

/// Call body(first place, number of places, interval) for stretches of one interval, kRows places a task.
template <class T, class Body>
void for_stretches(const TableRows& sizes, const Located<T>& located, const Context& context, const Body& body) {
  parallel_for(context.pool, (sizes.nrows + kRows - 1) / kRows, kRows * sizes.width, [&](std::int64_t task) {
    const std::int64_t last = std::min(sizes.nrows, (task + 1) * kRows);
    for (std::int64_t place = task * kRows; place < last;) {
      const std::int64_t interval = located.interval(place);
      const std::int64_t n = std::min({last, place + kTile, located.begin()[interval + 1]}) - place;
      body(place, n, interval);
      place += n;
    }
  });
}

/// y of each row = factor of the row times (weights of an order) . (six rows of the table).
template <class T>
void features(const TableRows& sizes, const TableRowsInput<T>& in, const Located<T>& located, int order,
              const T* factor, T* y, const Context& context) {
  for_stretches(sizes, located, context, [&](std::int64_t place, std::int64_t n, std::int64_t interval) {
    T scaled[6 * kTile];
    const T* a[kTile];
    T* c[kTile];
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t row = located.row(place + j);
      a[j] = located.weights(place + j, order), c[j] = y + row * sizes.width;
      if (factor == nullptr) continue;
      for (int k = 0; k < 6; ++k) scaled[6 * j + k] = factor[row] * a[j][k];
      a[j] = scaled + 6 * j;
    }
    kernels<T>(context.target)
        .product(n, sizes.width, 6, a, in.table + 3 * sizes.width * interval, sizes.width, c, false);
  });
}

/// dx of each row = factor of the row times (weights of an order) . (six rows of the table . dy).
template <class T>
void slopes(const TableRows& sizes, const TableRowsInput<T>& in, const Located<T>& located, int order, const T* factor,
            const T* dy, T* dx, const Context& context) {
  const std::int32_t both[] = {0, 1};
  for_stretches(sizes, located, context, [&](std::int64_t place, std::int64_t n, std::int64_t interval) {
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t row = located.row(place + j);
      T z[6], sum = 0;
      kernels<T>(context.target)
          .table1.dot(2, sizes.width, both, in.table + 3 * sizes.width * interval, dy + row * sizes.width, z);
      const T* w = located.weights(place + j, order);
      for (int c = 0; c < 6; ++c) sum += w[c] * z[c];
      dx[row] = factor == nullptr ? sum : factor[row] * sum;
    }
  });
}

/// What the rows of one interval leave on its six rows of the table: to [6, width] = sum of factor weights (x) dy.
template <class T>
class Left {
 public:
  Left(const TableRows& sizes, const Kernels<T>& kernel)
      : width_(sizes.width), kernel_(kernel), rows_(kTile * sizes.width) {}

  void operator()(const Located<T>& located, std::int64_t interval, int order, const T* factor, const T* dy,
                  T* const* to) {
    const std::int64_t last = located.begin()[interval + 1];
    bool add = false;
    for (std::int64_t place = located.begin()[interval]; place < last; place += kTile, add = true) {
      const std::int64_t n = std::min(kTile, last - place);
      T scaled[6 * kTile];
      const T* a[kTile];
      for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t row = located.row(place + j);
        a[j] = located.weights(place + j, order);
        std::copy_n(dy + row * width_, width_, rows_.at(j * width_));
        if (factor == nullptr) continue;
        for (int k = 0; k < 6; ++k) scaled[6 * j + k] = factor[row] * a[j][k];
        a[j] = scaled + 6 * j;
      }
      kernel_.product_at(6, width_, n, a, 0, rows_.data(), width_, to, add);
    }
  }

 private:
  const std::int64_t width_;
  const Kernels<T>& kernel_;
  Scratch<T> rows_;
};

/// The derivative by the table. Each interval gives to its two knots, whose rows are written by one task each.
template <class T>
void by_table(const TableRows& sizes, const Located<T>& located, int order, const T* factor, const T* dy, T* dtable,
              const Context& context) {
  const std::int64_t numbers = 3 * sizes.width, intervals = sizes.nknots;
  const Scratch<T> after(intervals * numbers);  // what each interval gives to its second knot
  Workers<Left<T>> workers;
  const std::int64_t cost = sizes.nrows * sizes.width / (intervals + 1);
  parallel_for(context.pool, intervals, cost, [&](std::int64_t interval) {
    T* to[6];
    for (int c = 0; c < 6; ++c)
      to[c] = (c < 3 ? dtable : after.data()) + interval * numbers + c % 3 * sizes.width;
    if (located.begin()[interval] == located.begin()[interval + 1]) {
      std::fill_n(to[0], numbers, T(0)), std::fill_n(to[3], numbers, T(0));
      return;
    }
    workers.with([&] { return Left<T>(sizes, kernels<T>(context.target)); },
                 [&](Left<T>& left) { left(located, interval, order, factor, dy, to); });
  });
  parallel_for(context.pool, std::max<std::int64_t>(intervals - 1, 0), numbers, [&](std::int64_t knot) {
    T* to = dtable + (knot + 1) * numbers;
    const T* from = after.at(knot * numbers);
    for (std::int64_t k = 0; k < numbers; ++k) to[k] += from[k];
  });
}

}  // namespace

template <class T>
std::int64_t table_rows(const TableRows& sizes, const TableRowsInput<T>& in, T* y, const Context& context) {
  const Located<T> located(sizes, in, 0, context);
  features<T>(sizes, in, located, 0, nullptr, y, context);
  return located.outside();
}

template <class T>
void table_rows_grad(const TableRows& sizes, const TableRowsInput<T>& in, const T* dy, T* dx, T* dtable,
                     const Context& context) {
  const Located<T> located(sizes, in, dx == nullptr ? 0 : 1, context);
  if (dx != nullptr) slopes<T>(sizes, in, located, 1, nullptr, dy, dx, context);
  if (dtable != nullptr) by_table<T>(sizes, located, 0, nullptr, dy, dtable, context);
}

template <class T>
void table_rows_grad_grad(const TableRows& sizes, const TableRowsInput<T>& in, const T* dy, const T* ddx, T* ddy,
                          T* dx, T* dtable, const Context& context) {
  const Located<T> located(sizes, in, dx == nullptr ? 1 : 2, context);
  if (ddy != nullptr) features<T>(sizes, in, located, 1, ddx, ddy, context);
  if (dx != nullptr) slopes<T>(sizes, in, located, 2, ddx, dy, dx, context);
  if (dtable != nullptr) by_table<T>(sizes, located, 1, ddx, dy, dtable, context);
}

#define DP_INSTANTIATE(T)                                                                                             \
  template std::int64_t table_rows(const TableRows&, const TableRowsInput<T>&, T*, const Context&);                   \
  template void table_rows_grad(const TableRows&, const TableRowsInput<T>&, const T*, T*, T*, const Context&);        \
  template void table_rows_grad_grad(const TableRows&, const TableRowsInput<T>&, const T*, const T*, T*, T*, T*,      \
                                     const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
