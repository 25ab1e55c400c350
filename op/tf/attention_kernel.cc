#include "dp/attention.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

constexpr int kInputs = 6;  ///< that all four ops begin with

const Tensor& vector(OpKernelContext* c, int index, const char* name, std::int64_t size) {
  const Tensor& tensor = c->input(index);
  if (tensor.shape() != TensorShape({size}))
    throw dp::InvalidInput(std::string(name) + ": expected shape [" + std::to_string(size) + "], found " +
                           tensor.shape().DebugString());
  return tensor;
}

/// The attributes and the inputs that the four ops share.
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
    const Tensor& qkv = any_matrix(c, 0, "qkv");
    if (qkv.dim_size(1) % 3 != 0)
      throw dp::InvalidInput("qkv: expected three parts of equal width, found shape " + qkv.shape().DebugString());
    sizes.nrows = qkv.dim_size(0), sizes.width = qkv.dim_size(1) / 3;
    const Tensor& offsets = c->input(4);
    if (offsets.dims() != 1 || offsets.dim_size(0) < 1)
      throw dp::InvalidInput("offsets: expected a vector of natoms + 1 numbers, found shape " +
                             offsets.shape().DebugString());
    sizes.natoms = offsets.dim_size(0) - 1;
    const double* constants = data<double>(vector(c, 5, "constants", 2));
    sizes.scale = constants[0], sizes.floor = constants[1];
    return sizes;
  }

  dp::AttentionInput<T> inputs(OpKernelContext* c, const dp::Attention& sizes) const {
    const dp::AttentionRows<const T> in = rows(c, sizes, 0, {"qkv", "e", "s"});
    return {in, data<T>(vector(c, 3, "empty", sizes.natoms)), offsets(c)};
  }

  static const std::int32_t* offsets(OpKernelContext* c) { return data<std::int32_t>(c->input(4)); }

  dp::AttentionRows<const T> rows(OpKernelContext* c, const dp::Attention& sizes, int first,
                                  const char* const (&names)[3]) const {
    return {data<T>(matrix(c, first, names[0], sizes.nrows, 3 * sizes.width)),
            data<T>(matrix(c, first + 1, names[1], sizes.nrows, 3)),
            data<T>(vector(c, first + 2, names[2], sizes.nrows))};
  }

  const T* like_o(OpKernelContext* c, int index, const char* name, const dp::Attention& sizes) const {
    return data<T>(matrix(c, index, name, sizes.nrows, sizes.width));
  }
  const T* pairs(OpKernelContext* c, int index, const char* name, const dp::Attention& sizes) const {
    return data<T>(vector(c, index, name, dp::attention_pairs<T>(sizes, offsets(c))));
  }
  T* pairs_out(OpKernelContext* c, int index, const dp::Attention& sizes) const {
    return output<T>(c, index, TensorShape({dp::attention_pairs<T>(sizes, offsets(c))}));
  }
  T* o_out(OpKernelContext* c, const dp::Attention& sizes) const {
    return output<T>(c, 0, sizes.nrows, sizes.width);
  }
  dp::AttentionRows<T> gradients(OpKernelContext* c, const dp::Attention& sizes) const {
    return {output<T>(c, 0, sizes.nrows, 3 * sizes.width), output<T>(c, 1, sizes.nrows, 3),
            output<T>(c, 2, TensorShape({sizes.nrows}))};
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
      T *o = this->o_out(c, sizes), *qk = this->pairs_out(c, 1, sizes);
      dp::attention(sizes, in, o, qk, context);
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
      const T* qk = this->pairs(c, kInputs, "qk", sizes);
      const T* d_o = this->like_o(c, kInputs + 1, "d_o", sizes);
      const dp::AttentionRows<T> grad = this->gradients(c, sizes);
      dp::attention_grad(sizes, in, qk, d_o, grad, this->pairs_out(c, 3, sizes), context);
    });
  }
};

template <class T>
class AttentionTangentKernel : public AttentionKernelBase<T> {
 public:
  using AttentionKernelBase<T>::AttentionKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Attention sizes = this->sizes(c);
      const dp::AttentionInput<T> in = this->inputs(c, sizes);
      const T* qk = this->pairs(c, kInputs, "qk", sizes);
      const dp::AttentionRows<const T> tangent = this->rows(c, sizes, kInputs + 1, {"gqkv", "ge", "gs"});
      T *dd_o = this->o_out(c, sizes), *left = this->pairs_out(c, 1, sizes), *right = this->pairs_out(c, 2, sizes);
      dp::attention_tangent(sizes, in, qk, tangent, dd_o, left, right, context);
    });
  }
};

template <class T>
class AttentionSecondKernel : public AttentionKernelBase<T> {
 public:
  using AttentionKernelBase<T>::AttentionKernelBase;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Attention sizes = this->sizes(c);
      const dp::AttentionInput<T> in = this->inputs(c, sizes);
      const char* const names[] = {"qk", "dov", "left", "right"};
      const T* kept[4];
      for (int k = 0; k < 4; ++k) kept[k] = this->pairs(c, kInputs + k, names[k], sizes);
      const T* d_o = this->like_o(c, kInputs + 4, "d_o", sizes);
      const T* d2_o = this->like_o(c, kInputs + 5, "d2_o", sizes);
      const dp::AttentionRows<const T> tangent = this->rows(c, sizes, kInputs + 6, {"gqkv", "ge", "gs"});
      dp::attention_second<T>(sizes, in, {kept[0], kept[1], kept[2], kept[3]}, d_o, d2_o, tangent,
                              this->gradients(c, sizes), context);
    });
  }
};

DP_REGISTER_CPU("DpAttention", AttentionKernel);
DP_REGISTER_CPU("DpAttentionGrad", AttentionGradKernel);
DP_REGISTER_CPU("DpAttentionTangent", AttentionTangentKernel);
DP_REGISTER_CPU("DpAttentionSecond", AttentionSecondKernel);

}  // namespace
}  // namespace dp_tf
