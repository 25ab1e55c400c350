// Schema, shape functions and documentation of the force ops.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

template <int components>
Status force_shape(InferenceContext* c) {
  DimensionHandle nframes;
  TF_RETURN_IF_ERROR(same_rows(c, 0, 3, &nframes));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(1), 1), c->Dim(c->input(0), 1), 3, "in_deriv"));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(0), 1), c->Dim(c->input(2), 1), components, "net_deriv"));
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(3), 1, &unused));
  c->set_output(0, c->Matrix(nframes, atoms_times(c, 3, 1, 3)));
  return Status();
}

template <int components>
Status force_grad_shape(InferenceContext* c) {
  DimensionHandle nframes;
  TF_RETURN_IF_ERROR(same_rows(c, 0, 4, &nframes));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(2), 1), c->Dim(c->input(1), 1), 3, "in_deriv"));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(1), 1), c->Dim(c->input(3), 1), components, "net_deriv"));
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 1, &unused));
  c->set_output(0, c->Matrix(nframes, c->Dim(c->input(1), 1)));
  return Status();
}

constexpr char kForceDoc[] = R"doc(
Force on each atom from the derivative of the energy by the environment matrix.

F[i] -= sum_c net_deriv[i, c] in_deriv[i, c, :]; the terms of slot k are added to F[nlist[i, k]].

net_deriv: [nframes, nloc*nnei*4]; derivative of the energy by descrpt.
in_deriv: [nframes, nloc*nnei*4*3]; descrpt_deriv of the environment matrix.
nlist: [nframes, nloc*nnei]; neighbours, -1 for an empty slot.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
n_a_sel: number of slots with four components, nnei.
n_r_sel: 0.
force: [nframes, nall*3].
)doc";

}  // namespace

#define DP_FORCE_A(name)                      \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("net_deriv: T")                  \
      .Input("in_deriv: T")                   \
      .Input("nlist: int32")                  \
      .Input("natoms: int32")                 \
      .Attr("n_a_sel: int")                   \
      .Attr("n_r_sel: int")                   \
      .Output("force: T")                     \
      .SetShapeFn(force_shape<4>)                \
      .Doc(kForceDoc)

DP_FORCE_A("ProdForceSeA");
DP_FORCE_A("ProdForceNorot");

REGISTER_OP("ProdForceSeAGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("grad: T")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Attr("n_a_sel: int")
    .Attr("n_r_sel: int")
    .Output("grad_net: T")
    .SetShapeFn(force_grad_shape<4>)
    .Doc(R"doc(
The transpose of ProdForceSeA: grad_net[i, c] = (grad[nlist[i, k]] - grad[i]) . in_deriv[i, c, :] for c in slot k.

grad: [nframes, nall*3], or [nframes, nloc*3]: then a neighbour j >= nloc reads grad[j mod nloc].
grad_net: [nframes, nloc*nnei*4].
)doc");

REGISTER_OP("ProdForceSeR")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("force: T")
    .SetShapeFn(force_shape<1>)
    .Doc(R"doc(
Force on each atom from the derivative of the energy by the radial environment matrix.

As ProdForceSeA, with one component for each slot.

net_deriv: [nframes, nloc*nnei]; derivative of the energy by descrpt.
in_deriv: [nframes, nloc*nnei*3]; descrpt_deriv of the environment matrix.
nlist: [nframes, nloc*nnei]; neighbours, -1 for an empty slot.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
force: [nframes, nall*3].
)doc");

REGISTER_OP("ProdForceSeRGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("grad: T")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("grad_net: T")
    .SetShapeFn(force_grad_shape<1>)
    .Doc(R"doc(
The transpose of ProdForceSeR: grad_net[i, k] = (grad[nlist[i, k]] - grad[i]) . in_deriv[i, k, :].

grad: [nframes, nall*3], or [nframes, nloc*3]: then a neighbour j >= nloc reads grad[j mod nloc].
grad_net: [nframes, nloc*nnei].
)doc");

}  // namespace dp_tf
