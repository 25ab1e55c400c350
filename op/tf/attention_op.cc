// Schema, shape functions and documentation of the attention over the neighbours of an atom.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

constexpr int kInputs = 6;  ///< that all four ops begin with

/// What the inputs tell: rows, three times the width, and the width, which outputs like o have.
struct Sizes {
  DimensionHandle rows, columns, width;
};

/// Require the inputs `first` and on to have the shapes of qkv, e and s.
Status join_rows(InferenceContext* c, int first, Sizes* sizes) {
  ShapeHandle qkv, e, s;
  TF_RETURN_IF_ERROR(c->Merge(c->input(first), c->Matrix(sizes->rows, sizes->columns), &qkv));
  sizes->columns = c->Dim(qkv, 1);
  TF_RETURN_IF_ERROR(c->Merge(c->input(first + 1), c->Matrix(c->Dim(qkv, 0), c->MakeDim(3)), &e));
  TF_RETURN_IF_ERROR(c->Merge(c->input(first + 2), c->Vector(c->Dim(e, 0)), &s));
  sizes->rows = c->Dim(s, 0);
  return Status();
}

/// Require the inputs that all four ops share, `pairs` arrays over pairs behind them and then `more` like o.
Status check_inputs(InferenceContext* c, int pairs, int more, Sizes* sizes) {
  *sizes = {c->UnknownDim(), c->UnknownDim(), c->UnknownDim()};
  TF_RETURN_IF_ERROR(join_rows(c, 0, sizes));
  ShapeHandle empty, offsets, shape;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 1, &empty));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 1, &offsets));
  DimensionHandle natoms;
  TF_RETURN_IF_ERROR(c->Subtract(c->Dim(offsets, 0), 1, &natoms));
  TF_RETURN_IF_ERROR(c->Merge(natoms, c->Dim(empty, 0), &natoms));
  TF_RETURN_IF_ERROR(c->Merge(c->input(5), c->Vector(2), &shape));
  for (int k = 0; k < pairs; ++k) TF_RETURN_IF_ERROR(c->WithRank(c->input(kInputs + k), 1, &shape));
  if (c->ValueKnown(sizes->columns)) TF_RETURN_IF_ERROR(c->Divide(sizes->columns, 3, true, &sizes->width));
  for (int k = 0; k < more; ++k) {
    TF_RETURN_IF_ERROR(c->Merge(c->input(kInputs + pairs + k), c->Matrix(sizes->rows, sizes->width), &shape));
    sizes->rows = c->Dim(shape, 0), sizes->width = c->Dim(shape, 1);
  }
  return Status();
}

void set_like_o(InferenceContext* c, const Sizes& sizes) { c->set_output(0, c->Matrix(sizes.rows, sizes.width)); }

/// The first three outputs, of the shapes of qkv, e and s.
void set_rows(InferenceContext* c, const Sizes& sizes) {
  c->set_output(0, c->Matrix(sizes.rows, sizes.columns));
  c->set_output(1, c->Matrix(sizes.rows, c->MakeDim(3)));
  c->set_output(2, c->Vector(sizes.rows));
}

void set_pairs(InferenceContext* c, int first, int last) {
  for (int k = first; k <= last; ++k) c->set_output(k, c->Vector(c->UnknownDim()));
}

Status attention_shape(InferenceContext* c) {
  Sizes sizes;
  TF_RETURN_IF_ERROR(check_inputs(c, 0, 0, &sizes));
  set_like_o(c, sizes), set_pairs(c, 1, 1);
  return Status();
}

Status grad_shape(InferenceContext* c) {
  Sizes sizes;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, 1, &sizes));
  set_rows(c, sizes), set_pairs(c, 3, 3);
  return Status();
}

Status tangent_shape(InferenceContext* c) {
  Sizes sizes;
  TF_RETURN_IF_ERROR(check_inputs(c, 1, 0, &sizes));
  TF_RETURN_IF_ERROR(join_rows(c, kInputs + 1, &sizes));
  set_like_o(c, sizes), set_pairs(c, 1, 2);
  return Status();
}

Status second_shape(InferenceContext* c) {
  Sizes sizes;
  TF_RETURN_IF_ERROR(check_inputs(c, 4, 2, &sizes));
  TF_RETURN_IF_ERROR(join_rows(c, kInputs + 6, &sizes));
  set_rows(c, sizes);
  return Status();
}

}  // namespace

