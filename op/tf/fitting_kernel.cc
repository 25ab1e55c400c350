#include "dp/fitting.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

constexpr int kFirstWeight = 2;

/// The attributes that both ops share. Each weight has a place in the list and a shape.
class FittingKernelBase : public tensorflow::OpKernel {
 public:
  explicit FittingKernelBase(OpKernelConstruction* c) : OpKernel(c) {
    std::string activation;
    OP_REQUIRES_OK(c, c->GetAttr("neuron", &net_.neuron));
    OP_REQUIRES_OK(c, c->GetAttr("timestep", &net_.timestep));
    OP_REQUIRES_OK(c, c->GetAttr("activation", &activation));
    OP_REQUIRES_OK(c, c->GetAttr("N", &weights_));
    try {
      net_.activation = dp::find_activation(activation);
    } catch (const dp::InvalidInput& error) {
      c->CtxFailure(absl::InvalidArgumentError(error.what()));
    }
  }

 protected:
  /// Sizes of x (input 0) and natoms (input 1) for one run.
  struct Sizes {
    dp::FittingNet net;
    dp::TypedRows rows;
    std::int64_t n;
  };

  Sizes sizes(OpKernelContext* c) const {
    const Tensor& x = any_matrix(c, 0, "x");
    const Natoms natoms(c, 1);
    const auto counts = c->input(1).vec<std::int32_t>();
    Sizes s{net_, {}, x.dim_size(0)};
    s.net.input = x.dim_size(1);
    for (int t = 0; t < natoms.ntypes; ++t) s.rows.counts.push_back(counts(2 + t));
    if (s.rows.nloc() != natoms.nloc)
      throw dp::InvalidInput("natoms: expected " + std::to_string(natoms.nloc) +
                             " atoms in all types together, found " + std::to_string(s.rows.nloc()));
    s.rows.nframes = natoms.nloc == 0 ? 0 : s.n / natoms.nloc;
    if (s.rows.total() != s.n)
      throw dp::InvalidInput("x: expected rows for whole frames of " + std::to_string(natoms.nloc) +
                             " atoms, found " + std::to_string(s.n));
    return s;
  }

  /// Call visit(place in the list, which weight of the layer, shape) for all weights of each type in order.
  template <class T, class Visit>
  dp::FittingLayers<T> layers(const Sizes& s, const Visit& visit) const {
    dp::FittingLayers<T> all;
    int place = 0;
    for (std::size_t t = 0; t < s.rows.counts.size(); ++t)
      for (int k = 0; k <= s.net.layers(); ++k) {
        const std::int64_t out = k == s.net.layers() ? 1 : s.net.neuron[k];
        dp::FittingLayer<T> layer;
        layer.matrix = visit(place++, TensorShape({s.net.fan_in(k), out}));
        layer.bias = visit(place++, TensorShape({out}));
        if (s.net.scaled(k)) layer.idt = visit(place++, TensorShape({out}));
        all.push_back(layer);
      }
    return all;
  }

  template <class T>
  dp::FittingLayers<const T> weights(OpKernelContext* c, const Sizes& s) const {
    const int types = static_cast<int>(s.rows.counts.size());
    int expected = 2;
    for (int k = 0; k < s.net.layers(); ++k) expected += s.net.scaled(k) ? 3 : 2;
    if (weights_ != types * expected)
      throw dp::InvalidInput("weights: expected " + std::to_string(types * expected) + " for " +
                             std::to_string(types) + " types, found " + std::to_string(weights_));
    return layers<const T>(s, [&](int place, const TensorShape& shape) {
      const Tensor& tensor = c->input(kFirstWeight + place);
      if (tensor.shape() != shape)
        throw dp::InvalidInput("weights[" + std::to_string(place) + "]: expected shape " + shape.DebugString() +
                               ", found " + tensor.shape().DebugString());
      return data<T>(tensor);
    });
  }

  dp::FittingNet net_;
  int weights_ = 0;
};

template <class T>
class FittingKernel : public FittingKernelBase {
 public:
  using FittingKernelBase::FittingKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Sizes s = sizes(c);
      const dp::FittingLayers<const T> w = weights<T>(c, s);
      T* energy = output<T>(c, 0, TensorShape({s.n}));
      T* slope = output<T>(c, 1, s.n, s.net.input);
      T* saved = output<T>(c, 2, s.n, s.net.hidden());
      dp::fitting(s.net, s.rows, w, data<T>(c->input(0)), energy, slope, saved, context);
    });
  }
};

template <class T>
class FittingGradKernel : public FittingKernelBase {
 public:
  using FittingKernelBase::FittingKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Sizes s = sizes(c);
      const dp::FittingLayers<const T> w = weights<T>(c, s);
      const int at = kFirstWeight + weights_;
      const T* saved = data<T>(matrix(c, at, "saved", s.n, s.net.hidden()));
      const Tensor& g_energy = c->input(at + 1);
      if (g_energy.shape() != TensorShape({s.n}))
        throw dp::InvalidInput("g_energy: expected shape [" + std::to_string(s.n) + "], found " +
                               g_energy.shape().DebugString());
      const bool tangent = c->num_inputs() > at + 2;
      const T* g_slope = tangent ? data<T>(matrix(c, at + 2, "g_slope", s.n, s.net.input)) : nullptr;
      T* dx = output<T>(c, 0, s.n, s.net.input);
      const dp::FittingLayers<T> dw = layers<T>(
          s, [&](int place, const TensorShape& shape) { return output<T>(c, 1 + place, shape); });
      dp::fitting_grad(s.net, s.rows, w, data<T>(c->input(0)), saved, data<T>(g_energy), g_slope, dx, dw, context);
    });
  }
};

DP_REGISTER_CPU("DpFitting", FittingKernel);
DP_REGISTER_CPU("DpFittingGrad", FittingGradKernel);

}  // namespace
}  // namespace dp_tf
