// The sizes that the force and virial kernels share, checked.
#pragma once

#include <string>

#include "dp/types.h"
#include "tf/common.h"

namespace dp_tf {

/// The inputs in_deriv (at index `deriv_index`) and nlist (at `nlist_index`), and their sizes.
template <class T>
struct RowInputs {
  RowInputs(tensorflow::OpKernelContext* context, dp::Components components, int deriv_index, int nlist_index,
            const Natoms& natoms) {
    const tensorflow::Tensor& nlist_tensor = any_matrix(context, nlist_index, "nlist");
    const std::int64_t nframes = nlist_tensor.dim_size(0), slots = nlist_tensor.dim_size(1);
    if (natoms.nloc == 0 ? slots != 0 : slots % natoms.nloc != 0)
      throw dp::InvalidInput("nlist: expected natoms[0] = " + std::to_string(natoms.nloc) +
                             " times the slots of an atom, found " + std::to_string(slots) + " columns");
    rows = {nframes, natoms.nloc, natoms.nall, natoms.nloc == 0 ? 0 : static_cast<int>(slots / natoms.nloc),
            components};
    deriv = data<T>(matrix(context, deriv_index, "in_deriv", nframes, 3 * width(components) * slots));
    nlist = data<std::int32_t>(nlist_tensor);
  }

  const T* net_deriv(tensorflow::OpKernelContext* context, int index) const {
    return data<T>(matrix(context, index, "net_deriv", rows.nframes, columns()));
  }
  const T* rij(tensorflow::OpKernelContext* context, int index) const {
    return data<T>(matrix(context, index, "rij", rows.nframes, 3 * std::int64_t(rows.nloc) * rows.nnei));
  }
  /// Columns of net_deriv.
  std::int64_t columns() const { return width(rows.components) * std::int64_t(rows.nloc) * rows.nnei; }

  dp::Rows rows;
  const T* deriv;
  const std::int32_t* nlist;
};

/// Base of the kernels that may have the attributes n_a_sel and n_r_sel, whose sum then is nnei.
class SelKernel : public tensorflow::OpKernel {
 protected:
  explicit SelKernel(tensorflow::OpKernelConstruction* c) : OpKernel(c) {
    has_sel_ = c->HasAttr("n_a_sel");
    if (!has_sel_) return;
    OP_REQUIRES_OK(c, c->GetAttr("n_a_sel", &n_a_sel_));
    OP_REQUIRES_OK(c, c->GetAttr("n_r_sel", &n_r_sel_));
  }

  void check_sel(const dp::Rows& rows) const {
    if (has_sel_ && rows.nloc > 0 && rows.nnei != n_a_sel_ + n_r_sel_)
      throw dp::InvalidInput("nlist: expected n_a_sel + n_r_sel = " + std::to_string(n_a_sel_ + n_r_sel_) +
                             " slots an atom, found " + std::to_string(rows.nnei));
  }

 private:
  bool has_sel_ = false;
  int n_a_sel_ = 0, n_r_sel_ = 0;
};

}  // namespace dp_tf
