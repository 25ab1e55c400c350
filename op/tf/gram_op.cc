// Schema, shape functions and documentation of the products of columns.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Join inputs [first, last) of shape [n, 4, width].
Status join_matrices(InferenceContext* c, int first, int last, ShapeHandle* shape) {
  *shape = c->MakeShape({c->UnknownDim(), c->MakeDim(4), c->UnknownDim()});
  for (int k = first; k < last; ++k) TF_RETURN_IF_ERROR(c->Merge(*shape, c->input(k), shape));
  return Status();
}

/// [n, width * columns] for matrices of `shape`.
Status products(InferenceContext* c, ShapeHandle shape, ShapeHandle* out) {
  std::int64_t columns;
  TF_RETURN_IF_ERROR(c->GetAttr("columns", &columns));
  DimensionHandle width;
  TF_RETURN_IF_ERROR(c->Multiply(c->Dim(shape, 2), columns, &width));
  *out = c->Matrix(c->Dim(shape, 0), width);
  return Status();
}

Status product_shape(InferenceContext* c) {
  ShapeHandle shape, d;
  TF_RETURN_IF_ERROR(join_matrices(c, 0, c->num_inputs(), &shape));
  TF_RETURN_IF_ERROR(products(c, shape, &d));
  c->set_output(0, d);
  return Status();
}

Status spread_shape(InferenceContext* c) {
  ShapeHandle shape, d;
  TF_RETURN_IF_ERROR(join_matrices(c, 1, 2, &shape));
  TF_RETURN_IF_ERROR(products(c, shape, &d));
  TF_RETURN_IF_ERROR(c->Merge(d, c->input(0), &d));
  c->set_output(0, shape);
  return Status();
}

}  // namespace

REGISTER_OP("DpGram")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("columns: int >= 1")
    .Input("x: T")
    .Output("d: T")
    .SetShapeFn(product_shape)
    .Doc(R"doc(
Products of all columns with the first ones: d[i, k*columns + l] = sum over a of x[i, a, k] x[i, a, l].

x: [n, 4, width].
d: [n, width*columns].
)doc");

REGISTER_OP("DpGramPair")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("columns: int >= 1")
    .Input("x: T")
    .Input("y: T")
    .Output("d: T")
    .SetShapeFn(product_shape)
    .Doc(R"doc(
Derivative of DpGram in the direction y: sum over a of x[i, a, k] y[i, a, l] + y[i, a, k] x[i, a, l].

x: [n, 4, width].
y: [n, 4, width].
d: [n, width*columns].
)doc");

REGISTER_OP("DpGramSpread")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("columns: int >= 1")
    .Input("d: T")
    .Input("y: T")
    .Output("z: T")
    .SetShapeFn(spread_shape)
    .Doc(R"doc(
Transpose of DpGramPair: z[i, a, k] = sum over l of d[i, k, l] y[i, a, l], and for k < columns sum over k' of
d[i, k', k] y[i, a, k'].

d: [n, width*columns].
y: [n, 4, width].
z: [n, 4, width].
)doc");

}  // namespace dp_tf
