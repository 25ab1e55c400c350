// All kernels and their table for one target. A target's file defines DP_TARGET (its namespace) and includes this
// once; CMakeLists.txt gives that file the compiler flags of the target. Nothing of the C++ library is used here:
// an inline function of it, compiled with these flags, could be the copy the linker keeps for the whole program.

#include <stdint.h>

#include "core/simd/kernels.h"

namespace dp {
namespace DP_TARGET {

// The built-ins, unlike std::sqrt, are no function of this translation unit.
inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

#include "core/simd/neighbor.inl"

#include "core/simd/env_mat.inl"

#include "core/simd/force.inl"

#include "core/simd/group.inl"

#include "core/simd/gelu.inl"

template <class T>
constexpr Kernels<T> table() {
  return {within<T>,      env_rows<T>,        force_row<T>,   force_grad_row<T>,
          virial_row<T>,  virial_grad_row<T>, group_outer<T>, group_spread<T>,
          group_dot<T>,   gelu<T>,            gelu_grad<T>,   gelu_grad_grad<T>};
}

extern const Kernels<float> f32;
extern const Kernels<double> f64;
const Kernels<float> f32 = table<float>();
const Kernels<double> f64 = table<double>();

}  // namespace DP_TARGET
}  // namespace dp