#define DP_ATTENTION_INPUTS              \
  Attr("T: {float, double} = DT_DOUBLE") \
      .Attr("normalize: bool")           \
      .Attr("angular: bool")             \
      .Attr("smooth: bool")              \
      .Attr("off_diagonal: bool")        \
      .Input("qkv: T")                   \
      .Input("e: T")                     \
      .Input("s: T")                     \
      .Input("empty: T")                 \
      .Input("offsets: int32")           \
      .Input("constants: double")

REGISTER_OP("DpAttention")
    .DP_ATTENTION_INPUTS
    .Output("o: T")
    .Output("qk: T")
    .SetShapeFn(attention_shape)
    .Doc(R"doc(
Gated self-attention over the rows (neighbours) of each atom: o[m] = sum over n of W[m, n] v'[n], with W the softmax
over n of L[m, n] = scale q'[m] . k'[n], where ' divides a row by sqrt(max(sum of squares, floor^2)), with normalize.

qkv: [nrows, 3*width]; rows of q, k and v side by side.
e: [nrows, 3], read with angular.
s: [nrows], read with smooth.
empty: [natoms], 0 or more, read with smooth: the softmax has as many more terms of logit -20.
offsets: [natoms + 1]; atom a owns the rows offsets[a] .. offsets[a+1]-1; from 0 to nrows, not decreasing.
constants: [2]: scale and floor; attributes hold 32 bits only.
o: [nrows, width].
qk: [pairs]; q' . k' of all pairs of an atom, for the ops of the derivatives; in what order is the business of these.
normalize: whether the rows of q, k and v are divided by their norms.
angular: whether W[m, n] is multiplied with e[m] . e[n].
smooth: whether L[m, n] becomes (L[m, n] + 20) s[m] s[n] - 20 and W[m, n] is multiplied with s[m] s[n].
off_diagonal: whether W[m, m] is 0.
)doc");

REGISTER_OP("DpAttentionGrad")
    .DP_ATTENTION_INPUTS
    .Input("qk: T")
    .Input("d_o: T")
    .Output("dqkv: T")
    .Output("de: T")
    .Output("ds: T")
    .Output("dov: T")
    .SetShapeFn(grad_shape)
    .Doc(R"doc(
Gradient of sum(d_o * o) of DpAttention, whose inputs and attributes this op has too.

qk: [pairs]; of DpAttention.
d_o: [nrows, width].
dqkv: [nrows, 3*width].
de: [nrows, 3]; 0 without angular.
ds: [nrows]; 0 without smooth.
dov: [pairs]; d_o . v', for DpAttentionSecond.
)doc");

REGISTER_OP("DpAttentionTangent")
    .DP_ATTENTION_INPUTS
    .Input("qk: T")
    .Input("gqkv: T")
    .Input("ge: T")
    .Input("gs: T")
    .Output("dd_o: T")
    .Output("left: T")
    .Output("right: T")
    .SetShapeFn(tangent_shape)
    .Doc(R"doc(
How o of DpAttention, whose inputs and attributes this op has too, moves with qkv, e and s: the gradient by d_o of
sum(gqkv * dqkv) + sum(ge * de) + sum(gs * ds) of DpAttentionGrad.

qk: [pairs]; of DpAttention.
gqkv: [nrows, 3*width].
ge: [nrows, 3].
gs: [nrows].
dd_o: [nrows, width].
left: [pairs]; tangents of q' times k', for DpAttentionSecond.
right: [pairs]; q' times tangents of k'.
)doc");

REGISTER_OP("DpAttentionSecond")
    .DP_ATTENTION_INPUTS
    .Input("qk: T")
    .Input("dov: T")
    .Input("left: T")
    .Input("right: T")
    .Input("d_o: T")
    .Input("d2_o: T")
    .Input("gqkv: T")
    .Input("ge: T")
    .Input("gs: T")
    .Output("dqkv: T")
    .Output("de: T")
    .Output("ds: T")
    .SetShapeFn(second_shape)
    .Doc(R"doc(
Gradient of sum(d2_o * o) + sum(gqkv * dqkv) + sum(ge * de) + sum(gs * ds), with o of DpAttention, whose inputs and
attributes this op has too, and dqkv, de and ds of DpAttentionGrad for d_o.

qk: [pairs]; of DpAttention.
dov: [pairs]; of DpAttentionGrad.
left: [pairs]; of DpAttentionTangent.
right: [pairs]; of DpAttentionTangent.
d_o: [nrows, width].
d2_o: [nrows, width].
gqkv: [nrows, 3*width].
ge: [nrows, 3].
gs: [nrows].
dqkv: [nrows, 3*width].
de: [nrows, 3].
ds: [nrows].
)doc");

}  // namespace dp_tf
