// Schema, shape functions and documentation of the tabulated embedding nets. Names, attributes and defaults, also where
// they are not regular, are those that frozen models hold.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// The width of the table: attribute last_layer_size of a forward op, last size of the input `descriptor` of others.
/// Requires `dims` dimensions of that input and 6 width columns of the table.
Status table_width(InferenceContext* c, int descriptor, int dims, DimensionHandle* width) {
  if (descriptor < 0) {
    std::int64_t size;
    TF_RETURN_IF_ERROR(c->GetAttr("last_layer_size", &size));
    *width = c->MakeDim(size);
  } else {
    ShapeHandle shape;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(descriptor), dims, &shape));
    *width = c->Dim(shape, dims - 1);
  }
  ShapeHandle table, info;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, &table));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 1, &info));
  return require_multiple(c, c->Dim(table, 1), *width, 6, "table");
}

/// Inputs em_x, a column, and em, of rank 3; `atoms` is the first size of em.
Status neighbor_inputs(InferenceContext* c, DimensionHandle last, DimensionHandle* atoms) {
  ShapeHandle x, em;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 2, &x));
  TF_RETURN_IF_ERROR(c->Merge(x, c->Matrix(c->UnknownDim(), 1), &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 3, &em));
  TF_RETURN_IF_ERROR(c->Merge(em, c->MakeShape({c->UnknownDim(), c->UnknownDim(), last}), &em));
  *atoms = c->Dim(em, 0);
  return Status();
}

/// Ops whose result is [atoms, 4, width].
template <int kDescriptor>
Status sums_of_four(InferenceContext* c) {
  DimensionHandle width, atoms;
  TF_RETURN_IF_ERROR(table_width(c, kDescriptor, 3, &width));
  TF_RETURN_IF_ERROR(neighbor_inputs(c, c->MakeDim(4), &atoms));
  c->set_output(0, c->MakeShape({atoms, c->MakeDim(4), width}));
  return Status();
}

/// Ops whose result is [atoms, width].
template <int kDescriptor>
Status sums_of_pairs(InferenceContext* c) {
  DimensionHandle width, atoms;
  TF_RETURN_IF_ERROR(table_width(c, kDescriptor, 2, &width));
  TF_RETURN_IF_ERROR(neighbor_inputs(c, c->UnknownDim(), &atoms));
  c->set_output(0, c->Matrix(atoms, width));
  return Status();
}

/// Ops whose result is [atoms, neighbours, width].
template <int kDescriptor>
Status values(InferenceContext* c) {
  DimensionHandle width;
  TF_RETURN_IF_ERROR(table_width(c, kDescriptor, 3, &width));
  ShapeHandle em;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 2, &em));
  c->set_output(0, c->MakeShape({c->Dim(em, 0), c->Dim(em, 1), width}));
  return Status();
}

/// Derivatives by the inputs from em_x (or em, where that is input 2) on.
template <int kDescriptor, int kDims>
Status like_inputs(InferenceContext* c) {
  DimensionHandle width;
  TF_RETURN_IF_ERROR(table_width(c, kDescriptor, kDims, &width));
  for (int k = 0; k < c->num_outputs(); ++k) c->set_output(k, c->input(2 + k));
  return Status();
}

}  // namespace

#define DP_TABLE_INPUTS .Input("table: T").Input("table_info: T")
#define DP_FORWARD .Attr("T: {float, double} = DT_DOUBLE").Attr("last_layer_size: int")

#define DP_TABULATE_SE_A(name)                                                                             \
  REGISTER_OP(name)                                                                                        \
  DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Output("descriptor: T") DP_FORWARD                       \
      .SetShapeFn(sums_of_four<-1>)                                                                        \
      .Doc("Sum over the neighbours j of em[i, j, :] times the tabulated functions of em_x[i, j]: [n, 4, L].")

#define DP_TABULATE_SE_A_GRAD(name)                                                             \
  REGISTER_OP(name)                                                                             \
  DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("dy: T").Input("descriptor: T")         \
      .Output("dy_dem_x: T").Output("dy_dem: T")                                                \
      .Attr("T: {float, double} = DT_DOUBLE")                                                   \
      .SetShapeFn(like_inputs<5, 3>)                                                            \
      .Doc("Derivatives of the sum of dy times the result of TabulateFusionSeA by em_x and em.")

