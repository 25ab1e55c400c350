// Schema, shape functions and documentation of the linear layer over many rows.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Require input `index` to be a matrix of these sizes, as far as they are known, and learn the others.
Status join_matrix(InferenceContext* c, int index, DimensionHandle* rows, DimensionHandle* columns) {
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(c->Merge(c->input(index), c->Matrix(*rows, *columns), &shape));
  *rows = c->Dim(shape, 0), *columns = c->Dim(shape, 1);
  return Status();
}

Status linear_shape(InferenceContext* c) {
  DimensionHandle rows = c->UnknownDim(), fan_in = c->UnknownDim(), width = c->UnknownDim();
  ShapeHandle b;
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &rows, &fan_in));
  TF_RETURN_IF_ERROR(join_matrix(c, 1, &fan_in, &width));
  TF_RETURN_IF_ERROR(c->Merge(c->input(2), c->Vector(width), &b));
  c->set_output(0, c->Matrix(rows, c->Dim(b, 0)));
  return Status();
}

Status back_shape(InferenceContext* c) {
  DimensionHandle rows = c->UnknownDim(), fan_in = c->UnknownDim(), width = c->UnknownDim();
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &rows, &width));
  TF_RETURN_IF_ERROR(join_matrix(c, 1, &fan_in, &width));
  c->set_output(0, c->Matrix(rows, fan_in));
  return Status();
}

Status outer_shape(InferenceContext* c) {
  DimensionHandle rows = c->UnknownDim(), fan_in = c->UnknownDim(), width = c->UnknownDim();
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &rows, &fan_in));
  TF_RETURN_IF_ERROR(join_matrix(c, 1, &rows, &width));
  c->set_output(0, c->Matrix(fan_in, width));
  c->set_output(1, c->Vector(width));
  return Status();
}

}  // namespace

REGISTER_OP("DpLinear")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Input("b: T")
    .Output("y: T")
    .SetShapeFn(linear_shape)
    .Doc(R"doc(
A linear layer: y = x w + b.

x: [nrows, fan_in].
w: [fan_in, width].
b: [width].
y: [nrows, width].
)doc");

REGISTER_OP("DpLinearBack")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("dy: T")
    .Input("w: T")
    .Output("dx: T")
    .SetShapeFn(back_shape)
    .Doc(R"doc(
The derivative by its input that goes back through a linear layer: dx = dy w^T.

dy: [nrows, width].
w: [fan_in, width].
dx: [nrows, fan_in].
)doc");

REGISTER_OP("DpLinearOuter")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("dy: T")
    .Output("dw: T")
    .Output("db: T")
    .SetShapeFn(outer_shape)
    .Doc(R"doc(
The derivatives of a linear layer by its weights: dw = x^T dy, and db, the sum of the rows of dy.

x: [nrows, fan_in].
dy: [nrows, width].
dw: [fan_in, width].
db: [width].
)doc");

}  // namespace dp_tf
