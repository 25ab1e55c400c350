#include "dp/linear.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::TensorShape;

template <class T>
class LinearKernel : public tensorflow::OpKernel {
 public:
  explicit LinearKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const auto &x = any_matrix(c, 0, "x"), &w = any_matrix(c, 1, "w"), &b = c->input(2);
      const dp::Linear sizes{x.dim_size(0), w.dim_size(0), w.dim_size(1)};
      matrix(c, 0, "x", sizes.nrows, sizes.fan_in);
      if (b.shape() != TensorShape({sizes.width}))
        throw dp::InvalidInput("b: expected shape [" + std::to_string(sizes.width) + "], found " +
                               b.shape().DebugString());
      T* y = output<T>(c, 0, sizes.nrows, sizes.width);
      if (y != nullptr) dp::linear(sizes, data<T>(x), data<T>(w), data<T>(b), y, context);
    });
  }
};

template <class T>
class LinearBackKernel : public tensorflow::OpKernel {
 public:
  explicit LinearBackKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const auto &dy = any_matrix(c, 0, "dy"), &w = any_matrix(c, 1, "w");
      const dp::Linear sizes{dy.dim_size(0), w.dim_size(0), w.dim_size(1)};
      matrix(c, 0, "dy", sizes.nrows, sizes.width);
      T* dx = output<T>(c, 0, sizes.nrows, sizes.fan_in);
      if (dx != nullptr) dp::linear_back(sizes, data<T>(dy), data<T>(w), dx, context);
    });
  }
};

template <class T>
class LinearOuterKernel : public tensorflow::OpKernel {
 public:
  explicit LinearOuterKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const auto &x = any_matrix(c, 0, "x"), &dy = any_matrix(c, 1, "dy");
      const dp::Linear sizes{x.dim_size(0), x.dim_size(1), dy.dim_size(1)};
      matrix(c, 1, "dy", sizes.nrows, sizes.width);
      T* dw = output<T>(c, 0, sizes.fan_in, sizes.width);
      T* db = output<T>(c, 1, TensorShape({sizes.width}));
      dp::linear_outer(sizes, data<T>(x), data<T>(dy), dw, db, context);
    });
  }
};

DP_REGISTER_CPU("DpLinear", LinearKernel);
DP_REGISTER_CPU("DpLinearBack", LinearBackKernel);
DP_REGISTER_CPU("DpLinearOuter", LinearOuterKernel);

}  // namespace
}  // namespace dp_tf
