// Schema, shape functions and documentation of the table ops with a factor per neighbour and feature.
#include "tf/table_shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

Status factor_shape(InferenceContext* c) {
  TableShapes shapes;
  TF_RETURN_IF_ERROR(read_table(c, 4, "factor", &shapes));
  c->set_output(0, table_x_shape(c, shapes, 4));
  c->set_output(1, c->Scalar());
  return Status();
}

/// The outputs drows, dfactor and dtable from number `first` on.
Status set_derivatives(InferenceContext* c, int first, const TableShapes& shapes, ShapeHandle dx) {
  ShapeHandle factor;
  TF_RETURN_IF_ERROR(join(c, 3, c->Matrix(c->UnknownDim(), c->Dim(dx, 2)), &factor));
  c->set_output(first, c->Matrix(c->Dim(dx, 0), shapes.columns));
  c->set_output(first + 1, factor);
  c->set_output(first + 2, c->Matrix(shapes.nrows, c->Dim(dx, 2)));
  return Status();
}

Status factor_grad_shape(InferenceContext* c) {
  TableShapes shapes;
  ShapeHandle dx;
  TF_RETURN_IF_ERROR(read_table(c, 4, "factor", &shapes));
  TF_RETURN_IF_ERROR(join(c, 6, table_x_shape(c, shapes, 4), &dx));
  return set_derivatives(c, 0, shapes, dx);
}

Status factor_grad_grad_shape(InferenceContext* c) {
  TableShapes shapes;
  ShapeHandle dx, unused;
  TF_RETURN_IF_ERROR(read_table(c, 4, "factor", &shapes));
  TF_RETURN_IF_ERROR(join(c, 6, table_x_shape(c, shapes, 4), &dx));
  TF_RETURN_IF_ERROR(join(c, 7, c->Matrix(shapes.natoms, shapes.columns), &unused));
  TF_RETURN_IF_ERROR(join(c, 8, c->input(3), &unused));
  c->set_output(0, dx);
  return set_derivatives(c, 1, shapes, dx);
}

}  // namespace

REGISTER_OP("DpTableFactor")
    .DP_TABLE_INPUTS(.Input("factor: T"))
    .Output("x: T")
    .Output("outside: int64")
    .SetShapeFn(factor_shape)
    .Doc(R"doc(
Environment matrix times tabulated features of its first column and a factor per neighbour and feature:
x[i, a, :] = sum over slots j that are not skipped of rows[i, j, a] f(rows[i, j, 0]) (1 + factor[i, j, :]).

A slot with a negative nlist is skipped. A factor has no meaning for the empty slots of a type together, so an empty
slot that contributes must be given as a neighbour: any nlist that is not negative, with its row and its factor.
The other inputs, attributes and outputs are those of DpTableTwoBody; a list that is not ordered by types has one type.

rows: [natoms, nnei*4].
nlist: [nframes, nloc*nnei]; negative for a slot that is skipped.
factor: [natoms*nnei, width].
x: [natoms, 4, width].
)doc");

REGISTER_OP("DpTableFactorGrad")
    .DP_TABLE_INPUTS(.Input("factor: T"))
    .Input("dx: T")
    .Output("drows: T")
    .Output("dfactor: T")
    .Output("dtable: T")
    .SetShapeFn(factor_grad_shape)
    .Doc(R"doc(
Derivatives of the scalar product of dx with x of DpTableFactor, whose inputs it takes.

dx: [natoms, 4, width].
drows: [natoms, nnei*4]; the whole derivative, that of f in component 0; 0 for slots that are skipped.
dfactor: [natoms*nnei, width]; 0 for slots that are skipped.
dtable: [3*nknots, width].
)doc");

REGISTER_OP("DpTableFactorGradGrad")
    .DP_TABLE_INPUTS(.Input("factor: T"))
    .Input("dx: T")
    .Input("ddrows: T")
    .Input("ddfactor: T")
    .Output("ddx: T")
    .Output("drows: T")
    .Output("dfactor: T")
    .Output("dtable: T")
    .SetShapeFn(factor_grad_grad_shape)
    .Doc(R"doc(
Derivatives of the scalar product of ddrows with drows plus that of ddfactor with dfactor of DpTableFactorGrad, whose
inputs it takes.

ddrows: [natoms, nnei*4].
ddfactor: [natoms*nnei, width].
ddx: [natoms, 4, width].
drows: [natoms, nnei*4].
dfactor: [natoms*nnei, width].
dtable: [3*nknots, width].
)doc");

}  // namespace dp_tf
