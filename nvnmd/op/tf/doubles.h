// The core computes in float64; kernels of float32 convert whole tensors on the way in and out.
#pragma once

#include <type_traits>
#include <vector>

#include "tf/common.h"

namespace nvnmd_tf {

using dp_tf::guarded;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/// The numbers of a tensor as float64.
template <class T>
class Doubles {
 public:
  explicit Doubles(const Tensor& tensor) : given_(tensor.flat<T>().data()) {
    if constexpr (!std::is_same_v<T, double>) copy_.assign(given_, given_ + tensor.NumElements());
  }

  const double* data() const {
    if constexpr (std::is_same_v<T, double>)
      return given_;
    else
      return copy_.data();
  }

 private:
  const T* given_;
  std::vector<double> copy_;
};

/// Allocate output `index` and let `body` fill it with float64 numbers.
template <class T, class Body>
void fill(OpKernelContext* c, int index, const TensorShape& shape, const Body& body) {
  Tensor* tensor = nullptr;
  dp_tf::check(c->allocate_output(index, shape, &tensor));
  T* out = tensor->flat<T>().data();
  if constexpr (std::is_same_v<T, double>) {
    body(out);
  } else {
    std::vector<double> wide(tensor->NumElements());
    body(wide.data());
    for (std::size_t i = 0; i < wide.size(); ++i) out[i] = static_cast<T>(wide[i]);
  }
}

/// Inputs 0 and 1 are x and w of one shape; throws InvalidInput.
inline void require_same_shape(OpKernelContext* c) {
  if (c->input(0).shape() != c->input(1).shape())
    throw dp::InvalidInput("w: expected the shape " + c->input(0).shape().DebugString() + " of x, found " +
                           c->input(1).shape().DebugString());
}

}  // namespace nvnmd_tf
