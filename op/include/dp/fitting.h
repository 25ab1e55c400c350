// Fitting networks of all atom types with their derivative: one network per type, from features to one energy.
//
//   h_0 = x;   h_{k+1} = phi(h_k W_k + b_k) [* idt_k] [+ h_k];   energy = h_L w + b;   slope = d energy / d x
//
// A layer as wide as the one before it (k >= 1) is skipped by h_k and, with time steps, scaled by idt_k.
#pragma once

#include <cstdint>
#include <vector>

#include "dp/activation.h"
#include "dp/context.h"

namespace dp {

/// Sizes of one network; all types have the same.
struct FittingNet {
  std::int64_t input = 0;            ///< features of an atom
  std::vector<std::int64_t> neuron;  ///< widths of the hidden layers, at least one
  Activation activation;
  bool timestep = false;

  int layers() const { return static_cast<int>(neuron.size()); }
  std::int64_t fan_in(int k) const { return k == 0 ? input : neuron[k - 1]; }
  bool skipped(int k) const { return k > 0 && k < layers() && neuron[k] == neuron[k - 1]; }
  bool scaled(int k) const { return timestep && skipped(k); }
  std::int64_t hidden() const;  ///< sum of the widths
};

/// Which rows belong to which type: in each of nframes frames the counts[0] rows of type 0 come first, and so on.
struct TypedRows {
  std::int64_t nframes = 0;
  std::vector<std::int64_t> counts;

  std::int64_t nloc() const;
  std::int64_t total() const { return nframes * nloc(); }
};

/// Weights of one layer (or where their gradients go): matrix [in, out], bias [out], idt [out] or null.
template <class T>
struct FittingLayer {
  T* matrix = nullptr;
  T* bias = nullptr;
  T* idt = nullptr;
};

/// The layers of each type, the final one (out = 1) included: [ntypes * (layers + 1)].
template <class T>
using FittingLayers = std::vector<FittingLayer<T>>;

/// energy [n], slope [n, input], saved [n, hidden], out, n = rows.total(); each may be null and then costs nothing.
/// `saved` is what fitting_grad wants, in an order of its own. x [n, input], in.
/// Throws InvalidInput for sizes that do not fit.
template <class T>
void fitting(const FittingNet& net, const TypedRows& rows, const FittingLayers<const T>& weights, const T* x, T* energy,
             T* slope, T* saved, const Context& context);

/// The gradient of sum g_energy energy + sum g_slope slope: dx [n, input], and one array per weight; each may be null.
/// g_energy [n], g_slope [n, input] or null for 0, saved as `fitting` wrote it, in. Weights of a type without rows
/// get 0.
template <class T>
void fitting_grad(const FittingNet& net, const TypedRows& rows, const FittingLayers<const T>& weights, const T* x,
                  const T* saved, const T* g_energy, const T* g_slope, T* dx, const FittingLayers<T>& dweights,
                  const Context& context);

}  // namespace dp
