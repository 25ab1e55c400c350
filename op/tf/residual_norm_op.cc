// Schema, shape functions and documentation of the layer normalisation of a sum.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Require the inputs [first, last) to have the shape of x, and join it.
Status join_rows(InferenceContext* c, int first, int last, ShapeHandle* rows) {
  for (int k = first; k < last; ++k) TF_RETURN_IF_ERROR(c->Merge(*rows, c->input(k), rows));
  return Status();
}

/// Require the inputs [first, last) to be vectors of the width of the rows, and join it.
Status join_columns(InferenceContext* c, int first, int last, ShapeHandle* columns) {
  for (int k = first; k < last; ++k) TF_RETURN_IF_ERROR(c->Merge(*columns, c->input(k), columns));
  return Status();
}

/// What the ops share: x, o, gamma, eps, and `rows` and `columns` of what else they have.
Status begin(InferenceContext* c, ShapeHandle* rows, ShapeHandle* columns) {
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, rows));
  TF_RETURN_IF_ERROR(join_rows(c, 1, 2, rows));
  *columns = c->Vector(c->Dim(*rows, 1));
  TF_RETURN_IF_ERROR(join_columns(c, 2, 3, columns));
  ShapeHandle eps;
  return c->WithRank(c->input(3), 0, &eps);
}

/// The rows as wide as the columns, which later inputs may have told.
ShapeHandle together(InferenceContext* c, ShapeHandle rows, ShapeHandle columns) {
  return c->Matrix(c->Dim(rows, 0), c->Dim(columns, 0));
}

Status norm_shape(InferenceContext* c) {
  ShapeHandle rows, columns;
  TF_RETURN_IF_ERROR(begin(c, &rows, &columns));
  TF_RETURN_IF_ERROR(join_columns(c, 4, 5, &columns));
  c->set_output(0, together(c, rows, columns));
  return Status();
}

Status grad_shape(InferenceContext* c) {
  ShapeHandle rows, columns;
  TF_RETURN_IF_ERROR(begin(c, &rows, &columns));
  TF_RETURN_IF_ERROR(join_rows(c, 4, 5, &rows));
  c->set_output(0, together(c, rows, columns));
  c->set_output(1, columns);
  c->set_output(2, columns);
  return Status();
}

Status grad_grad_shape(InferenceContext* c) {
  ShapeHandle rows, columns;
  TF_RETURN_IF_ERROR(begin(c, &rows, &columns));
  TF_RETURN_IF_ERROR(join_rows(c, 4, 6, &rows));
  TF_RETURN_IF_ERROR(join_columns(c, 6, 8, &columns));
  c->set_output(0, together(c, rows, columns));
  c->set_output(1, together(c, rows, columns));
  c->set_output(2, columns);
  return Status();
}

}  // namespace

REGISTER_OP("DpResidualNorm")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("o: T")
    .Input("gamma: T")
    .Input("eps: double")
    .Input("beta: T")
    .Output("y: T")
    .SetShapeFn(norm_shape)
    .Doc(R"doc(
Layer normalisation of a sum: y = gamma (z - mean) / sqrt(variance + eps) + beta with z = x + o, mean and population
variance over the columns.

x: [nrows, width].
o: [nrows, width].
gamma: [width].
eps: 0 or more; attributes hold 32 bits only.
beta: [width].
y: [nrows, width].
)doc");

REGISTER_OP("DpResidualNormGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("o: T")
    .Input("gamma: T")
    .Input("eps: double")
    .Input("dy: T")
    .Output("dz: T")
    .Output("dgamma: T")
    .Output("dbeta: T")
    .SetShapeFn(grad_shape)
    .Doc(R"doc(
Gradient of sum(dy * y) of DpResidualNorm.

x: [nrows, width].
o: [nrows, width].
gamma: [width].
eps: as DpResidualNorm.
dy: [nrows, width].
dz: [nrows, width]; by x as by o.
dgamma: [width].
dbeta: [width].
)doc");

REGISTER_OP("DpResidualNormGradGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("o: T")
    .Input("gamma: T")
    .Input("eps: double")
    .Input("dy: T")
    .Input("gz: T")
    .Input("ggamma: T")
    .Input("gbeta: T")
    .Output("ddy: T")
    .Output("dz: T")
    .Output("dgamma: T")
    .SetShapeFn(grad_grad_shape)
    .Doc(R"doc(
Gradient of sum(gz * dz) + sum(ggamma * dgamma) + sum(gbeta * dbeta) of DpResidualNormGrad.

x: [nrows, width].
o: [nrows, width].
gamma: [width].
eps: as DpResidualNorm.
dy: [nrows, width].
gz: [nrows, width].
ggamma: [width].
gbeta: [width].
ddy: [nrows, width].
dz: [nrows, width]; by x as by o.
dgamma: [width].
)doc");

}  // namespace dp_tf
