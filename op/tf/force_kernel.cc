#include "dp/force.h"

#include "tf/common.h"
#include "tf/rows.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

template <class T>
class ForceAKernel : public tensorflow::OpKernel {
 public:
  explicit ForceAKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, 0, 2, Natoms(c, 3));
      T* force = output<T>(c, 0, in.rows.nframes, 3 * std::int64_t(in.rows.nall));
      if (force != nullptr) dp::force_a(in.rows, in.net_deriv, in.deriv, in.nlist, force, context);
    });
  }
};

template <class T>
class ForceAGradKernel : public SelKernel {
 public:
  explicit ForceAGradKernel(OpKernelConstruction* c) : SelKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      RowInputs<T> in(c, 1, 3, Natoms(c, 4));
      check_sel(in.rows);
      const std::int64_t local = 3 * std::int64_t(in.rows.nloc);
      if (any_matrix(c, 0, "grad").dim_size(1) == local) in.rows.nall = in.rows.nloc;
      const T* grad = data<T>(matrix(c, 0, "grad", in.rows.nframes, 3 * std::int64_t(in.rows.nall)));
      T* grad_net = output<T>(c, 0, in.rows.nframes, in.components());
      if (grad_net != nullptr) dp::force_a_grad(in.rows, grad, in.deriv, in.nlist, grad_net, context);
    });
  }
};

DP_REGISTER_CPU("ProdForceSeA", ForceAKernel);
DP_REGISTER_CPU("ProdForceNorot", ForceAKernel);
DP_REGISTER_CPU("ProdForceSeAGrad", ForceAGradKernel);

}  // namespace
}  // namespace dp_tf
