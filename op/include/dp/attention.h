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
  T* qkv;  ///< [nrows, 3, width]: the rows of q, k and v side by side
  T* e;    ///< [nrows, 3]
  T* s;    ///< [nrows]
};

template <class T>
struct AttentionInput {
  AttentionRows<const T> rows;
  const T* empty;               ///< [natoms], 0 or more
  const std::int32_t* offsets;  ///< [natoms + 1], from 0 to nrows, not decreasing
};

/// Numbers of an array over the pairs of rows of each atom, of which one order makes some for the next: atom after
/// atom n rows of n numbers, each up to a whole cache line. Throws InvalidInput for offsets that cannot be.
template <class T>
std::int64_t attention_pairs(const Attention& sizes, const std::int32_t* offsets);

/// o [nrows, width] and qk [pairs], products of queries and keys, out; each may be null. Throws InvalidInput, as all
/// four, for sizes, offsets and numbers that cannot be.
template <class T>
void attention(const Attention& sizes, const AttentionInput<T>& in, T* o, T* qk, const Context& context);

/// Gradients of sum(do o). qk of attention and d_o [nrows, width], in; grad and dov [pairs], products of do and v, out;
/// each may be null.
template <class T>
void attention_grad(const Attention& sizes, const AttentionInput<T>& in, const T* qk, const T* d_o,
                    const AttentionRows<T>& grad, T* dov, const Context& context);

/// The tangent of o, dd_o [nrows, width]: the derivative by do of the sum of all products of the gradients above with
/// `tangent`. left and right [pairs], products of tangents of q with k and of q with tangents of k. Out; each may be
/// null.
template <class T>
void attention_tangent(const Attention& sizes, const AttentionInput<T>& in, const T* qk,
                       const AttentionRows<const T>& tangent, T* dd_o, T* left, T* right, const Context& context);

/// What the functions above have kept.
template <class T>
struct AttentionKept {
  const T *qk, *dov, *left, *right;  ///< [pairs]
};

/// Gradients of sum(do2 o) plus those of the sum of all products of the gradients of attention_grad with `tangent`, out;
/// each may be null. d_o, d2_o [nrows, width], in.
template <class T>
void attention_second(const Attention& sizes, const AttentionInput<T>& in, const AttentionKept<T>& kept, const T* d_o,
                      const T* d2_o, const AttentionRows<const T>& tangent, const AttentionRows<T>& grad,
                      const Context& context);

}  // namespace dp
