// Schema, shape functions and documentation of force and virial in one pass.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Check net_deriv (where there is one), in_deriv, rij, nlist, natoms, which stand in a row and end at input `last`.
Status check_rows(InferenceContext* c, int last, bool net, DimensionHandle* nframes) {
  TF_RETURN_IF_ERROR(same_rows(c, last - (net ? 4 : 3), last, nframes));
  const DimensionHandle slots = c->Dim(c->input(last - 1), 1);
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(last - 2), 1), slots, 3, "rij"));
  if (net)
    TF_RETURN_IF_ERROR(
        require_multiple(c, c->Dim(c->input(last - 3), 1), c->Dim(c->input(last - 4), 1), 3, "in_deriv"));
  ShapeHandle unused;
  return c->WithRank(c->input(last), 1, &unused);
}

Status force_virial_shape(InferenceContext* c) {
  DimensionHandle nframes;
  TF_RETURN_IF_ERROR(check_rows(c, 4, true, &nframes));
  c->set_output(0, c->Matrix(nframes, atoms_times(c, 4, 1, 3)));
  c->set_output(1, c->Matrix(nframes, 9));
  c->set_output(2, c->Matrix(nframes, atoms_times(c, 4, 1, 9)));
  return Status();
}

Status force_virial_grad_shape(InferenceContext* c) {
  DimensionHandle nframes, grad_frames, nine, columns;
  TF_RETURN_IF_ERROR(check_rows(c, 5, false, &nframes));
  TF_RETURN_IF_ERROR(same_rows(c, 0, 2, &grad_frames));
  TF_RETURN_IF_ERROR(c->Merge(nframes, grad_frames, &nframes));
  TF_RETURN_IF_ERROR(c->WithValue(c->Dim(c->input(1), 1), 9, &nine));
  TF_RETURN_IF_ERROR(c->Divide(c->Dim(c->input(2), 1), 3, true, &columns));
  c->set_output(0, c->Matrix(nframes, columns));
  return Status();
}

}  // namespace

REGISTER_OP("DpForceVirial")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("rij: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("force: T")
    .Output("virial: T")
    .Output("atom_virial: T")
    .SetShapeFn(force_virial_shape)
    .Doc(R"doc(
Force and virial from the derivative of the energy by the environment matrix, in one pass over its derivative.

The results of ProdForceSeA and ProdVirialSeA, or of ProdForceSeR and ProdVirialSeR: C, the number of components of a
slot, is 4 or 1, as the columns of net_deriv say.

net_deriv: [nframes, nloc*nnei*C]; derivative of the energy by descrpt.
in_deriv: [nframes, nloc*nnei*C*3]; descrpt_deriv of the environment matrix.
rij: [nframes, nloc*nnei*3]; neighbour minus centre.
nlist: [nframes, nloc*nnei]; neighbours, -1 for an empty slot.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
force: [nframes, nall*3].
virial: [nframes, 9].
atom_virial: [nframes, nall*9]; what nothing reads is not computed.
)doc");

REGISTER_OP("DpForceVirialGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("grad_force: T")
    .Input("grad_virial: T")
    .Input("in_deriv: T")
    .Input("rij: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("grad_net: T")
    .SetShapeFn(force_virial_grad_shape)
    .Doc(R"doc(
The transpose of force and virial of DpForceVirial.

grad_net[i, c] = (grad_force[j] - grad_force[i] + grad_virial rij[i, k]) . in_deriv[i, c, :] for c in slot k with
neighbour j.

grad_force: [nframes, nall*3]; gradient by the force.
grad_virial: [nframes, 9]; gradient by the virial.
grad_net: [nframes, nloc*nnei*C].
)doc");

}  // namespace dp_tf
