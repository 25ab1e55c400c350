#include "dp/force.h"

#include "tf/common.h"
#include "tf/rows.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

template <class T, dp::Components C>
class ForceKernel : public tensorflow::OpKernel {
 public:
  explicit ForceKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, C, 1, 2, Natoms(c, 3));
      const T* net_deriv = in.net_deriv(c, 0);
      T* force = output<T>(c, 0, in.rows.nframes, 3 * std::int64_t(in.rows.nall));
      if (force != nullptr) dp::force(in.rows, net_deriv, in.deriv, in.nlist, force, context);
    });
  }
};

template <class T, dp::Components C>
class ForceGradKernel : public SelKernel {
 public:
  explicit ForceGradKernel(OpKernelConstruction* c) : SelKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      RowInputs<T> in(c, C, 2, 3, Natoms(c, 4));
      in.net_deriv(c, 1);  // not read, as the force is linear in it, but it has to fit
      check_sel(in.rows);
      const std::int64_t local = 3 * std::int64_t(in.rows.nloc);
      if (any_matrix(c, 0, "grad").dim_size(1) == local) in.rows.nall = in.rows.nloc;
      const T* grad = data<T>(matrix(c, 0, "grad", in.rows.nframes, 3 * std::int64_t(in.rows.nall)));
      T* grad_net = output<T>(c, 0, in.rows.nframes, in.columns());
      if (grad_net != nullptr) dp::force_grad(in.rows, grad, in.deriv, in.nlist, grad_net, context);
    });
  }
};

template <class T>
using ForceAKernel = ForceKernel<T, dp::Components::full>;
template <class T>
using ForceAGradKernel = ForceGradKernel<T, dp::Components::full>;
template <class T>
using ForceRKernel = ForceKernel<T, dp::Components::radial>;
template <class T>
using ForceRGradKernel = ForceGradKernel<T, dp::Components::radial>;

DP_REGISTER_CPU("ProdForceSeA", ForceAKernel);
DP_REGISTER_CPU("ProdForceNorot", ForceAKernel);
DP_REGISTER_CPU("ProdForceSeAGrad", ForceAGradKernel);
DP_REGISTER_CPU("ProdForceSeR", ForceRKernel);
DP_REGISTER_CPU("ProdForceSeRGrad", ForceRGradKernel);

}  // namespace
}  // namespace dp_tf
