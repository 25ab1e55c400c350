#include "dp/gram.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// Base of the three kernels: the attribute, and the sizes that an input [n, 4, width] tells.
template <class T>
class GramKernelBase : public tensorflow::OpKernel {
 protected:
  explicit GramKernelBase(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("columns", &columns_));
  }

  dp::Gram sizes(OpKernelContext* c, int index) const {
    const tensorflow::Tensor& tensor = c->input(index);
    if (tensor.dims() != 3 || tensor.dim_size(1) != 4)
      throw dp::InvalidInput("gram: expected shape [n,4,width], found " + tensor.shape().DebugString());
    return {tensor.dim_size(0), tensor.dim_size(2), columns_};
  }

 private:
  std::int64_t columns_ = 0;
};

template <class T>
class GramKernel : public GramKernelBase<T> {
 public:
  explicit GramKernel(OpKernelConstruction* c) : GramKernelBase<T>(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Gram g = this->sizes(c, 0);
      T* d = output<T>(c, 0, g.n, g.width * g.columns);
      if (d != nullptr) dp::gram(g, data<T>(c->input(0)), d, context);
    });
  }
};

template <class T>
class GramPairKernel : public GramKernelBase<T> {
 public:
  explicit GramPairKernel(OpKernelConstruction* c) : GramKernelBase<T>(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Gram g = this->sizes(c, 0);
      if (c->input(1).shape() != c->input(0).shape())
        throw dp::InvalidInput("y: expected shape " + c->input(0).shape().DebugString() + ", found " +
                               c->input(1).shape().DebugString());
      T* d = output<T>(c, 0, g.n, g.width * g.columns);
      if (d != nullptr) dp::gram_pair(g, data<T>(c->input(0)), data<T>(c->input(1)), d, context);
    });
  }
};

template <class T>
class GramSpreadKernel : public GramKernelBase<T> {
 public:
  explicit GramSpreadKernel(OpKernelConstruction* c) : GramKernelBase<T>(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const dp::Gram g = this->sizes(c, 1);
      const T* d = data<T>(matrix(c, 0, "d", g.n, g.width * g.columns));
      tensorflow::Tensor* z = nullptr;
      check(c->allocate_output(0, c->input(1).shape(), &z));
      dp::gram_spread(g, d, data<T>(c->input(1)), z->flat<T>().data(), context);
    });
  }
};

DP_REGISTER_CPU("DpGram", GramKernel);
DP_REGISTER_CPU("DpGramPair", GramPairKernel);
DP_REGISTER_CPU("DpGramSpread", GramSpreadKernel);

}  // namespace
}  // namespace dp_tf
