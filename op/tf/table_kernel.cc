#include "dp/table.h"

#include "tf/table_inputs.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// The functions of the core of each form, the numbers of a row and the rows of x, and whether empty slots have a row.
template <int C>
struct SumForm {
  static constexpr int kColumns = C, kParts = C;
  static constexpr int kBetween = 1;
  static constexpr bool kEmpty = true;
  template <class T, class... Arguments>
  static std::int64_t value(Arguments&&... arguments) {
    return dp::table_sum<C, T>(arguments...);
  }
  template <class T, class... Arguments>
  static void grad(Arguments&&... arguments) {
    dp::table_sum_grad<C, T>(arguments...);
  }
  template <class T, class... Arguments>
  static void grad_grad(Arguments&&... arguments) {
    dp::table_sum_grad_grad<C, T>(arguments...);
  }
};

struct ThreeBodyForm {
  static constexpr int kColumns = 4, kParts = 1;
  static constexpr int kBetween = 0;
  static constexpr bool kEmpty = false;
  template <class T, class... Arguments>
  static std::int64_t value(Arguments&&... arguments) {
    return dp::table_three_body<T>(arguments...);
  }
  template <class T, class... Arguments>
  static void grad(Arguments&&... arguments) {
    dp::table_three_body_grad<T>(arguments...);
  }
  template <class T, class... Arguments>
  static void grad_grad(Arguments&&... arguments) {
    dp::table_three_body_grad_grad<T>(arguments...);
  }
};

template <class Form, class T>
class ValueKernel : public TableKernel {
 public:
  explicit ValueKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const TableInputs<T, Form> inputs(c, nets_);
      tensorflow::Tensor* x = nullptr;
      check(c->allocate_output(0, inputs.x_shape(), &x));
      report_outside(c, Form::template value<T>(inputs.sizes, nets_, inputs.in, x->flat<T>().data(), context));
    });
  }
};

template <class Form, class T>
class GradKernel : public TableKernel {
 public:
  explicit GradKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const TableInputs<T, Form> inputs(c, nets_);
      Form::template grad<T>(inputs.sizes, nets_, inputs.in, inputs.dx(c), inputs.grad(c, 0, 1), context);
    });
  }
};

template <class Form, class T>
class GradGradKernel : public TableKernel {
 public:
  explicit GradGradKernel(OpKernelConstruction* c) : TableKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const TableInputs<T, Form> inputs(c, nets_);
      dp::TableGrad<T> grad = inputs.grad(c, 2, 1);
      grad.x = output<T>(c, 0, inputs.x_shape());
      Form::template grad_grad<T>(inputs.sizes, nets_, inputs.in, inputs.dx(c), inputs.ddrows(c), grad, context);
    });
  }
};

#define DP_REGISTER_FORM(name, Form)                       \
  template <class T>                                       \
  using name = ValueKernel<Form, T>;                       \
  template <class T>                                       \
  using name##Grad = GradKernel<Form, T>;                  \
  template <class T>                                       \
  using name##GradGrad = GradGradKernel<Form, T>;          \
  DP_REGISTER_CPU("DpTable" #name, name);                  \
  DP_REGISTER_CPU("DpTable" #name "Grad", name##Grad);     \
  DP_REGISTER_CPU("DpTable" #name "GradGrad", name##GradGrad)

DP_REGISTER_FORM(TwoBody, SumForm<4>);
DP_REGISTER_FORM(TwoRows, SumForm<8>);
DP_REGISTER_FORM(Radial, SumForm<1>);
DP_REGISTER_FORM(ThreeBody, ThreeBodyForm);

}  // namespace
}  // namespace dp_tf
