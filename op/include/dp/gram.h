// Products of the columns of small matrices, by which a descriptor becomes independent of the orientation.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// Sizes of the arrays: x, y, z [n, 4, width] and d [n, width, columns], with 1 <= columns <= width where n > 0.
/// Outputs are overwritten and must not overlap the inputs.
struct Gram {
  std::int64_t n = 0;
  std::int64_t width = 0;
  std::int64_t columns = 0;
};

/// d[i, k, l] = sum over a of x[i, a, k] x[i, a, l].
template <class T>
void gram(const Gram& sizes, const T* x, T* d, const Context& context);

/// Its derivative in the direction y: d[i, k, l] = sum over a of x[i, a, k] y[i, a, l] + y[i, a, k] x[i, a, l].
template <class T>
void gram_pair(const Gram& sizes, const T* x, const T* y, T* d, const Context& context);

/// The transpose of gram_pair: z[i, a, k] = sum over l of d[i, k, l] y[i, a, l] and, for k < columns, sum over k' of
/// d[i, k', k] y[i, a, k'].
template <class T>
void gram_spread(const Gram& sizes, const T* d, const T* y, T* z, const Context& context);

}  // namespace dp
