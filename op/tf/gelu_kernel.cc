#include "dp/gelu.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// Allocate the output in the shape that all inputs must have.
template <class T>
T* like_inputs(OpKernelContext* c) {
  for (int k = 1; k < c->num_inputs(); ++k)
    if (c->input(k).shape() != c->input(0).shape())
      throw dp::InvalidInput("input " + std::to_string(k) + ": expected shape " + c->input(0).shape().DebugString() +
                             ", found " + c->input(k).shape().DebugString());
  tensorflow::Tensor* tensor = nullptr;
  check(c->allocate_output(0, c->input(0).shape(), &tensor));
  return tensor->flat<T>().data();
}

template <class T>
class GeluKernel : public tensorflow::OpKernel {
 public:
  explicit GeluKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      T* out = like_inputs<T>(c);
      dp::gelu(c->input(0).NumElements(), data<T>(c->input(0)), out, context);
    });
  }
};

template <class T>
class GeluGradKernel : public tensorflow::OpKernel {
 public:
  explicit GeluGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      T* out = like_inputs<T>(c);
      dp::gelu_grad(c->input(0).NumElements(), data<T>(c->input(0)), data<T>(c->input(1)), out, context);
    });
  }
};

template <class T>
class GeluGradGradKernel : public tensorflow::OpKernel {
 public:
  explicit GeluGradGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      T* out = like_inputs<T>(c);
      dp::gelu_grad_grad(c->input(0).NumElements(), data<T>(c->input(0)), data<T>(c->input(1)),
                         data<T>(c->input(2)), out, context);
    });
  }
};

DP_REGISTER_CPU("GeluCustom", GeluKernel);
DP_REGISTER_CPU("Gelu", GeluKernel);
DP_REGISTER_CPU("GeluGradCustom", GeluGradKernel);
DP_REGISTER_CPU("GeluGrad", GeluGradKernel);
DP_REGISTER_CPU("GeluGradGradCustom", GeluGradGradKernel);
DP_REGISTER_CPU("GeluGradGrad", GeluGradGradKernel);

}  // namespace
}  // namespace dp_tf
