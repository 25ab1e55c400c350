#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dp/env_mat.h"
#include "tf/common.h"
#include "tf/mesh.h"

namespace dp_tf {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;

/// What the ops share; they differ in their attributes, in the components of a row and in the blocks of slots.
template <class T>
class EnvMatKernel : public tensorflow::OpKernel {
 public:
  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      const Natoms natoms(c, 2);
      const dp::Slots slots(sel_.data(), static_cast<int>(sel_.size()));
      const std::int64_t nframes = any_matrix(c, 0, "coord").dim_size(0), nnei = slots.total();
      const std::int64_t nall = natoms.nall, nloc = natoms.nloc, row = width(components_) * nnei;
      if (!mixed_ && slots.ntypes() != natoms.ntypes)
        throw dp::InvalidInput(std::string(sel_name_) + ": expected one entry for each of " +
                               std::to_string(natoms.ntypes) + " types of natoms, found " +
                               std::to_string(slots.ntypes()));
      const Mesh mesh(c->input(4), natoms.nloc, mixed_);
      dp::EnvMatInput<T> in;
      in.coord = data<T>(matrix(c, 0, "coord", nframes, 3 * nall));
      in.type = data<std::int32_t>(matrix(c, 1, "type", nframes, nall));
      const T* box = data<T>(matrix(c, 3, "box", nframes, 9));
      in.box = mesh.periodic() ? box : nullptr;
      in.list = mesh.list();
      in.davg = data<T>(matrix(c, 5, "davg", natoms.ntypes, row));
      in.dstd = data<T>(matrix(c, 6, "dstd", natoms.ntypes, row));
      in.mixed = mixed_;
      dp::EnvMatOutput<T> out;
      out.descrpt = output<T>(c, 0, nframes, nloc * row);
      out.deriv = output<T>(c, 1, nframes, nloc * row * 3);
      out.rij = output<T>(c, 2, nframes, nloc * nnei * 3);
      out.nlist = output<std::int32_t>(c, 3, nframes, nloc * nnei);
      if (mixed_) {
        out.ntype = output<std::int32_t>(c, 4, nframes, nloc * nnei);
        out.nmask = output<bool>(c, 5, nframes, nloc * nnei);
      }
      dp::env_mat({nframes, natoms.nloc, natoms.nall, natoms.ntypes}, cutoff_, slots, components_, in, out, context);
    });
  }

 protected:
  EnvMatKernel(OpKernelConstruction* c, dp::Components components, const char* rcut_name, const char* rcut_smth_name,
               const char* sel_name)
      : OpKernel(c), components_(components), sel_name_(sel_name) {
    // float attributes: that rounding of the cutoffs is part of what the op computes
    float rcut, rcut_smth;
    OP_REQUIRES_OK(c, c->GetAttr(rcut_name, &rcut));
    OP_REQUIRES_OK(c, c->GetAttr(rcut_smth_name, &rcut_smth));
    OP_REQUIRES_OK(c, c->GetAttr(sel_name, &sel_));
    cutoff_ = {rcut, rcut_smth};
  }

  std::vector<std::int32_t> sel_;
  bool mixed_ = false;  // one block of slots for neighbours of all types

 private:
  dp::Components components_;
  const char* sel_name_;
  dp::Cutoff cutoff_;
};

template <class T>
class EnvMatAKernel : public EnvMatKernel<T> {
 public:
  explicit EnvMatAKernel(OpKernelConstruction* c)
      : EnvMatKernel<T>(c, dp::Components::full, "rcut_r", "rcut_r_smth", "sel_a") {
    std::vector<std::int32_t> sel_r;
    OP_REQUIRES_OK(c, c->GetAttr("sel_r", &sel_r));
    for (std::int32_t n : sel_r)
      OP_REQUIRES(c, n == 0, absl::InvalidArgumentError(absl::StrCat("sel_r: expected zeros, found ", n)));
    OP_REQUIRES(c, sel_r.size() == this->sel_.size(),
                absl::InvalidArgumentError(absl::StrCat("sel_r: expected as many entries as sel_a, ",
                                                        this->sel_.size(), ", found ", sel_r.size())));
  }
};

template <class T>
class EnvMatAMixKernel : public EnvMatAKernel<T> {
 public:
  explicit EnvMatAMixKernel(OpKernelConstruction* c) : EnvMatAKernel<T>(c) {
    OP_REQUIRES(c, this->sel_.size() == 1,
                absl::InvalidArgumentError(absl::StrCat("sel_a: expected one entry, found ", this->sel_.size())));
    this->mixed_ = true;
  }
};

template <class T>
class EnvMatRKernel : public EnvMatKernel<T> {
 public:
  explicit EnvMatRKernel(OpKernelConstruction* c)
      : EnvMatKernel<T>(c, dp::Components::radial, "rcut", "rcut_smth", "sel") {}
};

DP_REGISTER_CPU("ProdEnvMatA", EnvMatAKernel);
DP_REGISTER_CPU("DescrptSeA", EnvMatAKernel);
DP_REGISTER_CPU("DescrptNorot", EnvMatAKernel);
DP_REGISTER_CPU("ProdEnvMatAMix", EnvMatAMixKernel);
DP_REGISTER_CPU("ProdEnvMatR", EnvMatRKernel);
DP_REGISTER_CPU("DescrptSeR", EnvMatRKernel);

}  // namespace
}  // namespace dp_tf
