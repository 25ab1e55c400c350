#include "dp/group.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// The offsets (input 2) and the sizes that all three ops share; `rows` names input 0.
struct GroupInputs {
  GroupInputs(OpKernelContext* c, const char* rows) {
    const tensorflow::Tensor& tensor = c->input(2);
    if (tensor.dims() != 1 || tensor.dim_size(0) < 1)
      throw dp::InvalidInput("offsets: expected a vector of ngroups + 1 numbers, found shape " +
                             tensor.shape().DebugString());
    offsets = data<std::int32_t>(tensor);
    sizes.ngroups = tensor.dim_size(0) - 1;
    sizes.nrows = any_matrix(c, 0, rows).dim_size(0);
  }

  /// Input 1 as x; its width becomes that of the groups.
  template <class T>
  const T* x(OpKernelContext* c) {
    const tensorflow::Tensor& tensor = c->input(1);
    if (tensor.dims() != 3 || tensor.dim_size(0) != sizes.ngroups || tensor.dim_size(1) != 4)
      throw dp::InvalidInput("x: expected shape [" + std::to_string(sizes.ngroups) + ",4,width], found " +
                             tensor.shape().DebugString());
    sizes.width = tensor.dim_size(2);
    return data<T>(tensor);
  }

  dp::Groups sizes;
  const std::int32_t* offsets;
};

template <class T>
class GroupOuterKernel : public tensorflow::OpKernel {
 public:
  explicit GroupOuterKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      GroupInputs in(c, "env");
      in.sizes.width = any_matrix(c, 1, "feature").dim_size(1);
      const T* env = data<T>(matrix(c, 0, "env", in.sizes.nrows, 4));
      const T* feature = data<T>(matrix(c, 1, "feature", in.sizes.nrows, in.sizes.width));
      tensorflow::Tensor* x = nullptr;
      check(c->allocate_output(0, tensorflow::TensorShape({in.sizes.ngroups, 4, in.sizes.width}), &x));
      dp::group_outer(in.sizes, env, feature, in.offsets, x->flat<T>().data(), context);
    });
  }
};

template <class T>
class GroupSpreadKernel : public tensorflow::OpKernel {
 public:
  explicit GroupSpreadKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      GroupInputs in(c, "env");
      const T* env = data<T>(matrix(c, 0, "env", in.sizes.nrows, 4));
      const T* x = in.x<T>(c);
      T* feature = output<T>(c, 0, in.sizes.nrows, in.sizes.width);
      if (feature != nullptr) dp::group_spread(in.sizes, env, x, in.offsets, feature, context);
    });
  }
};

template <class T>
class GroupDotKernel : public tensorflow::OpKernel {
 public:
  explicit GroupDotKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      GroupInputs in(c, "feature");
      const T* x = in.x<T>(c);
      const T* feature = data<T>(matrix(c, 0, "feature", in.sizes.nrows, in.sizes.width));
      T* env = output<T>(c, 0, in.sizes.nrows, 4);
      if (env != nullptr) dp::group_dot(in.sizes, feature, x, in.offsets, env, context);
    });
  }
};

DP_REGISTER_CPU("DpGroupOuter", GroupOuterKernel);
DP_REGISTER_CPU("DpGroupSpread", GroupSpreadKernel);
DP_REGISTER_CPU("DpGroupDot", GroupDotKernel);

}  // namespace
}  // namespace dp_tf
