// Helpers of the shape functions. Sizes that only the values of natoms tell stay unknown unless natoms is a constant.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace dp_tf {

using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

/// `factor` times natoms[entry] (0: nloc, 1: nall), where natoms is input `index` and known.
inline DimensionHandle atoms_times(InferenceContext* c, int index, int entry, std::int64_t factor) {
  const tensorflow::Tensor* natoms = c->input_tensor(index);
  if (natoms == nullptr || natoms->dims() != 1 || natoms->dim_size(0) <= entry) return c->UnknownDim();
  return c->MakeDim(factor * natoms->vec<std::int32_t>()(entry));
}

/// Require rank 2 of the inputs [first, last) and join their numbers of rows.
inline absl::Status same_rows(InferenceContext* c, int first, int last, DimensionHandle* rows) {
  *rows = c->UnknownDim();
  for (int k = first; k < last; ++k) {
    ShapeHandle shape;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(k), 2, &shape));
    TF_RETURN_IF_ERROR(c->Merge(*rows, c->Dim(shape, 0), rows));
  }
  return absl::Status();
}

/// Require `dim` to be `factor` times `base`, as far as both are known; message names `what`.
inline absl::Status require_multiple(InferenceContext* c, DimensionHandle dim, DimensionHandle base,
                                           std::int64_t factor, const char* what) {
  if (!c->ValueKnown(dim) || !c->ValueKnown(base) || c->Value(dim) == factor * c->Value(base))
    return absl::Status();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": expected ", factor * c->Value(base), " columns, found ", c->Value(dim)));
}

}  // namespace dp_tf
