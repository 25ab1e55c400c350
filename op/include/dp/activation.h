// Activation functions of networks, with their first two derivatives.
#pragma once

#include <cstdint>
#include <string>

#include "dp/activation_kind.h"
#include "dp/context.h"

namespace dp {

/// The function called tanh, gelu or gelu_tf (the tanh form), relu, relu6, softplus, sigmoid, silu, silut, silut:TH,
/// linear or none, in lower case. Throws InvalidInput with the known names.
Activation find_activation(const std::string& name);

/// value, first and second [n], out: function and derivatives of x [n]; `second`, or `first` and `second`, may be null.
/// Errors below 4 ulp of the value. At their corners relu and relu6 have slope 0.
template <class T>
void activate(const Activation& activation, std::int64_t n, const T* x, T* value, T* first, T* second,
              const Context& context);

}  // namespace dp
