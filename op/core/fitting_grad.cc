// The gradient of sum g_e E + Edot, Edot the derivative of E along g_slope: forward with tangents (named dot), then
// backward for value and tangent at once (bar: derivative by the value, tilde: by the tangent). With y = phi(z) idt,
//   ybar -> zbar = ybar idt phi' + ytilde idt phi'' zdot,  ytilde -> ztilde = ytilde idt phi',
//   idtbar = phi ybar + phi' zdot ytilde,  matrixbar = h zbar + hdot ztilde,  biasbar = zbar, summed over the rows.
#include <algorithm>

#include "core/fitting_rows.h"
#include "core/simd/kernels.h"
#include "dp/fitting.h"

namespace dp {

namespace {

/// Arrays over all rows that pass from the blocks of rows to the gradients of the weights.
template <class T>
struct Passed {
  Passed(const FittingNet& net, const SortedRows& sorted, bool tangent)
      : net(net), sorted(sorted), sides(tangent ? 2 : 1), h(sides * sorted.total() * net.hidden()),
        z(sides * sorted.total() * net.hidden()), sums(sorted.blocks.size() * per_block()) {}

  /// Of an array per layer, [sides * rows of the type, width]: where the values, or the tangents, of a row begin.
  T* of(const Scratch<T>& array, int k, int type, std::int64_t row, bool tangent) const {
    const std::int64_t width = net.neuron[k], before = columns_before(k);
    const std::int64_t at = sides * sorted.first(type) + (tangent ? sorted.size(type) : 0) + row;
    return array.at(sides * sorted.total() * before + at * width);
  }
  std::int64_t columns_before(int k) const {
    std::int64_t columns = 0;
    for (int l = 0; l < k; ++l) columns += net.neuron[l];
    return columns;
  }
  /// Sums of a block: bias and idt of each hidden layer, then matrix and bias of the final one.
  std::int64_t per_block() const { return 2 * net.hidden() + net.neuron.back() + 1; }
  T* bias_sum(std::size_t block, int k) const { return sums.at(block * per_block() + 2 * columns_before(k)); }
  T* idt_sum(std::size_t block, int k) const { return bias_sum(block, k) + net.neuron[k]; }
  T* final_sum(std::size_t block) const { return sums.at(block * per_block() + 2 * net.hidden()); }

  const FittingNet& net;
  const SortedRows& sorted;
  const int sides;
  Scratch<T> h;  ///< outputs of the hidden layers, and their tangents
  Scratch<T> z;  ///< zbar and ztilde
  Scratch<T> sums;
};

/// One block of rows, forward and backward.
template <class T>
class Backward {
 public:
  Backward(const Passed<T>& passed, std::size_t number, const FittingLayer<const T>* layer, const Kernels<T>& kernel)
      : net_(passed.net), sorted_(passed.sorted), passed_(passed), number_(number),
        block_(sorted_.blocks[number]), layer_(layer), kernel_(kernel), tangent_(passed.sides == 2), n_(block_.size),
        value_(n_ * net_.hidden()), first_(n_ * net_.hidden()), second_(tangent_ ? n_ * net_.hidden() : 0),
        zdot_(tangent_ ? n_ * net_.hidden() : 0) {}

  void forward(const T* saved, const T* v) {
    std::vector<const T*> in = tangent_ ? sorted_.rows_of(block_, v, net_.input) : std::vector<const T*>();
    for (int k = 0; k < net_.layers(); ++k) {
      const std::int64_t width = net_.neuron[k], before = passed_.columns_before(k), at = n_ * before;
      const T* z = saved + before * sorted_.total() + (sorted_.first(block_.type) + block_.begin) * width;
      kernel_.activate(net_.activation, n_ * width, z, value_.at(at), first_.at(at),
                       tangent_ ? second_.at(at) : nullptr);
      output(k, value_.at(at), nullptr, false);
      if (!tangent_) continue;
      kernel_.product(n_, width, net_.fan_in(k), in.data(), layer_[k].matrix, width,
                      row_pointers(zdot_.at(at), n_, width).data(), false);
      output(k, zdot_.at(at), first_.at(at), true);
      in = row_pointers<const T>(h(k, true), n_, width);
    }
  }

  void backward(const T* g_energy, T* dx) {
    const int layers = net_.layers();
    const std::int64_t widest = *std::max_element(net_.neuron.begin(), net_.neuron.end()), all = passed_.sides * n_;
    Scratch<T> y(all * widest), zt(all * widest);
    final_layer(g_energy, y.data());
    for (int k = layers - 1; k >= 0; --k) {
      const std::int64_t width = net_.neuron[k];
      activation_backward(k, y.data());
      if (k == 0 && dx == nullptr) return;
      for (int side = 0; side < passed_.sides; ++side) transpose(n_, width, z(k, side), zt.at(side * n_), all);
      if (k == 0)
        kernel_.product_bt(n_, net_.input, width, zt.data(), all, layer_[0].matrix, width,
                           sorted_.rows_of(block_, dx, net_.input).data(), false);
      else
        kernel_.product_bt(all, net_.fan_in(k), width, zt.data(), all, layer_[k].matrix, width,
                           row_pointers(y.data(), all, net_.fan_in(k)).data(), net_.skipped(k));
    }
  }

