// Schema, shape function and documentation of the matrix products.
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tf/shapes.h"

namespace nvnmd_tf {
namespace {

using absl::Status;
using namespace dp_tf;

/// [.., N, M] x [.., M, K] -> [.., N, K], of rank 2 or 3.
Status matmul_shape(InferenceContext* c) {
  if (!c->RankKnown(c->input(0)) || !c->RankKnown(c->input(1))) return tensorflow::shape_inference::UnknownShape(c);
  ShapeHandle x, w, out;
  for (ShapeHandle* shape : {&x, &w}) {
    TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(shape == &w), 2, shape));
    TF_RETURN_IF_ERROR(c->WithRankAtMost(*shape, 3, shape));
  }
  DimensionHandle m;
  TF_RETURN_IF_ERROR(c->Merge(c->Dim(x, -1), c->Dim(w, -2), &m));
  ShapeHandle batch, batch_of_w;
  TF_RETURN_IF_ERROR(c->Subshape(x, 0, -2, &batch));
  TF_RETURN_IF_ERROR(c->Subshape(w, 0, -2, &batch_of_w));
  TF_RETURN_IF_ERROR(c->Merge(batch, batch_of_w, &batch));
  TF_RETURN_IF_ERROR(c->Concatenate(batch, c->Matrix(c->Dim(x, -2), c->Dim(w, -1)), &out));
  c->set_output(0, out);
  return Status();
}

Status fitnet_shape(InferenceContext* c) {
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, &unused));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &unused));
  return matmul_shape(c);
}

}  // namespace

REGISTER_OP("MatmulFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Attr("normx: int")
    .Attr("normw: int")
    .Output("y: T")
    .SetShapeFn(matmul_shape)
    .Doc(R"doc(
Matrix product of mantissas aligned to the largest exponent of a block, added without rounding, then truncated.

x: [H, N, M] or [N, M], M up to 2048.
w: [H, M, K] or [M, K].
normx: lower four bits: 0 when a matrix of x is a block, else a row is; upper four bits: not 0 when the gradient by x
  is MatmulFlt2fixNvnmd.
normw: lower four bits: 0 when a matrix of w is a block, else a column is; upper four bits as of normx.
y: [H, N, K] or [N, K].
)doc");

REGISTER_OP("MatmulFlt2fixNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Attr("nbit: int")
    .Output("y: T")
    .SetShapeFn(matmul_shape)
    .Doc(R"doc(
Matrix product of which each term is truncated to nbit fraction bits; they are added exactly, then truncated.

x: [H, N, M] or [N, M].
w: [H, M, K] or [M, K].
y: [H, N, K] or [N, K].
)doc");

REGISTER_OP("MatmulFitnetNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("w: T")
    .Attr("nbitx: int")
    .Attr("nbitw: int")
    .Attr("normw: int")
    .Output("y: T")
    .SetShapeFn(fitnet_shape)
    .Doc(R"doc(
Matrix product of fixed point numbers, all rounded downwards.

x: [N, M]; with nbitx fraction bits.
w: [M, K]; with nbitw bits below the largest exponent of a block.
normw: 0 when w is a block, else a column is.
y: [N, K]; with nbitx fraction bits.
)doc");

}  // namespace nvnmd_tf
