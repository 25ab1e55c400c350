#include "nvnmd/env_mat.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doubles.h"
#include "dp/env_mat.h"
#include "tf/mesh.h"

namespace nvnmd_tf {
namespace {

using dp_tf::Mesh;
using dp_tf::Natoms;

/// Sizes of a call and the neighbours found in it.
struct Neighbors {
  std::int64_t nframes = 0, nloc = 0, nall = 0, ntypes = 0, nnei = 0;
  std::int32_t* nlist = nullptr;  ///< [nframes, nloc, nnei], an output
  std::vector<double> rij;        ///< [nframes, nloc, nnei, 3]

  std::int64_t slots() const { return nframes * nloc * nnei; }
  TensorShape shape(std::int64_t per_slot) const { return TensorShape({nframes, nloc * nnei * per_slot}); }
};

/// What the two ops share: attributes, search, and the outputs that both have.
template <class T>
class EnvMatKernel : public tensorflow::OpKernel {
 protected:
  explicit EnvMatKernel(OpKernelConstruction* c) : OpKernel(c) {
    std::vector<std::int32_t> sel_r;
    OP_REQUIRES_OK(c, c->GetAttr("rcut_r", &rcut_));
    OP_REQUIRES_OK(c, c->GetAttr("rcut_r_smth", &rcut_smth_));
    OP_REQUIRES_OK(c, c->GetAttr("sel_a", &sel_));
    OP_REQUIRES_OK(c, c->GetAttr("sel_r", &sel_r));
    OP_REQUIRES(c, sel_r == std::vector<std::int32_t>(sel_.size(), 0),
                absl::InvalidArgumentError(absl::StrCat("sel_r: expected ", sel_.size(), " zeros, found other numbers")));
  }

  /// Search with the types that the slots are sorted by, and write the four outputs.
  Neighbors compute(OpKernelContext* c, const Mesh& mesh, const std::int32_t* type, const dp::Context& context) const {
    const Natoms natoms(c, 2);
    const dp::Slots slots(sel_.data(), static_cast<int>(sel_.size()));
    Neighbors found;
    found.nframes = dp_tf::any_matrix(c, 0, "coord").dim_size(0);
    found.nloc = natoms.nloc, found.nall = natoms.nall, found.ntypes = natoms.ntypes, found.nnei = slots.total();
    for (int k : {5, 6}) dp_tf::matrix(c, k, k == 5 ? "davg" : "dstd", natoms.ntypes, 4 * found.nnei);
    search(c, mesh, type, slots, found, context);
    const std::int64_t n = found.slots();
    fill<T>(c, 0, found.shape(4), [&](double* descrpt) {
      fill<T>(c, 1, found.shape(12), [&](double* deriv) {
        nvnmd::env_mat(n, found.rij.data(), found.nlist, descrpt, deriv, context.pool);
      });
    });
    fill<T>(c, 2, found.shape(3), [&](double* rij) { std::copy(found.rij.begin(), found.rij.end(), rij); });
    return found;
  }

  std::vector<std::int32_t> sel_;

 private:
  void search(OpKernelContext* c, const Mesh& mesh, const std::int32_t* type, const dp::Slots& slots, Neighbors& found,
              const dp::Context& context) const {
    const Doubles<T> coord(dp_tf::matrix(c, 0, "coord", found.nframes, 3 * found.nall));
    const Doubles<T> box(dp_tf::matrix(c, 3, "box", found.nframes, 9));
    Tensor* nlist = nullptr;
    dp_tf::check(c->allocate_output(3, found.shape(1), &nlist));
    found.nlist = nlist->flat<std::int32_t>().data();
    found.rij.resize(3 * found.slots());
    dp::EnvMatInput<double> in;
    in.coord = coord.data();
    in.type = type;
    in.box = mesh.periodic() ? box.data() : nullptr;
    in.list = mesh.list();
    dp::EnvMatOutput<double> out;
    out.rij = found.rij.data();
    out.nlist = found.nlist;
    dp::env_mat({found.nframes, static_cast<int>(found.nloc), static_cast<int>(found.nall), slots.ntypes()},
                {rcut_, rcut_smth_}, slots, dp::Components::full, in, out, context);
  }

