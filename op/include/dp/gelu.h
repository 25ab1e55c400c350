// GELU in its tanh form, g(x) = x/2 (1 + tanh(c (x + 0.044715 x^3))) with c = sqrt(2/pi), and its derivatives.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// x [n], in; y [n], out: g(x). y may be x.
template <class T>
void gelu(std::int64_t n, const T* x, T* y, const Context& context);

/// dy, x [n], in; dx [n], out: dy g'(x). dx may be dy or x.
template <class T>
void gelu_grad(std::int64_t n, const T* dy, const T* x, T* dx, const Context& context);

/// dy, dy2, x [n], in; out [n], out: dy dy2 g''(x). out may be any input.
template <class T>
void gelu_grad_grad(std::int64_t n, const T* dy, const T* dy2, const T* x, T* out, const Context& context);

}  // namespace dp
