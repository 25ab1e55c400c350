// A linear layer over many rows, and the two products that its derivatives of every order are made of.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// Sizes of the arrays.
struct Linear {
  std::int64_t nrows = 0;
  std::int64_t fan_in = 0;
  std::int64_t width = 0;
};

/// y = x w + b. x [nrows, fan_in], w [fan_in, width], b [width], in; y [nrows, width], out. Throws InvalidInput, as all
/// three, for negative sizes.
template <class T>
void linear(const Linear& sizes, const T* x, const T* w, const T* b, T* y, const Context& context);

/// dx = dy w^T. dy [nrows, width], w [fan_in, width], in; dx [nrows, fan_in], out.
template <class T>
void linear_back(const Linear& sizes, const T* dy, const T* w, T* dx, const Context& context);

/// dw = x^T dy and db, the sum of the rows of dy. x [nrows, fan_in], dy [nrows, width], in; dw [fan_in, width],
/// db [width], out; each may be null.
template <class T>
void linear_outer(const Linear& sizes, const T* x, const T* dy, T* dw, T* db, const Context& context);

}  // namespace dp
