#include "dp/target.h"

#include <cstdlib>
#include <string>

#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

#define DP_DECLARE_TARGET(name)      \
  namespace name {                   \
  extern const Kernels<float> f32;   \
  extern const Kernels<double> f64;  \
  }
DP_DECLARE_TARGET(baseline)
#ifdef DP_X86
DP_DECLARE_TARGET(avx2)
DP_DECLARE_TARGET(avx512)
#endif
#undef DP_DECLARE_TARGET

namespace {

// Slowest first; a new instruction set is one line here and one target_<name>.cc.
const Target kTargets[] = {
    {"baseline", [] { return true; }, &baseline::f32, &baseline::f64},
#ifdef DP_X86
    {"avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }, &avx2::f32, &avx2::f64},
    {"avx512",
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
     },
     &avx512::f32, &avx512::f64},
#endif
};

}  // namespace

const std::vector<const Target*>& targets() {
  static const std::vector<const Target*> runnable = [] {
    std::vector<const Target*> found;
    for (const Target& target : kTargets)
      if (target.runnable()) found.push_back(&target);
    return found;
  }();
  return runnable;
}

const Target& find_target(const char* name) {
  const bool from_environment = name == nullptr;
  if (from_environment) name = std::getenv("DEEPMD_TF_SIMD");
  if (name == nullptr || *name == '\0') return *targets().back();
  std::string known;
  for (const Target* target : targets()) {
    if (std::string(name) == target->name) return *target;
    known += std::string(known.empty() ? "" : ", ") + target->name;
  }
  throw InvalidInput(std::string(from_environment ? "environment variable DEEPMD_TF_SIMD: " : "SIMD target: ") +
                     "expected one of " + known + " (what this processor can run), found '" + name + "'");
}

template <>
const Kernels<float>& kernels(const Target& target) {
  return *target.f32;
}

template <>
const Kernels<double>& kernels(const Target& target) {
  return *target.f64;
}

template <class T>
const RowKernels<T>& row_kernels(const Target& target, Components components) {
  return components == Components::full ? kernels<T>(target).full : kernels<T>(target).radial;
}

template const RowKernels<float>& row_kernels(const Target&, Components);
template const RowKernels<double>& row_kernels(const Target&, Components);

}  // namespace dp
