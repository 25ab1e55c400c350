#include "dp/attention.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

constexpr int kCotangent = 8, kTangents = 9;

const Tensor& vector(OpKernelContext* c, int index, const char* name, std::int64_t size) {
  const Tensor& tensor = c->input(index);
  if (tensor.shape() != TensorShape({size}))
    throw dp::InvalidInput(std::string(name) + ": expected shape [" + std::to_string(size) + "], found " +
                           tensor.shape().DebugString());
  return tensor;
}

/// The attributes and the inputs that the three ops share.
template <class T>
class AttentionKernelBase : public tensorflow::OpKernel {
 public:
  explicit AttentionKernelBase(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("normalize", &options_.normalize));
    OP_REQUIRES_OK(c, c->GetAttr("angular", &options_.angular));
    OP_REQUIRES_OK(c, c->GetAttr("smooth", &options_.smooth));
    OP_REQUIRES_OK(c, c->GetAttr("off_diagonal", &options_.off_diagonal));
  }

 protected:
  dp::Attention sizes(OpKernelContext* c) const {
    dp::Attention sizes = options_;
    const Tensor& q = any_matrix(c, 0, "q");
    sizes.nrows = q.dim_size(0), sizes.width = q.dim_size(1);
    const Tensor& offsets = c->input(6);
    if (offsets.dims() != 1 || offsets.dim_size(0) < 1)
      throw dp::InvalidInput("offsets: expected a vector of natoms + 1 numbers, found shape " +
                             offsets.shape().DebugString());
    sizes.natoms = offsets.dim_size(0) - 1;
    const double* constants = data<double>(vector(c, 7, "constants", 2));
    sizes.scale = constants[0], sizes.floor = constants[1];
    return sizes;
  }

  dp::AttentionInput<T> inputs(OpKernelContext* c, const dp::Attention& sizes) const {
    const dp::AttentionRows<const T> in = rows(c, sizes, 0, {"q", "k", "v", "e", "s"});
    return {in, data<T>(vector(c, 5, "empty", sizes.natoms)), data<std::int32_t>(c->input(6))};
  }

  dp::AttentionRows<const T> rows(OpKernelContext* c, const dp::Attention& sizes, int first,
                                  const char* const (&names)[5]) const {
    const T* wide[3];
    for (int k = 0; k < 3; ++k) wide[k] = data<T>(matrix(c, first + k, names[k], sizes.nrows, sizes.width));
    return {wide[0], wide[1], wide[2], data<T>(matrix(c, first + 3, names[3], sizes.nrows, 3)),
            data<T>(vector(c, first + 4, names[4], sizes.nrows))};
  }

  const T* cotangent(OpKernelContext* c, const dp::Attention& sizes) const {
    return data<T>(matrix(c, kCotangent, "d_o", sizes.nrows, sizes.width));
  }

  dp::AttentionRows<T> gradients(OpKernelContext* c, const dp::Attention& sizes, int first) const {
    T* wide[3];
    for (int k = 0; k < 3; ++k) wide[k] = output<T>(c, first + k, sizes.nrows, sizes.width);
    return {wide[0], wide[1], wide[2], output<T>(c, first + 3, sizes.nrows, 3),
            output<T>(c, first + 4, TensorShape({sizes.nrows}))};
  }

 private:
  dp::Attention options_;
};

template <class T>
class AttentionKernel : public AttentionKernelBase<T> {
 public:
  using AttentionKernelBase<T>::AttentionKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Attention sizes = this->sizes(c);
      const dp::AttentionInput<T> in = this->inputs(c, sizes);
      T* o = output<T>(c, 0, sizes.nrows, sizes.width);
      if (o != nullptr) dp::attention(sizes, in, o, context);
    });
  }
};

template <class T>
class AttentionGradKernel : public AttentionKernelBase<T> {
 public:
  using AttentionKernelBase<T>::AttentionKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Attention sizes = this->sizes(c);
      const dp::AttentionInput<T> in = this->inputs(c, sizes);
      const T* d_o = this->cotangent(c, sizes);
      dp::attention_grad(sizes, in, d_o, this->gradients(c, sizes, 0), context);
    });
  }
};

template <class T>
class AttentionGradGradKernel : public AttentionKernelBase<T> {
 public:
  using AttentionKernelBase<T>::AttentionKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Attention sizes = this->sizes(c);
      const dp::AttentionInput<T> in = this->inputs(c, sizes);
      const T* d_o = this->cotangent(c, sizes);
      const dp::AttentionRows<const T> tangent = this->rows(c, sizes, kTangents, {"gq", "gk", "gv", "ge", "gs"});
      T* dd_o = output<T>(c, 0, sizes.nrows, sizes.width);
      dp::attention_grad_grad(sizes, in, d_o, tangent, dd_o, this->gradients(c, sizes, 1), context);
    });
  }
};

DP_REGISTER_CPU("DpAttention", AttentionKernel);
DP_REGISTER_CPU("DpAttentionGrad", AttentionGradKernel);
DP_REGISTER_CPU("DpAttentionGradGrad", AttentionGradGradKernel);

}  // namespace
}  // namespace dp_tf
