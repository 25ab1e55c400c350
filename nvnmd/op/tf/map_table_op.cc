// Schema, shape function and documentation of the look-up.
#include "tf/shapes.h"

namespace nvnmd_tf {
namespace {

using absl::Status;
using namespace dp_tf;

Status map_shape(InferenceContext* c) {
  ShapeHandle x, table, unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 2, &table));
  TF_RETURN_IF_ERROR(c->Merge(table, c->input(2), &table));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 1, &unused));
  const DimensionHandle width = c->Dim(table, 1);
  DimensionHandle channels = c->UnknownDim();
  if (c->ValueKnown(width)) TF_RETURN_IF_ERROR(c->Divide(width, 4, true, &channels));
  c->set_output(0, c->MakeShape({c->Dim(x, 0), c->Dim(x, 1), channels}));
  return Status();
}

}  // namespace

REGISTER_OP("MapFltNvnmd")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("x: T")
    .Input("table: T")
    .Input("table_grad: T")
    .Input("table_info: T")
    .Output("y: T")
    .SetShapeFn(map_shape)
    .Doc(R"doc(
Cubic polynomials of a table: ((a t + b) t + c) t + d with truncated sums and products, t the distance from the start of
the interval with 16 fraction bits.

The first group of intervals with x0 <= x <= x1 is used, else the last one. Left of its first interval, and for what is
not a number, the first interval is used with t = 0; right of its last one, that with t = dx.

x: [N, D].
table: [R, 4*C]; a, b, c, d of each channel.
table_grad: [R, 4*C]; the table of the derivatives, which the gradient reads.
table_info: [5*S]; groups x0, x1, dx, N0, N1: the rows N0 to N1 - 1 hold the intervals of length dx from x0 on.
y: [N, D, C].
)doc");

}  // namespace nvnmd_tf