 private:
  T* h(int k, bool tangent) const { return passed_.of(passed_.h, k, block_.type, block_.begin, tangent); }
  T* z(int k, bool tangent) const { return passed_.of(passed_.z, k, block_.type, block_.begin, tangent); }
  const T* idt(int k) const { return net_.scaled(k) ? layer_[k].idt : nullptr; }

  /// h = a * idt [+ h before]; the tangent takes a = factor * adot.
  void output(int k, const T* a, const T* factor, bool tangent) {
    const std::int64_t width = net_.neuron[k];
    const T *scale = idt(k), *before = net_.skipped(k) ? h(k - 1, tangent) : nullptr;
    T* out = h(k, tangent);
    for (std::int64_t i = 0; i < n_; ++i, out += width, a += width) {
      std::copy_n(a, width, out);
      if (factor != nullptr)
        for (std::int64_t j = 0; j < width; ++j) out[j] *= factor[i * width + j];
      if (scale != nullptr)
        for (std::int64_t j = 0; j < width; ++j) out[j] *= scale[j];
      if (before != nullptr)
        for (std::int64_t j = 0; j < width; ++j) out[j] += before[i * width + j];
    }
  }

  /// ybar = g_e w, ytilde = w, and the sums for w and its bias.
  void final_layer(const T* g_energy, T* y) {
    const int k = net_.layers() - 1;
    const std::int64_t width = net_.neuron[k];
    const T *w = layer_[k + 1].matrix, *value = h(k, false), *dot = tangent_ ? h(k, true) : nullptr;
    T* sum = passed_.final_sum(number_);
    std::fill_n(sum, width + 1, T(0));
    for (std::int64_t i = 0; i < n_; ++i) {
      const T g = g_energy[sorted_.place(block_.type, block_.begin + i)];
      sum[width] += g;
      for (std::int64_t j = 0; j < width; ++j) {
        sum[j] += g * value[i * width + j];
        y[i * width + j] = g * w[j];
      }
      if (!tangent_) continue;
      for (std::int64_t j = 0; j < width; ++j) {
        sum[j] += dot[i * width + j];
        y[(n_ + i) * width + j] = w[j];
      }
    }
  }

  /// zbar and ztilde of layer k from ybar and ytilde, and the sums for bias and idt.
  void activation_backward(int k, const T* y) {
    const std::int64_t width = net_.neuron[k], at = n_ * passed_.columns_before(k);
    T *bias = passed_.bias_sum(number_, k), *idts = passed_.idt_sum(number_, k);
    std::fill_n(bias, 2 * width, T(0));
    const std::vector<T> ones(idt(k) == nullptr ? width : 0, T(1));
    const T* scale = idt(k) == nullptr ? ones.data() : idt(k);
    for (std::int64_t i = 0; i < n_; ++i) {
      const std::int64_t row = at + i * width;
      const T *value = value_.at(row), *first = first_.at(row), *ybar = y + i * width;
      T* zbar = z(k, false) + i * width;
      for (std::int64_t j = 0; j < width; ++j) {
        zbar[j] = ybar[j] * scale[j] * first[j];
        idts[j] += value[j] * ybar[j];
      }
      if (tangent_) tangent_backward(k, i, y + (n_ + i) * width, scale, idts);
      for (std::int64_t j = 0; j < width; ++j) bias[j] += zbar[j];
    }
  }

  /// What row i of the tangent adds to zbar and idt, and its ztilde.
  void tangent_backward(int k, std::int64_t i, const T* ytilde, const T* scale, T* idts) {
    const std::int64_t width = net_.neuron[k], row = n_ * passed_.columns_before(k) + i * width;
    const T *first = first_.at(row), *second = second_.at(row), *zdot = zdot_.at(row);
    T *zbar = z(k, false) + i * width, *ztilde = z(k, true) + i * width;
    for (std::int64_t j = 0; j < width; ++j) {
      const T atilde = ytilde[j] * scale[j];
      zbar[j] += atilde * second[j] * zdot[j];
      ztilde[j] = atilde * first[j];
      idts[j] += first[j] * zdot[j] * ytilde[j];
    }
  }

