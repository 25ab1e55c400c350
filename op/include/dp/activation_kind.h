// Which activation function. Plain data: kernels are compiled with this header.
#pragma once

namespace dp {

/// One of the functions by which an input file names activations.
struct Activation {
  enum Kind { kTanh, kGelu, kRelu, kRelu6, kSoftplus, kSigmoid, kSilu, kSilut, kLinear };
  Kind kind = kLinear;
  double threshold = 3;  ///< of silut: silu below it, a tanh of the same value and slope above
};

}  // namespace dp
