#include "dp/table.h"
#include "tf/table_inputs.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

struct FactorForm {
  static constexpr int kColumns = 4, kParts = 4, kBetween = 1;
  static constexpr bool kEmpty = false;
};

/// The inputs of the three ops: `factor` stands between center and table.
template <class T>
struct FactorInputs : TableInputs<T, FactorForm> {
  FactorInputs(OpKernelContext* c, const dp::TableNets& nets)
      : TableInputs<T, FactorForm>(c, nets), slots(this->sizes.natoms * nets.slots.total()),
        factor(like_factor(c, 3, "factor")) {}

  const T* like_factor(OpKernelContext* c, int index, const char* name) const {
    return data<T>(matrix(c, index, name, slots, this->sizes.width));
  }
  /// Outputs drows, dfactor and dtable, the first of which is number `first`.
  dp::FactorGrad<T> outputs(OpKernelContext* c, int first) const {
    const dp::TableGrad<T> grad = this->grad(c, first, first + 2);
    return {nullptr, grad.rows, output<T>(c, first + 1, slots, this->sizes.width), grad.table};
  }

  std::int64_t slots;
  const T* factor;
};

template <class T>
class FactorKernel : public TableKernel {
 public:
  explicit FactorKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const FactorInputs<T> inputs(c, nets_);
      tensorflow::Tensor* x = nullptr;
      check(c->allocate_output(0, inputs.x_shape(), &x));
      report_outside(
          c, dp::table_factor<T>(inputs.sizes, nets_, inputs.in, inputs.factor, x->flat<T>().data(), context));
    });
  }
};

template <class T>
class FactorGradKernel : public TableKernel {
 public:
  explicit FactorGradKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const FactorInputs<T> inputs(c, nets_);
      dp::table_factor_grad<T>(inputs.sizes, nets_, inputs.in, inputs.factor, inputs.dx(c), inputs.outputs(c, 0),
                               context);
    });
  }
};

template <class T>
class FactorGradGradKernel : public TableKernel {
 public:
  explicit FactorGradGradKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const FactorInputs<T> inputs(c, nets_);
      dp::FactorGrad<T> grad = inputs.outputs(c, 1);
      grad.x = output<T>(c, 0, inputs.x_shape());
      dp::table_factor_grad_grad<T>(inputs.sizes, nets_, inputs.in, inputs.factor, inputs.dx(c), inputs.ddrows(c),
                                    inputs.like_factor(c, 8, "ddfactor"), grad, context);
    });
  }
};

DP_REGISTER_CPU("DpTableFactor", FactorKernel);
DP_REGISTER_CPU("DpTableFactorGrad", FactorGradKernel);
DP_REGISTER_CPU("DpTableFactorGradGrad", FactorGradGradKernel);

}  // namespace
}  // namespace dp_tf
