// Schema, shape functions and documentation of the ragged contractions.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Require a matrix; join its rows and, where `columns` is not null, its columns with what is known of them.
Status join_matrix(InferenceContext* c, int index, DimensionHandle* rows, DimensionHandle* columns) {
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(index), 2, &shape));
  TF_RETURN_IF_ERROR(c->Merge(*rows, c->Dim(shape, 0), rows));
  return c->Merge(*columns, c->Dim(shape, 1), columns);
}

/// The number of groups: one less than the elements of input 2, the offsets.
Status group_count(InferenceContext* c, DimensionHandle* ngroups) {
  ShapeHandle offsets;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 1, &offsets));
  return c->Subtract(c->Dim(offsets, 0), 1, ngroups);
}

/// Require input 1 to be x [ngroups, 4, width].
Status join_x(InferenceContext* c, DimensionHandle ngroups, DimensionHandle* width) {
  ShapeHandle x;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 3, &x));
  TF_RETURN_IF_ERROR(c->Merge(x, c->MakeShape({ngroups, c->MakeDim(4), *width}), &x));
  *width = c->Dim(x, 2);
  return Status();
}

Status outer_shape(InferenceContext* c) {
  DimensionHandle nrows = c->UnknownDim(), four = c->MakeDim(4), width = c->UnknownDim(), ngroups;
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &nrows, &four));
  TF_RETURN_IF_ERROR(join_matrix(c, 1, &nrows, &width));
  TF_RETURN_IF_ERROR(group_count(c, &ngroups));
  c->set_output(0, c->MakeShape({ngroups, four, width}));
  return Status();
}

Status spread_shape(InferenceContext* c) {
  DimensionHandle nrows = c->UnknownDim(), four = c->MakeDim(4), width = c->UnknownDim(), ngroups;
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &nrows, &four));
  TF_RETURN_IF_ERROR(group_count(c, &ngroups));
  TF_RETURN_IF_ERROR(join_x(c, ngroups, &width));
  c->set_output(0, c->Matrix(nrows, width));
  return Status();
}

Status dot_shape(InferenceContext* c) {
  DimensionHandle nrows = c->UnknownDim(), width = c->UnknownDim(), ngroups;
  TF_RETURN_IF_ERROR(join_matrix(c, 0, &nrows, &width));
  TF_RETURN_IF_ERROR(group_count(c, &ngroups));
  TF_RETURN_IF_ERROR(join_x(c, ngroups, &width));
  c->set_output(0, c->Matrix(nrows, 4));
  return Status();
}

}  // namespace

REGISTER_OP("DpGroupOuter")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("env: T")
    .Input("feature: T")
    .Input("offsets: int32")
    .Output("x: T")
    .SetShapeFn(outer_shape)
    .Doc(R"doc(
Sum of outer products over the rows of each group: x[i, a, k] = sum over j in group i of env[j, a] feature[j, k].

env: [nrows, 4].
feature: [nrows, width].
offsets: [ngroups+1]; group i owns the rows offsets[i] .. offsets[i+1]-1; from 0 to nrows, not decreasing.
x: [ngroups, 4, width]; 0 for an empty group.
)doc");

REGISTER_OP("DpGroupSpread")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("env: T")
    .Input("x: T")
    .Input("offsets: int32")
    .Output("feature: T")
    .SetShapeFn(spread_shape)
    .Doc(R"doc(
The matrix of its group applied to each row: feature[j, k] = sum over a of env[j, a] x[g(j), a, k], g(j) the group of j.

env: [nrows, 4].
x: [ngroups, 4, width].
offsets: [ngroups+1]; as DpGroupOuter.
feature: [nrows, width].
)doc");

REGISTER_OP("DpGroupDot")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("feature: T")
    .Input("x: T")
    .Input("offsets: int32")
    .Output("env: T")
    .SetShapeFn(dot_shape)
    .Doc(R"doc(
The transposed matrix of its group applied to each row: env[j, a] = sum over k of feature[j, k] x[g(j), a, k].

feature: [nrows, width].
x: [ngroups, 4, width].
offsets: [ngroups+1]; as DpGroupOuter.
env: [nrows, 4].
)doc");

}  // namespace dp_tf
