#include "nvnmd/elementwise.h"

#include "doubles.h"

namespace nvnmd_tf {
namespace {

template <class T>
class FltKernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Tensor& x = c->input(0);
      const Doubles<T> numbers(x);
      for (int k = 0; k < c->num_outputs(); ++k)
        fill<T>(c, k, x.shape(), [&](double* y) { nvnmd::flt(x.NumElements(), numbers.data(), y, context.pool); });
    });
  }
};

template <class T>
class AddKernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      require_same_shape(c);
      const Doubles<T> x(c->input(0)), w(c->input(1));
      fill<T>(c, 0, c->input(0).shape(),
              [&](double* y) { nvnmd::add(c->input(0).NumElements(), x.data(), w.data(), y, context.pool); });
    });
  }
};

/// The rows of a tensor of rank 1 or more.
nvnmd::RowPairs rows_of(const Tensor& tensor) {
  if (tensor.dims() == 0) throw dp::InvalidInput("w: expected rank 1 or more, found a scalar");
  nvnmd::RowPairs size{1, tensor.dim_size(tensor.dims() - 1), false};
  for (int k = 0; k + 1 < tensor.dims(); ++k) size.rows *= tensor.dim_size(k);
  return size;
}

template <class T>
class MulKernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      nvnmd::RowPairs size = rows_of(c->input(1));
      TensorShape column = c->input(1).shape();
      column.set_dim(column.dims() - 1, 1);
      size.one_column = c->input(0).shape() == column;
      if (!size.one_column) require_same_shape(c);
      const Doubles<T> x(c->input(0)), w(c->input(1));
      fill<T>(c, 0, c->input(1).shape(),
              [&](double* y) { nvnmd::mul(size, x.data(), w.data(), y, context.pool); });
    });
  }
};

template <class T>
class DotmulKernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      require_same_shape(c);
      const nvnmd::RowPairs size = rows_of(c->input(1));
      TensorShape column = c->input(1).shape();
      column.set_dim(column.dims() - 1, 1);
      const Doubles<T> x(c->input(0)), w(c->input(1));
      fill<T>(c, 0, column, [&](double* y) { nvnmd::dotmul(size, x.data(), w.data(), y, context.pool); });
    });
  }
};

template <class T>
class QuantizeKernel : public tensorflow::OpKernel {
 public:
  explicit QuantizeKernel(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("isround", &isround_));
    OP_REQUIRES_OK(c, c->GetAttr("nbit1", &nbit_));
  }

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Tensor& x = c->input(0);
      const Doubles<T> numbers(x);
      fill<T>(c, 0, x.shape(), [&](double* y) {
        nvnmd::quantize(x.NumElements(), isround_ != 0, nbit_, numbers.data(), y, context.pool);
      });
    });
  }

 private:
  int isround_ = 0, nbit_ = 0;
};

template <class T>
class Tanh4Kernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Tensor& x = c->input(0);
      const Doubles<T> numbers(x);
      fill<T>(c, 0, x.shape(), [&](double* y) { nvnmd::tanh4(x.NumElements(), numbers.data(), y, context.pool); });
    });
  }
};

DP_REGISTER_CPU("FltNvnmd", FltKernel);
DP_REGISTER_CPU("CopyFltNvnmd", FltKernel);
DP_REGISTER_CPU("AddFltNvnmd", AddKernel);
DP_REGISTER_CPU("MulFltNvnmd", MulKernel);
DP_REGISTER_CPU("DotmulFltNvnmd", DotmulKernel);
DP_REGISTER_CPU("QuantizeNvnmd", QuantizeKernel);
DP_REGISTER_CPU("Tanh4FltNvnmd", Tanh4Kernel);

}  // namespace
}  // namespace nvnmd_tf
