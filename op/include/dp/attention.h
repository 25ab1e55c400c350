// Gated self-attention over the neighbours of each atom, with first and second derivatives.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// Sizes and options. Atom a owns the rows (neighbours) m, n = offsets[a] .. offsets[a + 1] - 1; over these
///
///   q', k', v'  rows of q, k, v, with `normalize` each divided by sqrt(max(its sum of squares, floor^2));
///               a row of zeros stays so, and below the floor the divisor is a constant
///   L[m, n] = scale q'[m] . k'[n];                   smooth: L[m, n] = (L[m, n] + 20) s[m] s[n] - 20
///   W = softmax of L over n;                         smooth: among empty[a] more terms of logit -20
///   smooth: W[m, n] *= s[m] s[n];  angular: W[m, n] *= e[m] . e[n];  off_diagonal: W[m, m] = 0
///   o[m] = sum over n of W[m, n] v'[n]
struct Attention {
  std::int64_t natoms = 0;
  std::int64_t nrows = 0;
  std::int64_t width = 0;
  double scale = 1, floor = 0;
  bool normalize = false, angular = false, smooth = false, off_diagonal = false;
};

/// The arrays that are differentiated, or their tangents or gradients; e and s are read where they count.
template <class T>
struct AttentionRows {
  T* q;  ///< [nrows, width]
  T* k;
  T* v;
  T* e;  ///< [nrows, 3]
  T* s;  ///< [nrows]
};

template <class T>
struct AttentionInput {
  AttentionRows<const T> rows;
  const T* empty;               ///< [natoms], 0 or more
  const std::int32_t* offsets;  ///< [natoms + 1], from 0 to nrows, not decreasing
};

/// o [nrows, width], out. Throws InvalidInput, as all three, for sizes, offsets and numbers that cannot be.
template <class T>
void attention(const Attention& sizes, const AttentionInput<T>& in, T* o, const Context& context);

/// Gradients of sum(do o). d_o [nrows, width], in; grad, out, each may be null.
template <class T>
void attention_grad(const Attention& sizes, const AttentionInput<T>& in, const T* d_o, const AttentionRows<T>& grad,
                    const Context& context);

/// Gradients of the sum of all products of the gradients above with `tangent`, by d_o (dd_o [nrows, width]) and by the
/// rows, out; each may be null.
template <class T>
void attention_grad_grad(const Attention& sizes, const AttentionInput<T>& in, const T* d_o,
                         const AttentionRows<const T>& tangent, T* dd_o, const AttentionRows<T>& grad,
                         const Context& context);

}  // namespace dp
