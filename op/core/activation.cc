#include "dp/activation.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

const std::pair<const char*, Activation::Kind> kNames[] = {
    {"tanh", Activation::kTanh},         {"gelu", Activation::kGelu},       {"gelu_tf", Activation::kGelu},
    {"relu", Activation::kRelu},         {"relu6", Activation::kRelu6},     {"softplus", Activation::kSoftplus},
    {"sigmoid", Activation::kSigmoid},   {"silu", Activation::kSilu},       {"silut", Activation::kSilut},
    {"linear", Activation::kLinear},     {"none", Activation::kLinear},
};

}  // namespace

Activation find_activation(const std::string& name) {
  std::string known;
  for (const auto& [text, kind] : kNames) {
    if (name == text) return {kind};
    known += std::string(text) + ", ";
  }
  const std::string prefix = "silut:";
  if (name.compare(0, prefix.size(), prefix) == 0) {
    char* end = nullptr;
    const double threshold = std::strtod(name.c_str() + prefix.size(), &end);
    if (end != name.c_str() + prefix.size() && *end == '\0' && threshold > 0) return {Activation::kSilut, threshold};
  }
  throw InvalidInput("activation: expected one of " + known + "silut:TH with TH > 0, found '" + name + "'");
}

template <class T>
void activate(const Activation& activation, std::int64_t n, const T* x, T* value, T* first, T* second,
              const Context& context) {
  constexpr std::int64_t kLength = 4096, kNanosecondsPerElement = 3;
  const auto from = [](T* array, std::int64_t at) { return array == nullptr ? nullptr : array + at; };
  parallel_for(context.pool, (n + kLength - 1) / kLength, kLength * kNanosecondsPerElement, [&](std::int64_t task) {
    const std::int64_t at = task * kLength;
    kernels<T>(context.target)
        .activate(activation, std::min(kLength, n - at), x + at, value + at, from(first, at), from(second, at));
  });
}

#define DP_INSTANTIATE(T) \
  template void activate(const Activation&, std::int64_t, const T*, T*, T*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
