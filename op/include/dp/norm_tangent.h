// Plain data alone: kernels of every target include this.
#pragma once

namespace dp {

/// Tangents of the residual norm, t of z [nrows, width], tgamma and tbeta [width], and what they belong to.
template <class T>
struct NormTangent {
  const T *x, *o, *gamma, *dy, *t, *tgamma, *tbeta;
};

}  // namespace dp
