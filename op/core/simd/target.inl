// All kernels and their table for one target. A target's file defines DP_TARGET (its namespace) and includes this
// once; CMakeLists.txt gives that file the compiler flags of the target. Nothing of the C++ library is used here:
// an inline function of it, compiled with these flags, could be the copy the linker keeps for the whole program.

#include <stdint.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

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

#include "core/simd/hermite.inl"

#include "core/simd/table.inl"

#include "core/simd/pairs.inl"

#include "core/simd/factor.inl"

#include "core/simd/tabulate.inl"

#include "core/simd/gram.inl"

#include "core/simd/gelu.inl"

#include "core/simd/activation.inl"

#include "core/simd/gemm.inl"

#include "core/simd/attention.inl"

#include "core/simd/norm.inl"

template <class T, int C>
constexpr TableKernels<T> table_kernels() {
  return {table_spread<C, T>, table_gather<C, T>, table_outer<C, T>, table_dot<C, T>, table_update<C, T>};
}

template <class T, int C, bool kForce, bool kVirial>
constexpr PairKernels<T> pair_kernels() {
  return {pair_row<C, kForce, kVirial, T>, pair_grad_row<C, kForce, kVirial, T>};
}

template <class T, int C>
constexpr RowKernels<T> row_kernels() {
  return {env_rows<C, T>, pair_kernels<T, C, true, false>(), pair_kernels<T, C, false, true>(),
          pair_kernels<T, C, true, true>()};
}

template <class T>
constexpr Kernels<T> table() {
  return {within<T>,
          row_kernels<T, 4>(),
          row_kernels<T, 1>(),
          group_outer<T>,
          group_spread<T>,
          group_dot<T>,
          hermite<T>,
          table_kernels<T, 1>(),
          table_kernels<T, 4>(),
          table_kernels<T, 8>(),
          pair_dots<T>,
          pair_rows<T>,
          pair_product<T>,
          table_features<T>,
          table_scatter<T>,
          factor_times<T>,
          factor_grad<T>,
          factor_grad_grad<T>,
          tabulate_locate<T>,
          tabulate_sum<T>,
          tabulate_dot<T>,
          gram<T>,
          gram_spread<T>,
          gelu<T>,
          gelu_grad<T>,
          gelu_grad_grad<T>,
          activate<T>,
          product<T>,
          product_bt<T>,
          product_at<T>,
          attention_weights<T>,
          attention_grad<T>,
          attention_tangent<T>,
          attention_second<T>,
          attention_unit<T>,
          attention_unit_tangent<T>,
          attention_unit_back<T>,
          norm<T>,
          norm_grad<T>,
          norm_grad_grad<T>};
}

extern const Kernels<float> f32;
extern const Kernels<double> f64;
const Kernels<float> f32 = table<float>();
const Kernels<double> f64 = table<double>();

}  // namespace DP_TARGET
}  // namespace dp
