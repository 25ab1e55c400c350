// Layer normalisation of a sum, y = gamma (z - mean) / sqrt(variance + eps) + beta with z = x + o, where mean and
// (population) variance are those of a row; with first and second derivatives.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/norm_tangent.h"

namespace dp {

/// Rows of the arrays.
struct ResidualNorm {
  std::int64_t nrows = 0;
  std::int64_t width = 0;
  double eps = 0;
};

/// x, o [nrows, width], gamma, beta [width], in; y [nrows, width], out. Throws InvalidInput, as all three, for sizes
/// and eps that cannot be.
template <class T>
void residual_norm(const ResidualNorm& sizes, const T* x, const T* o, const T* gamma, const T* beta, T* y,
                   const Context& context);

/// Gradients of sum(dy y): dz [nrows, width], by x as by o, dgamma and dbeta [width], out; each may be null.
template <class T>
void residual_norm_grad(const ResidualNorm& sizes, const T* x, const T* o, const T* gamma, const T* dy, T* dz,
                        T* dgamma, T* dbeta, const Context& context);

/// Gradients of the sum of the products of the gradients above with the tangents: by dy (ddy [nrows, width]), by x as
/// by o (dz) and by gamma, out; each may be null.
template <class T>
void residual_norm_grad_grad(const ResidualNorm& sizes, const NormTangent<T>& in, T* ddy, T* dz, T* dgamma,
                             const Context& context);

}  // namespace dp
