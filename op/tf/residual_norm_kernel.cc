#include "dp/residual_norm.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/// The sizes, and inputs that must fit them.
template <class T>
struct NormInputs {
  explicit NormInputs(OpKernelContext* c) : context(c) {
    const Tensor& x = any_matrix(c, 0, "x");
    sizes.nrows = x.dim_size(0), sizes.width = x.dim_size(1);
    if (c->input(3).dims() != 0)
      throw dp::InvalidInput("eps: expected a number, found shape " + c->input(3).shape().DebugString());
    sizes.eps = c->input(3).scalar<double>()();
  }
  const T* rows(int index, const char* name) const {
    return data<T>(matrix(context, index, name, sizes.nrows, sizes.width));
  }
  const T* columns(int index, const char* name) const {
    const Tensor& tensor = context->input(index);
    if (tensor.shape() != TensorShape({sizes.width}))
      throw dp::InvalidInput(std::string(name) + ": expected shape [" + std::to_string(sizes.width) + "], found " +
                             tensor.shape().DebugString());
    return data<T>(tensor);
  }
  T* rows_out(int index) const { return output<T>(context, index, sizes.nrows, sizes.width); }
  T* columns_out(int index) const { return output<T>(context, index, TensorShape({sizes.width})); }

  OpKernelContext* context;
  dp::ResidualNorm sizes;
};

template <class T>
class NormKernel : public tensorflow::OpKernel {
 public:
  explicit NormKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const NormInputs<T> in(c);
      const T *x = in.rows(0, "x"), *o = in.rows(1, "o");
      const T *gamma = in.columns(2, "gamma"), *beta = in.columns(4, "beta");
      T* y = in.rows_out(0);
      if (y != nullptr) dp::residual_norm(in.sizes, x, o, gamma, beta, y, context);
    });
  }
};

template <class T>
class NormGradKernel : public tensorflow::OpKernel {
 public:
  explicit NormGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const NormInputs<T> in(c);
      const T *x = in.rows(0, "x"), *o = in.rows(1, "o"), *gamma = in.columns(2, "gamma"), *dy = in.rows(4, "dy");
      T *dz = in.rows_out(0), *dgamma = in.columns_out(1), *dbeta = in.columns_out(2);
      dp::residual_norm_grad(in.sizes, x, o, gamma, dy, dz, dgamma, dbeta, context);
    });
  }
};

template <class T>
class NormGradGradKernel : public tensorflow::OpKernel {
 public:
  explicit NormGradGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const NormInputs<T> in(c);
      const dp::NormTangent<T> tangent{in.rows(0, "x"),         in.rows(1, "o"),  in.columns(2, "gamma"),
                                       in.rows(4, "dy"),        in.rows(5, "gz"), in.columns(6, "ggamma"),
                                       in.columns(7, "gbeta")};
      T *ddy = in.rows_out(0), *dz = in.rows_out(1), *dgamma = in.columns_out(2);
      dp::residual_norm_grad_grad(in.sizes, tangent, ddy, dz, dgamma, context);
    });
  }
};

DP_REGISTER_CPU("DpResidualNorm", NormKernel);
DP_REGISTER_CPU("DpResidualNormGrad", NormGradKernel);
DP_REGISTER_CPU("DpResidualNormGradGrad", NormGradGradKernel);

}  // namespace
}  // namespace dp_tf