  // float attributes: that rounding of the cutoff is part of what the op computes
  float rcut_ = 0, rcut_smth_ = 0;
};

const std::int32_t* types_of(OpKernelContext* c, const Natoms& natoms) {
  return dp_tf::data<std::int32_t>(dp_tf::matrix(c, 1, "type", c->input(0).dim_size(0), natoms.nall));
}

template <class T>
class EnvMatByTypeKernel : public EnvMatKernel<T> {
 public:
  explicit EnvMatByTypeKernel(OpKernelConstruction* c) : EnvMatKernel<T>(c) {}

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      dp_tf::any_matrix(c, 0, "coord");
      const Natoms natoms(c, 2);
      if (static_cast<int>(this->sel_.size()) != natoms.ntypes)
        throw dp::InvalidInput("sel_a: expected one entry for each of " + std::to_string(natoms.ntypes) +
                               " types of natoms, found " + std::to_string(this->sel_.size()));
      this->compute(c, Mesh(c->input(4), natoms.nloc), types_of(c, natoms), context);
    });
  }
};

template <class T>
class EnvMatMixedKernel : public EnvMatKernel<T> {
 public:
  explicit EnvMatMixedKernel(OpKernelConstruction* c) : EnvMatKernel<T>(c) {
    OP_REQUIRES(c, this->sel_.size() == 1,
                absl::InvalidArgumentError(absl::StrCat("sel_a: expected one entry, found ", this->sel_.size())));
  }

  void Compute(OpKernelContext* c) override {
    guarded(c, [&](const dp::Context& context) {
      dp_tf::any_matrix(c, 0, "coord");
      const Natoms natoms(c, 2);
      const std::int32_t* type = types_of(c, natoms);
      const std::vector<std::int32_t> one = as_one_type(natoms, type, c->input(1).NumElements());
      const Neighbors found = this->compute(c, Mesh(plain(c->input(4)), natoms.nloc), one.data(), context);
      Tensor *ntype = nullptr, *nmask = nullptr;
      dp_tf::check(c->allocate_output(4, found.shape(1), &ntype));
      dp_tf::check(c->allocate_output(5, found.shape(1), &nmask));
      auto types = ntype->flat<std::int32_t>();
      auto mask = nmask->flat<bool>();
      for (std::int64_t i = 0; i < found.slots(); ++i) {
        const std::int64_t frame = i / (found.nloc * found.nnei);
        mask(i) = found.nlist[i] >= 0;
        types(i) = mask(i) ? type[frame * found.nall + found.nlist[i]] : natoms.ntypes;
      }
    });
  }

 private:
  /// Type 0 for all but virtual atoms, so that neighbours are sorted by distance alone.
  static std::vector<std::int32_t> as_one_type(const Natoms& natoms, const std::int32_t* type, std::int64_t n) {
    std::vector<std::int32_t> one(n);
    for (std::int64_t i = 0; i < n; ++i) {
      if (type[i] >= natoms.ntypes)
        throw dp::InvalidInput("type: expected types below " + std::to_string(natoms.ntypes) + ", found " +
                               std::to_string(type[i]) + " of atom " + std::to_string(i % natoms.nall) + " in frame " +
                               std::to_string(i / natoms.nall));
      one[i] = type[i] < 0 ? -1 : 0;
    }
    return one;
  }

  /// The mesh of mixed types has one number more than that of sorted ones.
  static Tensor plain(const Tensor& mesh) {
    const std::int64_t length = mesh.NumElements();
    if (length != 1 && length != 7) return mesh;
    return Tensor(tensorflow::DT_INT32, TensorShape({length - 1}));
  }
};

DP_REGISTER_CPU("ProdEnvMatANvnmdQuantize", EnvMatByTypeKernel);
DP_REGISTER_CPU("ProdEnvMatAMixNvnmdQuantize", EnvMatMixedKernel);

}  // namespace
}  // namespace nvnmd_tf
