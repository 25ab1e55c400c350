#include "nvnmd/map_table.h"

#include "doubles.h"

namespace nvnmd_tf {
namespace {

void require(bool fine, const char* text, const Tensor& found) {
  if (!fine) throw dp::InvalidInput(std::string(text) + ", found shape " + found.shape().DebugString());
}

nvnmd::Table sizes(OpKernelContext* c) {
  const Tensor &table = c->input(1), &info = c->input(3);
  require(c->input(0).dims() == 2, "Dim of x should be 2", c->input(0));
  require(table.dims() == 2, "Dim of table should be 2", table);
  require(c->input(2).shape() == table.shape(), "table_grad shape should match table", c->input(2));
  require(info.dims() == 1, "Dim of table_info should be 1", info);
  const std::int64_t width = table.dim_size(1), length = info.dim_size(0);
  require(width > 0 && width % 4 == 0, "table width should be a positive multiple of 4", table);
  require(length > 0 && length % 5 == 0, "table_info length should be a positive multiple of 5", info);
  return {table.dim_size(0), width / 4, length / 5, nullptr};
}

template <class T>
class MapTableKernel : public tensorflow::OpKernel {
 public:
  explicit MapTableKernel(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES(c, c->num_inputs() == 4, absl::InvalidArgumentError("MapFltNvnmd expects four input tensors"));
  }

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      nvnmd::Table table = sizes(c);
      const Doubles<T> x(c->input(0)), coefficients(c->input(1)), info(c->input(3));
      table.info = info.data();
      const std::int64_t n = c->input(0).NumElements();
      const TensorShape shape({c->input(0).dim_size(0), c->input(0).dim_size(1), table.channels});
      fill<T>(c, 0, shape,
              [&](double* y) { nvnmd::map_table(table, n, x.data(), coefficients.data(), y, context.pool); });
    });
  }
};

DP_REGISTER_CPU("MapFltNvnmd", MapTableKernel);

}  // namespace
}  // namespace nvnmd_tf
