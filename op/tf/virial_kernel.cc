#include "dp/force_virial.h"
#include "dp/virial.h"
#include "tf/common.h"
#include "tf/rows.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

template <class T, dp::Components C>
class VirialKernel : public tensorflow::OpKernel {
 public:
  explicit VirialKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, C, 1, 3, Natoms(c, 4));
      const T* net_deriv = in.net_deriv(c, 0);
      const T* rij = in.rij(c, 2);
      dp::ForceVirialOutput<T> out;
      out.virial = output<T>(c, 0, in.rows.nframes, 9);
      out.atom_virial = output<T>(c, 1, in.rows.nframes, 9 * std::int64_t(in.rows.nall));
      dp::force_virial(in.rows, net_deriv, in.deriv, rij, in.nlist, out, context);
    });
  }
};

template <class T, dp::Components C>
class VirialGradKernel : public SelKernel {
 public:
  explicit VirialGradKernel(OpKernelConstruction* c) : SelKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, C, 2, 4, Natoms(c, 5));
      in.net_deriv(c, 1);  // not read, as the virial is linear in it, but it has to fit
      check_sel(in.rows);
      const T* rij = in.rij(c, 3);
      const T* grad = data<T>(matrix(c, 0, "grad", in.rows.nframes, 9));
      T* grad_net = output<T>(c, 0, in.rows.nframes, in.columns());
      if (grad_net != nullptr)
        dp::virial_grad<T>(in.rows, grad, nullptr, in.deriv, rij, in.nlist, grad_net, context);
    });
  }
};

template <class T>
using VirialAKernel = VirialKernel<T, dp::Components::full>;
template <class T>
using VirialAGradKernel = VirialGradKernel<T, dp::Components::full>;
template <class T>
using VirialRKernel = VirialKernel<T, dp::Components::radial>;
template <class T>
using VirialRGradKernel = VirialGradKernel<T, dp::Components::radial>;

DP_REGISTER_CPU("ProdVirialSeA", VirialAKernel);
DP_REGISTER_CPU("ProdVirialNorot", VirialAKernel);
DP_REGISTER_CPU("ProdVirialSeAGrad", VirialAGradKernel);
DP_REGISTER_CPU("ProdVirialSeR", VirialRKernel);
DP_REGISTER_CPU("ProdVirialSeRGrad", VirialRGradKernel);

}  // namespace
}  // namespace dp_tf
