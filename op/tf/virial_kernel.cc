#include "dp/virial.h"

#include <vector>

#include "tf/common.h"
#include "tf/rows.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

template <class T>
class VirialAKernel : public tensorflow::OpKernel {
 public:
  explicit VirialAKernel(OpKernelConstruction* c) : OpKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, 0, 3, Natoms(c, 4));
      const T* rij = in.rij(c, 2);
      T* virial = output<T>(c, 0, in.rows.nframes, 9);
      T* atom_virial = output<T>(c, 1, in.rows.nframes, 9 * std::int64_t(in.rows.nall));
      std::vector<T> unread(virial == nullptr ? 9 * in.rows.nframes : 0);
      dp::virial_a(in.rows, in.net_deriv, in.deriv, rij, in.nlist, virial == nullptr ? unread.data() : virial,
                   atom_virial, context);
    });
  }
};

template <class T>
class VirialAGradKernel : public SelKernel {
 public:
  explicit VirialAGradKernel(OpKernelConstruction* c) : SelKernel(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const RowInputs<T> in(c, 1, 4, Natoms(c, 5));
      check_sel(in.rows);
      const T* rij = in.rij(c, 3);
      const T* grad = data<T>(matrix(c, 0, "grad", in.rows.nframes, 9));
      T* grad_net = output<T>(c, 0, in.rows.nframes, in.components());
      if (grad_net != nullptr)
        dp::virial_a_grad<T>(in.rows, grad, nullptr, in.deriv, rij, in.nlist, grad_net, context);
    });
  }
};

DP_REGISTER_CPU("ProdVirialSeA", VirialAKernel);
DP_REGISTER_CPU("ProdVirialNorot", VirialAKernel);
DP_REGISTER_CPU("ProdVirialSeAGrad", VirialAGradKernel);

}  // namespace
}  // namespace dp_tf
