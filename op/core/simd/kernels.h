// The table of kernels of one target. This header is compiled with the flags of every target, so it holds plain data
// only: an inline function here could reach other processors with instructions that they lack.
#pragma once

#include <cstdint>

namespace dp {

/// The switching function: S falls from 1 to 0 over rmin + [0, 1/scale]. A scale of 0 means a step at the cutoff.
template <class T>
struct Switch {
  T rmin;
  T scale;
};

template <class T>
struct Kernels {
  /// Find the points nearer to `centre` [3] than the cutoff: strictly in T and, inclusively, in float32.
  /// x, y, z [n], in. position, distance2 [n], out: index and float32 squared distance of each one found.
  /// Returns how many were found.
  int (*within)(int n, const T* x, const T* y, const T* z, const T* centre, T rcut2, float rcut2_f32,
                std::int32_t* position, float* distance2);

  /// Environment matrix rows of n neighbours: rij [n, 3], shift and scale [n, 4], in;
  /// descrpt [n, 4], out; deriv [n, 4, 3], out, or null.
  void (*env_rows)(int n, const T* rij, const Switch<T>& sw, const T* shift, const T* scale, T* descrpt, T* deriv);

  /// One centre of force_a. centre [3] and force [nall, 3] are added to.
  void (*force_row)(int nnei, const T* net, const T* deriv, const std::int32_t* nlist, T* centre, T* force);

  /// One centre of force_a_grad. centre [3], grad [nall, 3], in; grad_net [nnei, 4], out.
  void (*force_grad_row)(int nnei, int nall, const T* centre, const T* grad, const T* deriv,
                         const std::int32_t* nlist, T* grad_net);

  /// One centre of virial_a. virial [9] and atom_virial [nall, 9] (or null) are added to.
  void (*virial_row)(int nnei, const T* net, const T* deriv, const T* rij, const std::int32_t* nlist, T* virial,
                     T* atom_virial);

  /// One centre of virial_a_grad. grad [9], in; grad_atom [nall, 9], in, or null; grad_net [nnei, 4], out.
  void (*virial_grad_row)(int nnei, const T* grad, const T* grad_atom, const T* deriv, const T* rij,
                          const std::int32_t* nlist, T* grad_net);

  /// One group of n rows and m columns: env [n, 4], feature [n, m], x [4, m]; the last argument is written.
  void (*group_outer)(std::int64_t n, std::int64_t m, const T* env, const T* feature, T* x);
  void (*group_spread)(std::int64_t n, std::int64_t m, const T* env, const T* x, T* feature);
  void (*group_dot)(std::int64_t n, std::int64_t m, const T* feature, const T* x, T* env);

  void (*gelu)(std::int64_t n, const T* x, T* y);
  void (*gelu_grad)(std::int64_t n, const T* dy, const T* x, T* dx);
  void (*gelu_grad_grad)(std::int64_t n, const T* dy, const T* dy2, const T* x, T* out);
};

}  // namespace dp
