// Schema, shape functions and documentation of the attention over the neighbours of an atom.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Require the inputs `first` and on to have the shapes of q, k, v, e and s.
Status join_rows(InferenceContext* c, int first, DimensionHandle* rows, DimensionHandle* width) {
  const DimensionHandle three = c->MakeDim(3);
  for (int k = 0; k < 3; ++k) {
    ShapeHandle shape;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(first + k), 2, &shape));
    TF_RETURN_IF_ERROR(c->Merge(*rows, c->Dim(shape, 0), rows));
    TF_RETURN_IF_ERROR(c->Merge(*width, c->Dim(shape, 1), width));
  }
  ShapeHandle e, s;
  TF_RETURN_IF_ERROR(c->Merge(c->input(first + 3), c->Matrix(*rows, three), &e));
  TF_RETURN_IF_ERROR(c->Merge(c->input(first + 4), c->Vector(c->Dim(e, 0)), &s));
  *rows = c->Dim(s, 0);
  return Status();
}

/// Require the eight inputs that all three ops share; `more` of the shape of q follow them.
Status check_inputs(InferenceContext* c, int more, DimensionHandle* rows, DimensionHandle* width) {
  *rows = c->UnknownDim(), *width = c->UnknownDim();
  TF_RETURN_IF_ERROR(join_rows(c, 0, rows, width));
  ShapeHandle empty, offsets, constants;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(5), 1, &empty));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(6), 1, &offsets));
  DimensionHandle natoms;
  TF_RETURN_IF_ERROR(c->Subtract(c->Dim(offsets, 0), 1, &natoms));
  TF_RETURN_IF_ERROR(c->Merge(natoms, c->Dim(empty, 0), &natoms));
  TF_RETURN_IF_ERROR(c->Merge(c->input(7), c->Vector(2), &constants));
  for (int k = 0; k < more; ++k) {
    ShapeHandle shape;
    TF_RETURN_IF_ERROR(c->Merge(c->input(8 + k), c->Matrix(*rows, *width), &shape));
    *rows = c->Dim(shape, 0), *width = c->Dim(shape, 1);
  }
  return Status();
}

/// Outputs from `first` on of the shapes of q, k, v, e and s.
void set_rows(InferenceContext* c, int first, DimensionHandle rows, DimensionHandle width) {
  for (int k = 0; k < 3; ++k) c->set_output(first + k, c->Matrix(rows, width));
  c->set_output(first + 3, c->Matrix(rows, 3));
  c->set_output(first + 4, c->Vector(rows));
}

Status attention_shape(InferenceContext* c) {
  DimensionHandle rows, width;
  TF_RETURN_IF_ERROR(check_inputs(c, 0, &rows, &width));
  c->set_output(0, c->Matrix(rows, width));
  return Status();
}

Status grad_shape(InferenceContext* c) {
  DimensionHandle rows, width;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, &rows, &width));
  set_rows(c, 0, rows, width);
  return Status();
}

Status grad_grad_shape(InferenceContext* c) {
  DimensionHandle rows, width;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, &rows, &width));
  TF_RETURN_IF_ERROR(join_rows(c, 9, &rows, &width));
  c->set_output(0, c->Matrix(rows, width));
  set_rows(c, 1, rows, width);
  return Status();
}

}  // namespace

REGISTER_OP("DpAttention")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("normalize: bool")
    .Attr("angular: bool")
    .Attr("smooth: bool")
    .Attr("off_diagonal: bool")
    .Input("q: T")
    .Input("k: T")
    .Input("v: T")
    .Input("e: T")
    .Input("s: T")
    .Input("empty: T")
    .Input("offsets: int32")
    .Input("constants: double")
    .Output("o: T")
    .SetShapeFn(attention_shape)
    .Doc(R"doc(
Gated self-attention over the rows (neighbours) of each atom: o[m] = sum over n of W[m, n] v'[n], with W the softmax
over n of L[m, n] = scale q'[m] . k'[n], where ' divides a row by sqrt(max(sum of squares, floor^2)), with normalize.

q: [nrows, width].
k: [nrows, width].
v: [nrows, width].
e: [nrows, 3], read with angular.
s: [nrows], read with smooth.
empty: [natoms], 0 or more, read with smooth: the softmax has as many more terms of logit -20.
offsets: [natoms + 1]; atom a owns the rows offsets[a] .. offsets[a+1]-1; from 0 to nrows, not decreasing.
constants: [2]: scale and floor; attributes hold 32 bits only.
o: [nrows, width].
normalize: whether the rows of q, k and v are divided by their norms.
angular: whether W[m, n] is multiplied with e[m] . e[n].
smooth: whether L[m, n] becomes (L[m, n] + 20) s[m] s[n] - 20 and W[m, n] is multiplied with s[m] s[n].
off_diagonal: whether W[m, m] is 0.
)doc");

REGISTER_OP("DpAttentionGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("normalize: bool")
    .Attr("angular: bool")
    .Attr("smooth: bool")
    .Attr("off_diagonal: bool")
    .Input("q: T")
    .Input("k: T")
    .Input("v: T")
    .Input("e: T")
    .Input("s: T")
    .Input("empty: T")
    .Input("offsets: int32")
    .Input("constants: double")
    .Input("d_o: T")
    .Output("dq: T")
    .Output("dk: T")
    .Output("dv: T")
    .Output("de: T")
    .Output("ds: T")
    .SetShapeFn(grad_shape)
    .Doc(R"doc(
Gradient of sum(d_o * o) of DpAttention, whose other inputs and attributes this op has too.

d_o: [nrows, width].
dq: [nrows, width].
dk: [nrows, width].
dv: [nrows, width].
de: [nrows, 3]; 0 without angular.
ds: [nrows]; 0 without smooth.
)doc");

REGISTER_OP("DpAttentionGradGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("normalize: bool")
    .Attr("angular: bool")
    .Attr("smooth: bool")
    .Attr("off_diagonal: bool")
    .Input("q: T")
    .Input("k: T")
    .Input("v: T")
    .Input("e: T")
    .Input("s: T")
    .Input("empty: T")
    .Input("offsets: int32")
    .Input("constants: double")
    .Input("d_o: T")
    .Input("gq: T")
    .Input("gk: T")
    .Input("gv: T")
    .Input("ge: T")
    .Input("gs: T")
    .Output("dd_o: T")
    .Output("dq: T")
    .Output("dk: T")
    .Output("dv: T")
    .Output("de: T")
    .Output("ds: T")
    .SetShapeFn(grad_grad_shape)
    .Doc(R"doc(
Gradient of sum(gq * dq) + sum(gk * dk) + sum(gv * dv) + sum(ge * de) + sum(gs * ds) of DpAttentionGrad, whose other
inputs and attributes this op has too.

gq: [nrows, width].
gk: [nrows, width].
gv: [nrows, width].
ge: [nrows, 3].
gs: [nrows].
dd_o: [nrows, width], by d_o.
dq: [nrows, width], by q; and so on.
)doc");

}  // namespace dp_tf
