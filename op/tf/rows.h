// The sizes that the force and virial kernels share, checked.
#pragma once

#include <string>

#include "dp/types.h"
#include "tf/common.h"

namespace dp_tf {

/// The inputs net_deriv (at index `first`), in_deriv (next to it) and nlist (at `nlist_index`), and their sizes.
template <class T>
struct RowInputs {
  RowInputs(tensorflow::OpKernelContext* context, int first, int nlist_index, const Natoms& natoms) {
    const tensorflow::Tensor& nlist_tensor = any_matrix(context, nlist_index, "nlist");
    const std::int64_t nframes = nlist_tensor.dim_size(0), slots = nlist_tensor.dim_size(1);
    if (natoms.nloc == 0 ? slots != 0 : slots % natoms.nloc != 0)
      throw dp::InvalidInput("nlist: expected natoms[0] = " + std::to_string(natoms.nloc) +
                             " times the slots of an atom, found " + std::to_string(slots) + " columns");
    rows = {nframes, natoms.nloc, natoms.nall, natoms.nloc == 0 ? 0 : static_cast<int>(slots / natoms.nloc)};
    net_deriv = data<T>(matrix(context, first, "net_deriv", nframes, 4 * slots));
    deriv = data<T>(matrix(context, first + 1, "in_deriv", nframes, 12 * slots));
    nlist = data<std::int32_t>(nlist_tensor);
  }

  const T* rij(tensorflow::OpKernelContext* context, int index) const {
    return data<T>(matrix(context, index, "rij", rows.nframes, 3 * std::int64_t(rows.nloc) * rows.nnei));
  }
  /// Columns of net_deriv.
  std::int64_t components() const { return 4 * std::int64_t(rows.nloc) * rows.nnei; }

  dp::Rows rows;
  const T* net_deriv;
  const T* deriv;
  const std::int32_t* nlist;
};

/// Base of the kernels that have the attributes n_a_sel and n_r_sel, whose sum is nnei.
class SelKernel : public tensorflow::OpKernel {
 protected:
  explicit SelKernel(tensorflow::OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("n_a_sel", &n_a_sel_));
    OP_REQUIRES_OK(c, c->GetAttr("n_r_sel", &n_r_sel_));
  }

  void check_sel(const dp::Rows& rows) const {
    if (rows.nloc > 0 && rows.nnei != n_a_sel_ + n_r_sel_)
      throw dp::InvalidInput("nlist: expected n_a_sel + n_r_sel = " + std::to_string(n_a_sel_ + n_r_sel_) +
                             " slots an atom, found " + std::to_string(rows.nnei));
  }

 private:
  int n_a_sel_ = 0, n_r_sel_ = 0;
};

}  // namespace dp_tf
