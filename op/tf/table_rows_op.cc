// Schema, shape functions and documentation of tabulated features, row by row.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Check the four inputs that the ops share; `more` like y follow, then `lines` like x. Set what they tell.
Status check_inputs(InferenceContext* c, int more, int lines, DimensionHandle* rows, ShapeHandle* table) {
  ShapeHandle shape, x;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 1, &x));
  TF_RETURN_IF_ERROR(c->Merge(c->input(1), x, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 2, table));
  TF_RETURN_IF_ERROR(c->Merge(c->input(3), c->Matrix(c->UnknownDim(), c->MakeDim(8)), &shape));
  for (int k = 0; k < lines; ++k) TF_RETURN_IF_ERROR(c->Merge(c->input(4 + more + k), x, &x));
  *rows = c->Dim(x, 0);
  for (int k = 0; k < more; ++k) {
    TF_RETURN_IF_ERROR(c->Merge(c->input(4 + k), c->Matrix(*rows, c->Dim(*table, 1)), &shape));
    *rows = c->Dim(shape, 0);
    TF_RETURN_IF_ERROR(c->Merge(*table, c->Matrix(c->Dim(*table, 0), c->Dim(shape, 1)), table));
  }
  return Status();
}

Status rows_shape(InferenceContext* c) {
  DimensionHandle rows;
  ShapeHandle table;
  TF_RETURN_IF_ERROR(check_inputs(c, 0, 0, &rows, &table));
  c->set_output(0, c->Matrix(rows, c->Dim(table, 1)));
  c->set_output(1, c->Scalar());
  return Status();
}

Status grad_shape(InferenceContext* c) {
  DimensionHandle rows;
  ShapeHandle table;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, 0, &rows, &table));
  c->set_output(0, c->Vector(rows));
  c->set_output(1, table);
  return Status();
}

Status grad_grad_shape(InferenceContext* c) {
  DimensionHandle rows;
  ShapeHandle table;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, 1, &rows, &table));
  c->set_output(0, c->Matrix(rows, c->Dim(table, 1)));
  c->set_output(1, c->Vector(rows));
  c->set_output(2, table);
  return Status();
}

}  // namespace

#define DP_ROWS_INPUTS                       \
  Attr("T: {float, double} = DT_DOUBLE")     \
      .Input("x: T")                         \
      .Input("net: int32")                   \
      .Input("table: T")                     \
      .Input("grid: double")

REGISTER_OP("DpTableRows")
    .DP_ROWS_INPUTS
    .Output("y: T")
    .Output("outside: int64")
    .SetShapeFn(rows_shape)
    .Doc(R"doc(
Tabulated features of one number, row by row: y[r, :] = f(x[r]), f the net of the row, a quintic polynomial between two
knots and a straight line beyond the last.

x: [nrows].
net: [nrows]; the row of grid, from 0.
table: [3*nknots, width]; value, first and second derivative of the features at each knot, net after net.
grid: [nnets, 8]; of each net its first knot, the position of it, and length and number of the intervals of three
stretches that follow each other (number 0: none).
y: [nrows, width].
outside: []; how many x lie beyond the knots of their net.
)doc");

REGISTER_OP("DpTableRowsGrad")
    .DP_ROWS_INPUTS
    .Input("dy: T")
    .Output("dx: T")
    .Output("dtable: T")
    .SetShapeFn(grad_shape)
    .Doc(R"doc(
Derivatives of the scalar product of dy with y of DpTableRows, whose inputs it takes.

dy: [nrows, width].
dx: [nrows].
dtable: [3*nknots, width].
)doc");

REGISTER_OP("DpTableRowsGradGrad")
    .DP_ROWS_INPUTS
    .Input("dy: T")
    .Input("ddx: T")
    .Output("ddy: T")
    .Output("dx: T")
    .Output("dtable: T")
    .SetShapeFn(grad_grad_shape)
    .Doc(R"doc(
Derivatives of the scalar product of ddx with dx of DpTableRowsGrad, whose inputs it takes.

ddx: [nrows].
ddy: [nrows, width], by dy.
dx: [nrows].
dtable: [3*nknots, width].
)doc");

}  // namespace dp_tf
