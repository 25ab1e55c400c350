#include "dp/force_virial.h"

#include "tf/common.h"
#include "tf/rows.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// The components of a slot, told by the columns of in_deriv; those of nlist are the slots.
dp::Components components_of(OpKernelContext* c, int deriv, int nlist) {
  const std::int64_t columns = any_matrix(c, deriv, "in_deriv").dim_size(1);
  const std::int64_t slots = any_matrix(c, nlist, "nlist").dim_size(1);
  if (columns == 12 * slots) return dp::Components::full;
  if (columns == 3 * slots) return dp::Components::radial;
  throw dp::InvalidInput("in_deriv: expected 12 or 3 columns for each of " + std::to_string(slots) +
                         " slots of nlist, found " + std::to_string(columns));
}

template <class T>
class ForceVirialKernel : public tensorflow::OpKernel {
 public:
  explicit ForceVirialKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, components_of(c, 1, 3), 1, 3, Natoms(c, 4));
      const std::int64_t nall = in.rows.nall;
      const T* net_deriv = in.net_deriv(c, 0);
      const T* rij = in.rij(c, 2);
      dp::ForceVirialOutput<T> out;
      out.force = output<T>(c, 0, in.rows.nframes, 3 * nall);
      out.virial = output<T>(c, 1, in.rows.nframes, 9);
      out.atom_virial = output<T>(c, 2, in.rows.nframes, 9 * nall);
      dp::force_virial(in.rows, net_deriv, in.deriv, rij, in.nlist, out, context);
    });
  }
};

template <class T>
class ForceVirialGradKernel : public tensorflow::OpKernel {
 public:
  explicit ForceVirialGradKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, components_of(c, 2, 4), 2, 4, Natoms(c, 5));
      const T* rij = in.rij(c, 3);
      const T* grad_force = data<T>(matrix(c, 0, "grad_force", in.rows.nframes, 3 * std::int64_t(in.rows.nall)));
      const T* grad_virial = data<T>(matrix(c, 1, "grad_virial", in.rows.nframes, 9));
      T* grad_net = output<T>(c, 0, in.rows.nframes, in.columns());
      if (grad_net != nullptr)
        dp::force_virial_grad(in.rows, grad_force, grad_virial, in.deriv, rij, in.nlist, grad_net, context);
    });
  }
};

DP_REGISTER_CPU("DpForceVirial", ForceVirialKernel);
DP_REGISTER_CPU("DpForceVirialGrad", ForceVirialGradKernel);

}  // namespace
}  // namespace dp_tf
