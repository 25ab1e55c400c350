// The instruction sets that the kernels were compiled for, and the choice among them at run time.
#pragma once

#include <vector>

#include "dp/types.h"

namespace dp {

template <class T>
struct Kernels;  // core/simd/kernels.h
template <class T>
struct RowKernels;

/// One instruction set with its table of kernels. All targets give the same bits: none contracts a*b+c.
struct Target {
  const char* name;
  bool (*runnable)();  ///< whether this processor has the instructions
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

/// The targets that this processor can run, slowest first ("baseline" is always there).
const std::vector<const Target*>& targets();

/// The target called `name`. Null means the one named by the environment variable DEEPMD_TF_SIMD, or the fastest
/// where that is not set. Throws InvalidInput when this processor or this build does not have it.
const Target& find_target(const char* name = nullptr);

template <class T>
const Kernels<T>& kernels(const Target& target);
template <class T>
const RowKernels<T>& row_kernels(const Target& target, Components components);

}  // namespace dp
