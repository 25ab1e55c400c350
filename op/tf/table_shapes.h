// Helpers of the shape functions of the table ops.
#pragma once

#include <string_view>
#include <vector>

#include "tf/shapes.h"

namespace dp_tf {

/// Join the shape of input `index` with `shape`.
inline absl::Status join(InferenceContext* c, int index, ShapeHandle shape, ShapeHandle* joined) {
  return c->Merge(c->input(index), shape, joined);
}

/// Sizes that the inputs tell.
struct TableShapes {
  DimensionHandle natoms, columns, nrows, width;
};

/// Check the inputs that all table ops have, `numbers` to a row; `between` is the input between center and table,
/// "empty", "factor" or null. Say what they tell.
inline absl::Status read_table(InferenceContext* c, int numbers, const char* between, TableShapes* found) {
  std::vector<std::int32_t> sel;
  TF_RETURN_IF_ERROR(c->GetAttr("sel", &sel));
  std::int64_t nnei = 0;
  for (std::int32_t n : sel) nnei += n;
  const std::int64_t ntypes = sel.size();
  const int table = between == nullptr ? 3 : 4;
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(join(c, 0, c->Matrix(c->UnknownDim(), c->MakeDim(numbers * nnei)), &shape));
  found->natoms = c->Dim(shape, 0);
  found->columns = c->Dim(shape, 1);
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &shape));
  TF_RETURN_IF_ERROR(join(c, 2, c->Vector(found->natoms), &shape));
  found->natoms = c->Dim(shape, 0);
  TF_RETURN_IF_ERROR(c->WithRank(c->input(table), 2, &shape));
  found->nrows = c->Dim(shape, 0);
  found->width = c->Dim(shape, 1);
  if (between != nullptr && std::string_view(between) == "empty")
    TF_RETURN_IF_ERROR(join(c, 3, c->Matrix(ntypes, ntypes * numbers), &shape));
  if (between != nullptr && std::string_view(between) == "factor") {
    DimensionHandle slots;
    TF_RETURN_IF_ERROR(c->Multiply(found->natoms, nnei, &slots));
    TF_RETURN_IF_ERROR(join(c, 3, c->Matrix(slots, found->width), &shape));
    found->width = c->Dim(shape, 1);
  }
  return join(c, table + 1, c->Matrix(c->UnknownDim(), c->MakeDim(8)), &shape);
}

/// The shape of x: `parts` matrices of a row for each atom.
inline ShapeHandle table_x_shape(InferenceContext* c, const TableShapes& shapes, int parts) {
  if (parts == 1) return c->Matrix(shapes.natoms, shapes.width);
  return c->MakeShape({shapes.natoms, c->MakeDim(parts), shapes.width});
}

}  // namespace dp_tf

/// The attributes and inputs that all table ops begin with; the arguments stand between center and table.
#define DP_TABLE_INPUTS(...)                 \
  Attr("T: {float, double} = DT_DOUBLE")     \
      .Attr("sel: list(int)")                \
      .Attr("nets: list(int)")               \
      .Input("rows: T")                      \
      .Input("nlist: int32")                 \
      .Input("center: int32") __VA_ARGS__    \
      .Input("table: T")                     \
      .Input("grid: double")