  const FittingNet& net_;
  const SortedRows& sorted_;
  const Passed<T>& passed_;
  const std::size_t number_;
  const RowBlock& block_;
  const FittingLayer<const T>* layer_;
  const Kernels<T>& kernel_;
  const bool tangent_;
  const std::int64_t n_;
  Scratch<T> value_, first_, second_, zdot_;  ///< [n, width] of each layer, one after the other
};

/// Some rows of the matrix of a hidden layer.
struct MatrixPart {
  int type, layer;
  std::int64_t begin, size;
};

/// matrix gradients: sums over the rows of h zbar + hdot ztilde.
template <class T>
void matrices(const Passed<T>& passed, const T* x, const T* v, const FittingLayers<T>& dweights,
              const Context& context) {
  const FittingNet& net = passed.net;
  const SortedRows& sorted = passed.sorted;
  constexpr std::int64_t kRows = 64;
  std::vector<MatrixPart> parts;
  for (int t = 0; t < static_cast<int>(sorted.counts.size()); ++t)
    for (int k = 0; k < net.layers(); ++k)
      for (std::int64_t i = 0; i < net.fan_in(k); i += kRows)
        if (dweights[t * (net.layers() + 1) + k].matrix != nullptr)
          parts.push_back({t, k, i, std::min(kRows, net.fan_in(k) - i)});
  const std::int64_t cost = kRows * net.neuron[0] * passed.sides * sorted.total() / 30;  // nanoseconds
  parallel_for(context.pool, static_cast<std::int64_t>(parts.size()), cost, [&](std::int64_t task) {
    const auto [type, k, begin, size] = parts[task];
    const std::int64_t n = sorted.size(type), width = net.neuron[k];
    std::vector<const T*> left;
    if (k == 0) {
      left = sorted.rows_of({type, 0, n}, x, net.input);
      const std::vector<const T*> dots = v == nullptr ? left : sorted.rows_of({type, 0, n}, v, net.input);
      if (v != nullptr) left.insert(left.end(), dots.begin(), dots.end());
    } else {
      left = row_pointers<const T>(passed.of(passed.h, k - 1, type, 0, false), passed.sides * n, net.fan_in(k));
    }
    T* to = dweights[type * (net.layers() + 1) + k].matrix + begin * width;
    kernels<T>(context.target)
        .product_at(size, width, passed.sides * n, left.data(), begin, passed.of(passed.z, k, type, 0, false), width,
                    row_pointers(to, size, width).data(), false);
  });
}

/// Add up one of the sums of the blocks, in order, for each type.
template <class T, class Wanted, class Sum>
void add_blocks(const Passed<T>& passed, std::int64_t width, const Wanted& wanted, const Sum& sum) {
  for (int t = 0; t < static_cast<int>(passed.sorted.counts.size()); ++t)
    if (T* to = wanted(t)) std::fill_n(to, width, T(0));
  for (std::size_t b = 0; b < passed.sorted.blocks.size(); ++b)
    if (T* to = wanted(passed.sorted.blocks[b].type))
      for (std::int64_t j = 0; j < width; ++j) to[j] += sum(b)[j];
}

template <class T>
void vectors(const Passed<T>& passed, const FittingLayers<T>& dweights) {
  const int layers = passed.net.layers();
  const auto layer = [&](int t, int k) { return dweights[t * (layers + 1) + k]; };
  for (int k = 0; k < layers; ++k) {
    const std::int64_t width = passed.net.neuron[k];
    add_blocks(passed, width, [&](int t) { return layer(t, k).bias; },
               [&](std::size_t b) { return passed.bias_sum(b, k); });
    add_blocks(passed, width, [&](int t) { return layer(t, k).idt; },
               [&](std::size_t b) { return passed.idt_sum(b, k); });
  }
  const std::int64_t width = passed.net.neuron.back();
  add_blocks(passed, width, [&](int t) { return layer(t, layers).matrix; },
             [&](std::size_t b) { return passed.final_sum(b); });
  add_blocks(passed, 1, [&](int t) { return layer(t, layers).bias; },
             [&](std::size_t b) { return passed.final_sum(b) + width; });
}

}  // namespace

template <class T>
void fitting_grad(const FittingNet& net, const TypedRows& rows, const FittingLayers<const T>& weights, const T* x,
                  const T* saved, const T* g_energy, const T* g_slope, T* dx, const FittingLayers<T>& dweights,
                  const Context& context) {
  check_fitting(net, rows, weights.size());
  check_fitting(net, rows, dweights.size());
  const SortedRows sorted(rows);
  const Passed<T> passed(net, sorted, g_slope != nullptr);
  const std::int64_t numbers = net.input * net.neuron[0] + net.hidden() * net.neuron[0];
  const std::int64_t cost = sorted.blocks.empty() ? 0 : sorted.blocks[0].size * numbers / 10;  // nanoseconds
  parallel_for(context.pool, static_cast<std::int64_t>(sorted.blocks.size()), cost, [&](std::int64_t task) {
    Backward<T> block(passed, task, &weights[sorted.blocks[task].type * (net.layers() + 1)],
                      kernels<T>(context.target));
    block.forward(saved, g_slope);
    block.backward(g_energy, dx);
  });
  matrices(passed, x, g_slope, dweights, context);
  vectors(passed, dweights);
}

#define DP_INSTANTIATE(T)                                                                                             \
  template void fitting_grad(const FittingNet&, const TypedRows&, const FittingLayers<const T>&, const T*, const T*,  \
                             const T*, const T*, T*, const FittingLayers<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
