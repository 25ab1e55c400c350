#include "nvnmd/matmul.h"

#include "doubles.h"

namespace nvnmd_tf {
namespace {

/// What the three products share: shapes, conversion, and the call of `multiply`.
template <class T>
class MatmulKernel : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const nvnmd::Matmul size = sizes(c->input(0), c->input(1));
      const Doubles<T> x(c->input(0)), w(c->input(1));
      TensorShape shape = c->input(0).shape();
      shape.set_dim(shape.dims() - 1, size.k);
      fill<T>(c, 0, shape, [&](double* y) { multiply(size, x.data(), w.data(), y, context.pool); });
    });
  }

 protected:
  int attribute(OpKernelConstruction* c, const char* name) {
    int value = 0;
    const absl::Status status = c->GetAttr(name, &value);
    if (!status.ok()) c->CtxFailure(status);
    return value;
  }

 private:
  virtual void multiply(const nvnmd::Matmul& size, const double* x, const double* w, double* y, dp::Pool& pool) = 0;

  static nvnmd::Matmul sizes(const Tensor& x, const Tensor& w) {
    const int rank = x.dims();
    const bool fits = (rank == 2 || rank == 3) && w.dims() == rank && x.dim_size(rank - 1) == w.dim_size(rank - 2) &&
                      (rank == 2 || x.dim_size(0) == w.dim_size(0));
    if (!fits)
      throw dp::InvalidInput("matrix product: expected [N,M] and [M,K] or [H,N,M] and [H,M,K], found " +
                             x.shape().DebugString() + " and " + w.shape().DebugString());
    return {rank == 3 ? x.dim_size(0) : 1, x.dim_size(rank - 2), x.dim_size(rank - 1), w.dim_size(rank - 1)};
  }
};

template <class T>
class MatmulFltKernel : public MatmulKernel<T> {
 public:
  explicit MatmulFltKernel(OpKernelConstruction* c)
      : MatmulKernel<T>(c),
        rows_of_x_((this->attribute(c, "normx") & 15) != 0),
        columns_of_w_((this->attribute(c, "normw") & 15) != 0) {}

 private:
  void multiply(const nvnmd::Matmul& size, const double* x, const double* w, double* y, dp::Pool& pool) override {
    nvnmd::matmul_flt(size, rows_of_x_, columns_of_w_, x, w, y, pool);
  }
  bool rows_of_x_, columns_of_w_;
};

template <class T>
class MatmulFlt2fixKernel : public MatmulKernel<T> {
 public:
  explicit MatmulFlt2fixKernel(OpKernelConstruction* c) : MatmulKernel<T>(c), nbit_(this->attribute(c, "nbit")) {}

 private:
  void multiply(const nvnmd::Matmul& size, const double* x, const double* w, double* y, dp::Pool& pool) override {
    nvnmd::matmul_flt2fix(size, nbit_, x, w, y, pool);
  }
  int nbit_;
};

template <class T>
class MatmulFitnetKernel : public MatmulKernel<T> {
 public:
  explicit MatmulFitnetKernel(OpKernelConstruction* c)
      : MatmulKernel<T>(c),
        nbitx_(this->attribute(c, "nbitx")),
        nbitw_(this->attribute(c, "nbitw")),
        columns_of_w_(this->attribute(c, "normw") != 0) {}

 private:
  void multiply(const nvnmd::Matmul& size, const double* x, const double* w, double* y, dp::Pool& pool) override {
    nvnmd::matmul_fitnet(size, nbitx_, nbitw_, columns_of_w_, x, w, y, pool);
  }
  int nbitx_, nbitw_;
  bool columns_of_w_;
};

DP_REGISTER_CPU("MatmulFltNvnmd", MatmulFltKernel);
DP_REGISTER_CPU("MatmulFlt2fixNvnmd", MatmulFlt2fixKernel);
DP_REGISTER_CPU("MatmulFitnetNvnmd", MatmulFitnetKernel);

}  // namespace
}  // namespace nvnmd_tf
