// The inputs and attributes that all table ops share, checked.
#pragma once

#include <string>
#include <vector>

#include "dp/table.h"
#include "tf/common.h"

namespace dp_tf {

/// Base of the kernels that have the attributes sel and nets.
class TableKernel : public tensorflow::OpKernel {
 protected:
  explicit TableKernel(tensorflow::OpKernelConstruction* c) : OpKernel(c), nets_(read(c)) {}

  const dp::TableNets nets_;

 private:
  static dp::TableNets read(tensorflow::OpKernelConstruction* c) {
    std::vector<std::int32_t> sel, nets;
    for (const auto& [name, values] : {std::pair("sel", &sel), std::pair("nets", &nets)}) {
      const absl::Status status = c->GetAttr(name, values);
      if (!status.ok()) c->CtxFailure(status);
    }
    try {
      return {dp::Slots(sel.data(), static_cast<int>(sel.size())), nets};
    } catch (const dp::InvalidInput& error) {
      c->CtxFailure(absl::InvalidArgumentError(error.what()));
      return {dp::Slots(nullptr, 0), {}};
    }
  }
};

/// Write the number of look-ups outside, where something reads it.
inline void report_outside(tensorflow::OpKernelContext* c, std::int64_t outside) {
  std::int64_t* to = output<std::int64_t>(c, 1, tensorflow::TensorShape());
  if (to != nullptr) *to = outside;
}

/// The inputs from rows to grid: Form::kColumns numbers a row, Form::kParts rows of x for each atom, Form::kBetween
/// inputs (0 or 1) between center and table, which is `empty` where Form::kEmpty says so.
template <class T, class Form>
struct TableInputs {
  TableInputs(tensorflow::OpKernelContext* c, const dp::TableNets& nets) {
    const tensorflow::Tensor &nlist = c->input(1), &center = c->input(2);
    const std::int64_t nnei = nets.slots.total(), ntypes = nets.slots.ntypes();
    sizes.natoms = any_matrix(c, 0, "rows").dim_size(0);
    sizes.width = any_matrix(c, kGrid - 1, "table").dim_size(1);
    sizes.nknots = c->input(kGrid - 1).dim_size(0) / 3;
    sizes.nnets = any_matrix(c, kGrid, "grid").dim_size(0);
    columns = Form::kColumns * nnei;
    in.rows = data<T>(matrix(c, 0, "rows", sizes.natoms, columns));
    if (nlist.NumElements() != sizes.natoms * nnei)
      throw dp::InvalidInput("nlist: expected " + std::to_string(sizes.natoms) + " atoms times " +
                             std::to_string(nnei) + " slots, found shape " + nlist.shape().DebugString());
    if (center.dims() != 1 || center.dim_size(0) != sizes.natoms)
      throw dp::InvalidInput("center: expected shape [" + std::to_string(sizes.natoms) + "], found " +
                             center.shape().DebugString());
    in.nlist = data<std::int32_t>(nlist);
    in.center = data<std::int32_t>(center);
    in.empty = Form::kEmpty ? data<T>(matrix(c, 3, "empty", ntypes, ntypes * Form::kColumns)) : nullptr;
    in.table = data<T>(matrix(c, kGrid - 1, "table", 3 * sizes.nknots, sizes.width));
    in.grid = data<double>(matrix(c, kGrid, "grid", sizes.nnets, 8));
  }

  tensorflow::TensorShape x_shape() const {
    if (Form::kParts == 1) return tensorflow::TensorShape({sizes.natoms, sizes.width});
    return tensorflow::TensorShape({sizes.natoms, Form::kParts, sizes.width});
  }

  /// The next input, like x.
  const T* dx(tensorflow::OpKernelContext* c) const {
    const tensorflow::Tensor& tensor = c->input(kGrid + 1);
    if (tensor.shape() != x_shape())
      throw dp::InvalidInput("dx: expected shape " + x_shape().DebugString() + ", found " +
                             tensor.shape().DebugString());
    return data<T>(tensor);
  }

  /// The one after it, like rows.
  const T* ddrows(tensorflow::OpKernelContext* c) const {
    return data<T>(matrix(c, kGrid + 2, "ddrows", sizes.natoms, columns));
  }

  /// Outputs drows (at `rows`) and dtable (at `table`), null where nothing reads them.
  dp::TableGrad<T> grad(tensorflow::OpKernelContext* c, int rows, int table) const {
    return {nullptr, output<T>(c, rows, sizes.natoms, columns), output<T>(c, table, 3 * sizes.nknots, sizes.width)};
  }

  static constexpr int kGrid = 4 + Form::kBetween;  ///< index of the input grid
  dp::TableSizes sizes;
  dp::TableInput<T> in;
  std::int64_t columns;  ///< of rows
};

}  // namespace dp_tf