#define DP_TABULATE_SE_A_GRAD_GRAD(name)                                                           \
  REGISTER_OP(name)                                                                                \
  DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("dz_dy_dem_x: T").Input("dz_dy_dem: T")    \
      .Input("descriptor: T").Output("dz_dy: T")                                                   \
      .Attr("T: {float, double}")                                                                  \
      .SetShapeFn(sums_of_four<6>)                                                                 \
      .Doc("Derivative by dy of what TabulateFusionSeAGrad gives times dz_dy_dem_x and dz_dy_dem.")

DP_TABULATE_SE_A("TabulateFusion");
DP_TABULATE_SE_A("TabulateFusionSeA");
DP_TABULATE_SE_A_GRAD("TabulateFusionGrad");
DP_TABULATE_SE_A_GRAD("TabulateFusionSeAGrad");
DP_TABULATE_SE_A_GRAD_GRAD("TabulateFusionGradGrad");
DP_TABULATE_SE_A_GRAD_GRAD("TabulateFusionSeAGradGrad").Attr("is_sorted: bool = true");

REGISTER_OP("TabulateFusionSeAtten")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("two_embed: T").Output("descriptor: T") DP_FORWARD
    .Attr("is_sorted: bool = true")
    .SetShapeFn(sums_of_four<-1>)
    .Doc("TabulateFusionSeA whose functions are multiplied by 1 + two_embed [n nnei, L] of the neighbour.");

REGISTER_OP("TabulateFusionSeAttenGrad")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("two_embed: T").Input("dy: T").Input("descriptor: T")
    .Output("dy_dem_x: T").Output("dy_dem: T").Output("dy_dtwo: T")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("is_sorted: bool = true")
    .SetShapeFn(like_inputs<6, 3>)
    .Doc("Derivatives of the sum of dy times the result of TabulateFusionSeAtten by em_x, em and two_embed.");

REGISTER_OP("TabulateFusionSeAttenGradGrad")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("two_embed: T").Input("dz_dy_dem_x: T").Input("dz_dy_dem: T")
    .Input("dz_dy_dtwo: T").Input("descriptor: T").Output("dz_dy: T")
    .Attr("T: {float, double}")
    .Attr("is_sorted: bool = true")
    .SetShapeFn(sums_of_four<8>)
    .Doc("Derivative by dy of what TabulateFusionSeAttenGrad gives times the other dz_dy inputs.");

REGISTER_OP("TabulateFusionSeT")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Output("descriptor: T") DP_FORWARD
    .SetShapeFn(sums_of_pairs<-1>)
    .Doc("Sum over pairs of em_x times its tabulated functions: [n, L]; of em [n, ni, nj] the shape is read.");

REGISTER_OP("TabulateFusionSeTGrad")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("dy: T").Input("descriptor: T")
    .Output("dy_dem_x: T").Output("dy_dem: T")
    .Attr("T: {float, double} = DT_DOUBLE")
    .SetShapeFn(like_inputs<5, 2>)
    .Doc("Derivatives of the sum of dy times the result of TabulateFusionSeT by the argument and by the factor.");

REGISTER_OP("TabulateFusionSeTGradGrad")
DP_TABLE_INPUTS.Input("em_x: T").Input("em: T").Input("dz_dy_dem_x: T").Input("dz_dy_dem: T").Input("descriptor: T")
    .Output("dz_dy: T")
    .Attr("T: {float, double}")
    .SetShapeFn(sums_of_pairs<6>)
    .Doc("Derivative by dy of what TabulateFusionSeTGrad gives times dz_dy_dem_x and dz_dy_dem.");

REGISTER_OP("TabulateFusionSeR")
DP_TABLE_INPUTS.Input("em: T").Output("descriptor: T") DP_FORWARD
    .SetShapeFn(values<-1>)
    .Doc("The tabulated functions of em [n, nnei]: [n, nnei, L].");

REGISTER_OP("TabulateFusionSeRGrad")
DP_TABLE_INPUTS.Input("em: T").Input("dy: T").Input("descriptor: T")
    .Output("dy_dem: T")
    .Attr("T: {float, double} = DT_DOUBLE")
    .SetShapeFn(like_inputs<4, 3>)
    .Doc("Derivative of the sum of dy times the result of TabulateFusionSeR by em.");

REGISTER_OP("TabulateFusionSeRGradGrad")
DP_TABLE_INPUTS.Input("em: T").Input("dz_dy_dem: T").Input("descriptor: T")
    .Output("dz_dy: T")
    .Attr("T: {float, double}")
    .SetShapeFn(values<4>)
    .Doc("Derivative by dy of what TabulateFusionSeRGrad gives times dz_dy_dem.");

}  // namespace dp_tf
