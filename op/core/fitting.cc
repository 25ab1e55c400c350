#include "dp/fitting.h"

#include <algorithm>

#include "core/fitting_rows.h"
#include "core/simd/kernels.h"

namespace dp {

namespace {

/// One block of rows through the network of its type.
template <class T>
class Forward {
 public:
  Forward(const FittingNet& net, const SortedRows& sorted, const FittingLayer<const T>* layer, const RowBlock& block,
          const Kernels<T>& kernel)
      : net_(net), sorted_(sorted), layer_(layer), block_(block), kernel_(kernel), n_(block.size),
        value_(n_ * widest()), h_(n_ * widest()), slope_(n_ * net.hidden()) {}

  /// h of the last layer; the derivative of each layer's output by its sum into slope_, when wanted.
  void layers(const T* x, T* saved, bool with_slope) {
    Scratch<T> sums(saved == nullptr ? n_ * widest() : 0);
    std::vector<const T*> in = sorted_.rows_of(block_, x, net_.input);
    std::int64_t before = 0;  // columns of the layers before this one
    for (int k = 0; k < net_.layers(); ++k) {
      const std::int64_t width = net_.neuron[k];
      T* z = saved == nullptr
                 ? sums.data()
                 : saved + before * sorted_.total() + (sorted_.first(block_.type) + block_.begin) * width;
      for (std::int64_t i = 0; i < n_; ++i) std::copy_n(layer_[k].bias, width, z + i * width);
      kernel_.product(n_, width, net_.fan_in(k), in.data(), layer_[k].matrix, width, row_pointers(z, n_, width).data(),
                      true);
      kernel_.activate(net_.activation, n_ * width, z, value_.data(), with_slope ? slope_.at(n_ * before) : nullptr,
                       nullptr);
      output(k, with_slope ? slope_.at(n_ * before) : nullptr);
      in = row_pointers<const T>(h_.data(), n_, width);
      before += width;
    }
  }

  void energy(T* out) const {
    const FittingLayer<const T>& last = layer_[net_.layers()];
    std::vector<T*> to = sorted_.rows_of(block_, out, 1);
    for (T* e : to) *e = *last.bias;
    const std::int64_t width = net_.neuron.back();
    kernel_.product(n_, 1, width, row_pointers<const T>(h_.data(), n_, width).data(), last.matrix, 1, to.data(), true);
  }

  /// d energy / d x from the derivatives that `layers` kept; overwrites all arrays.
  void slope(T* out) {
    const int layers = net_.layers();
    T *y = h_.data(), *zt = value_.data();
    for (std::int64_t i = 0; i < n_; ++i)
      std::copy_n(layer_[layers].matrix, net_.neuron.back(), y + i * net_.neuron.back());
    std::int64_t before = net_.hidden();
    for (int k = layers - 1; k >= 0; --k) {
      const std::int64_t width = net_.neuron[k];
      before -= width;
      T* z = slope_.at(n_ * before);
      for (std::int64_t i = 0; i < n_ * width; ++i) z[i] *= y[i];
      transpose(n_, width, z, zt, n_);
      const std::vector<T*> to =
          k == 0 ? sorted_.rows_of(block_, out, net_.input) : row_pointers(y, n_, net_.fan_in(k));
      kernel_.product_bt(n_, net_.fan_in(k), width, zt, n_, layer_[k].matrix, width, to.data(), net_.skipped(k));
    }
  }

 private:
  std::int64_t widest() const { return *std::max_element(net_.neuron.begin(), net_.neuron.end()); }

  /// From the value of the activation to the output of layer k; its derivative with idt.
  void output(int k, T* slope) {
    const std::int64_t width = net_.neuron[k];
    const T* idt = net_.scaled(k) ? layer_[k].idt : nullptr;
    const bool skipped = net_.skipped(k);
    for (std::int64_t i = 0; i < n_; ++i) {
      T *h = h_.at(i * width), *value = value_.at(i * width);
      if (idt != nullptr)
        for (std::int64_t j = 0; j < width; ++j) value[j] *= idt[j];
      if (idt != nullptr && slope != nullptr)
        for (std::int64_t j = 0; j < width; ++j) slope[i * width + j] *= idt[j];
      for (std::int64_t j = 0; j < width; ++j) h[j] = skipped ? h[j] + value[j] : value[j];
    }
  }

  const FittingNet& net_;
  const SortedRows& sorted_;
  const FittingLayer<const T>* layer_;
  const RowBlock& block_;
  const Kernels<T>& kernel_;
  std::int64_t n_;
  Scratch<T> value_, h_, slope_;
};

}  // namespace

template <class T>
void fitting(const FittingNet& net, const TypedRows& rows, const FittingLayers<const T>& weights, const T* x, T* energy,
             T* slope, T* saved, const Context& context) {
  check_fitting(net, rows, weights.size());
  const SortedRows sorted(rows);
  if (energy == nullptr && slope == nullptr && saved == nullptr) return;
  const std::int64_t numbers = net.input * net.neuron[0] + net.hidden() * net.neuron[0];
  const std::int64_t cost = sorted.blocks.empty() ? 0 : sorted.blocks[0].size * numbers / 10;  // nanoseconds
  parallel_for(context.pool, static_cast<std::int64_t>(sorted.blocks.size()), cost, [&](std::int64_t task) {
    const RowBlock& block = sorted.blocks[task];
    Forward<T> forward(net, sorted, &weights[block.type * (net.layers() + 1)], block, kernels<T>(context.target));
    forward.layers(x, saved, slope != nullptr);
    if (energy != nullptr) forward.energy(energy);
    if (slope != nullptr) forward.slope(slope);
  });
}

#define DP_INSTANTIATE(T)                                                                                             \
  template void fitting(const FittingNet&, const TypedRows&, const FittingLayers<const T>&, const T*, T*, T*, T*,     \
                        const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
