// Schema, shape functions and documentation of the fitting network and its gradient.
#include <vector>

#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Require weight `index` to have this shape.
Status require_shape(InferenceContext* c, int index, const std::vector<DimensionHandle>& dims) {
  ShapeHandle merged;
  return c->Merge(c->input(index), c->MakeShape(dims), &merged);
}

/// Require x (input 0), natoms (1) and the weights (from 2) to fit the attributes.
Status check_inputs(InferenceContext* c, DimensionHandle* rows, DimensionHandle* columns, std::int64_t* hidden) {
  ShapeHandle x, natoms;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), 2, &x));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(1), 1, &natoms));
  *rows = c->Dim(x, 0), *columns = c->Dim(x, 1), *hidden = 0;
  std::vector<std::int64_t> neuron;
  bool timestep;
  int count;
  TF_RETURN_IF_ERROR(c->GetAttr("neuron", &neuron));
  TF_RETURN_IF_ERROR(c->GetAttr("timestep", &timestep));
  TF_RETURN_IF_ERROR(c->GetAttr("N", &count));
  const int first = 2, end = first + count;
  int at = first, ntypes = 0;
  while (at < end) {
    DimensionHandle before = *columns;
    *hidden = 0;
    for (std::size_t k = 0; k < neuron.size(); ++k) {
      const DimensionHandle width = c->MakeDim(neuron[k]);
      const bool scaled = timestep && k > 0 && neuron[k] == neuron[k - 1];
      if (at + 2 + scaled > end) break;
      TF_RETURN_IF_ERROR(require_shape(c, at++, {before, width}));
      TF_RETURN_IF_ERROR(require_shape(c, at++, {width}));
      if (scaled) TF_RETURN_IF_ERROR(require_shape(c, at++, {width}));
      before = width;
      *hidden += neuron[k];
    }
    if (at + 2 > end)
      return absl::InvalidArgumentError(absl::StrCat("weights: expected the same number for each type, found ", count));
    TF_RETURN_IF_ERROR(require_shape(c, at++, {before, c->MakeDim(1)}));
    TF_RETURN_IF_ERROR(require_shape(c, at++, {c->MakeDim(1)}));
    ++ntypes;
  }
  DimensionHandle unused;
  return c->Merge(c->Dim(natoms, 0), c->MakeDim(2 + ntypes), &unused);
}

Status fitting_shape(InferenceContext* c) {
  DimensionHandle rows, columns;
  std::int64_t hidden;
  TF_RETURN_IF_ERROR(check_inputs(c, &rows, &columns, &hidden));
  c->set_output(0, c->Vector(rows));
  c->set_output(1, c->Matrix(rows, columns));
  c->set_output(2, c->Matrix(rows, hidden));
  return Status();
}

Status fitting_grad_shape(InferenceContext* c) {
  DimensionHandle rows, columns;
  std::int64_t hidden;
  TF_RETURN_IF_ERROR(check_inputs(c, &rows, &columns, &hidden));
  int count, slopes;
  TF_RETURN_IF_ERROR(c->GetAttr("N", &count));
  TF_RETURN_IF_ERROR(c->GetAttr("M", &slopes));
  const int saved = 2 + count;
  TF_RETURN_IF_ERROR(require_shape(c, saved, {rows, c->MakeDim(hidden)}));
  TF_RETURN_IF_ERROR(require_shape(c, saved + 1, {rows}));
  if (slopes > 1) return absl::InvalidArgumentError(absl::StrCat("g_slope: expected at most one, found ", slopes));
  if (slopes == 1) TF_RETURN_IF_ERROR(require_shape(c, saved + 2, {rows, columns}));
  c->set_output(0, c->Matrix(rows, columns));
  for (int k = 0; k < count; ++k) c->set_output(1 + k, c->input(2 + k));
  return Status();
}

}  // namespace

REGISTER_OP("DpFitting")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("N: int >= 2")
    .Attr("neuron: list(int) >= 1")
    .Attr("activation: string")
    .Attr("timestep: bool")
    .Input("x: T")
    .Input("natoms: int32")
    .Input("weights: N * T")
    .Output("energy: T")
    .Output("slope: T")
    .Output("saved: T")
    .SetShapeFn(fitting_shape)
    .Doc(R"doc(
Fitting networks of all atom types, one each, with the derivative: h0 = x; h(k+1) = phi(h(k) matrix + bias), where the
layer is as wide as the one before it times idt (with timestep) and plus h(k); energy = h matrix + bias of the final one.

x: [n, d], n = frames * natoms[0]; in each frame the atoms are sorted by type.
natoms: [2 + ntypes]; natoms[0] atoms a frame, natoms[2+t] of them of type t.
weights: for each type, for each hidden layer matrix [in, out], bias [out] and, where the layer has a time step, idt
  [out]; then matrix [in, 1] and bias [1] of the final layer.
energy: [n].
slope: [n, d], derivative of each energy by its row of x.
saved: [n, sum of neuron], for DpFittingGrad, in an order of its own.
neuron: widths of the hidden layers.
activation: tanh, gelu, gelu_tf, relu, relu6, softplus, sigmoid, silu, silut, silut:TH, linear or none.
timestep: whether layers as wide as the one before have time steps.
)doc");

REGISTER_OP("DpFittingGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Attr("N: int >= 2")
    .Attr("M: int >= 0")
    .Attr("neuron: list(int) >= 1")
    .Attr("activation: string")
    .Attr("timestep: bool")
    .Input("x: T")
    .Input("natoms: int32")
    .Input("weights: N * T")
    .Input("saved: T")
    .Input("g_energy: T")
    .Input("g_slope: M * T")
    .Output("dx: T")
    .Output("dweights: N * T")
    .SetShapeFn(fitting_grad_shape)
    .Doc(R"doc(
Gradient of sum(g_energy * energy) + sum(g_slope * slope) of DpFitting by x and by each weight.

x: as DpFitting, whose attributes this op has too.
natoms: as DpFitting.
weights: as DpFitting.
saved: of DpFitting, of the same x, natoms and weights.
g_energy: [n].
g_slope: [n, d], or nothing (M = 0) for zeros.
dx: [n, d].
dweights: shapes of weights; 0 for a type without atoms.
)doc");

}  // namespace dp_tf
