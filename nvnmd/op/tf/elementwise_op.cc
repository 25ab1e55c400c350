// Schema, shape functions and documentation of the ops of single numbers and of the scalar product.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tf/shapes.h"

namespace nvnmd_tf {
namespace {

using absl::Status;
using namespace dp_tf;

Status copy_shape(InferenceContext* c) {
  for (int k = 0; k < c->num_outputs(); ++k) c->set_output(k, c->input(0));
  return Status();
}

Status add_shape(InferenceContext* c) {
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(c->Merge(c->input(0), c->input(1), &shape));
  c->set_output(0, shape);
  return Status();
}

/// All dimensions but the last one of x and w, joined.
Status join_rows(InferenceContext* c, ShapeHandle* rows) {
  ShapeHandle x, w, unused;
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(0), 1, &unused));
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(1), 1, &unused));
  TF_RETURN_IF_ERROR(c->Subshape(c->input(0), 0, -1, &x));
  TF_RETURN_IF_ERROR(c->Subshape(c->input(1), 0, -1, &w));
  return c->Merge(x, w, rows);
}

Status mul_shape(InferenceContext* c) {
  ShapeHandle rows, shape;
  if (!c->RankKnown(c->input(0)) || !c->RankKnown(c->input(1))) {
    c->set_output(0, c->input(1));
    return Status();
  }
  TF_RETURN_IF_ERROR(join_rows(c, &rows));
  const DimensionHandle x = c->Dim(c->input(0), -1);
  DimensionHandle columns = c->Dim(c->input(1), -1);
  if (c->ValueKnown(x) && c->Value(x) != 1) TF_RETURN_IF_ERROR(c->Merge(x, columns, &columns));
  TF_RETURN_IF_ERROR(c->Concatenate(rows, c->Vector(columns), &shape));
  c->set_output(0, shape);
  return Status();
}

Status dotmul_shape(InferenceContext* c) {
  ShapeHandle both, rows;
  TF_RETURN_IF_ERROR(c->Merge(c->input(0), c->input(1), &both));
  if (!c->RankKnown(both)) return tensorflow::shape_inference::UnknownShape(c);
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(both, 1, &both));
  TF_RETURN_IF_ERROR(c->Subshape(both, 0, -1, &rows));
  TF_RETURN_IF_ERROR(c->Concatenate(rows, c->Vector(1), &rows));
  c->set_output(0, rows);
  return Status();
}

}  // namespace

REGISTER_OP("FltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Output("y: T")
    .SetShapeFn(copy_shape)
    .Doc("x with its fraction truncated to 20 bits (the pattern of the float64 number ends in 32 zeros).");

REGISTER_OP("CopyFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Output("y1: T")
    .Output("y2: T")
    .SetShapeFn(copy_shape)
    .Doc("FltNvnmd twice: its gradient adds the two gradients as hardware does.");

REGISTER_OP("AddFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Output("y: T")
    .SetShapeFn(add_shape)
    .Doc("x + w of one shape: mantissas of 21 bits aligned to the larger exponent, added, truncated.");

REGISTER_OP("MulFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Output("y: T")
    .SetShapeFn(mul_shape)
    .Doc(R"doc(
x * w, each truncated to 20 fraction bits, and the product too.

x: [..., N, M] or [..., N, 1].
w: [..., N, M].
)doc");

REGISTER_OP("DotmulFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Output("y: T")
    .SetShapeFn(dotmul_shape)
    .Doc(R"doc(
Scalar products of the rows: mantissas aligned to the largest exponent of a row, multiplied and added without rounding.

x: [..., N, M], M up to 2048.
w: [..., N, M].
y: [..., N, 1].
)doc");

REGISTER_OP("QuantizeNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Attr("isround: int")
    .Attr("nbit1: int")
    .Attr("nbit2: int")
    .Attr("nbit3: int")
    .Output("y: T")
    .SetShapeFn(copy_shape)
    .Doc(R"doc(
x with nbit1 fraction bits; x itself when nbit1 is negative. There is no saturation.

isround: 0 rounds downwards; else to the nearest, half away from zero.
nbit2: fraction bits of the gradient.
nbit3: fraction bits of the gradient of the gradient; its gradient has nbit1 again.
)doc");

REGISTER_OP("Tanh4FltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Output("y: T")
    .SetShapeFn(copy_shape)
    .Doc("sign(x) (a^4/16 - a^3/4 + a), a = min(|x|, 2), with 23 fraction bits; the square has 23, the rest is exact.");

}  // namespace nvnmd_tf
