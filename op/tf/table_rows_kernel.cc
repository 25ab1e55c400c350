#include "dp/table_rows.h"

#include "tf/common.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

/// The inputs of the three ops, checked.
template <class T>
struct RowsInputs {
  explicit RowsInputs(OpKernelContext* c) {
    const Tensor &table = any_matrix(c, 2, "table"), &grid = any_matrix(c, 3, "grid");
    sizes = {c->input(0).NumElements(), table.dim_size(1), table.dim_size(0) / 3, grid.dim_size(0)};
    in.x = data<T>(line(c, 0, "x"));
    in.net = data<std::int32_t>(line(c, 1, "net"));
    in.table = data<T>(matrix(c, 2, "table", 3 * sizes.nknots, sizes.width));
    in.grid = data<double>(matrix(c, 3, "grid", sizes.nnets, 8));
  }
  const Tensor& line(OpKernelContext* c, int index, const char* name) const {
    const Tensor& tensor = c->input(index);
    if (tensor.shape() != TensorShape({sizes.nrows}))
      throw dp::InvalidInput(std::string(name) + ": expected shape [" + std::to_string(sizes.nrows) + "], found " +
                             tensor.shape().DebugString());
    return tensor;
  }
  const T* dy(OpKernelContext* c) const { return data<T>(matrix(c, 4, "dy", sizes.nrows, sizes.width)); }
  T* wide(OpKernelContext* c, int index) const { return output<T>(c, index, sizes.nrows, sizes.width); }
  T* x_like(OpKernelContext* c, int index) const { return output<T>(c, index, TensorShape({sizes.nrows})); }
  T* table_like(OpKernelContext* c, int index) const { return output<T>(c, index, 3 * sizes.nknots, sizes.width); }

  dp::TableRows sizes;
  dp::TableRowsInput<T> in;
};

template <class T>
class TableRowsKernel : public tensorflow::OpKernel {
 public:
  explicit TableRowsKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowsInputs<T> inputs(c);
      Tensor* y = nullptr;
      check(c->allocate_output(0, TensorShape({inputs.sizes.nrows, inputs.sizes.width}), &y));
      const std::int64_t outside = dp::table_rows<T>(inputs.sizes, inputs.in, y->flat<T>().data(), context);
      std::int64_t* to = output<std::int64_t>(c, 1, TensorShape());
      if (to != nullptr) *to = outside;
    });
  }
};

template <class T>
class TableRowsGradKernel : public tensorflow::OpKernel {
 public:
  explicit TableRowsGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowsInputs<T> inputs(c);
      const T* dy = inputs.dy(c);
      T *dx = inputs.x_like(c, 0), *dtable = inputs.table_like(c, 1);
      dp::table_rows_grad<T>(inputs.sizes, inputs.in, dy, dx, dtable, context);
    });
  }
};

template <class T>
class TableRowsGradGradKernel : public tensorflow::OpKernel {
 public:
  explicit TableRowsGradGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowsInputs<T> inputs(c);
      const T *dy = inputs.dy(c), *ddx = data<T>(inputs.line(c, 5, "ddx"));
      T *ddy = inputs.wide(c, 0), *dx = inputs.x_like(c, 1), *dtable = inputs.table_like(c, 2);
      dp::table_rows_grad_grad<T>(inputs.sizes, inputs.in, dy, ddx, ddy, dx, dtable, context);
    });
  }
};

DP_REGISTER_CPU("DpTableRows", TableRowsKernel);
DP_REGISTER_CPU("DpTableRowsGrad", TableRowsGradKernel);
DP_REGISTER_CPU("DpTableRowsGradGrad", TableRowsGradGradKernel);

}  // namespace
}  // namespace dp_tf
