// Schema, shape functions and documentation of the virial ops.
#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Check net_deriv, in_deriv, rij, nlist, natoms, which stand in a row from input `first` on.
Status check_row_inputs(InferenceContext* c, int first, int components, DimensionHandle* nframes) {
  TF_RETURN_IF_ERROR(same_rows(c, first, first + 4, nframes));
  const DimensionHandle slots = c->Dim(c->input(first + 3), 1);
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(first), 1), slots, components, "net_deriv"));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(first + 1), 1), slots, 3 * components, "in_deriv"));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(first + 2), 1), slots, 3, "rij"));
  ShapeHandle unused;
  return c->WithRank(c->input(first + 4), 1, &unused);
}

template <int components>
Status virial_shape(InferenceContext* c) {
  DimensionHandle nframes;
  TF_RETURN_IF_ERROR(check_row_inputs(c, 0, components, &nframes));
  c->set_output(0, c->Matrix(nframes, 9));
  c->set_output(1, c->Matrix(nframes, atoms_times(c, 4, 1, 9)));
  return Status();
}

template <int components>
Status virial_grad_shape(InferenceContext* c) {
  DimensionHandle nframes, grad_frames, nine;
  TF_RETURN_IF_ERROR(check_row_inputs(c, 1, components, &nframes));
  TF_RETURN_IF_ERROR(same_rows(c, 0, 1, &grad_frames));
  TF_RETURN_IF_ERROR(c->Merge(nframes, grad_frames, &nframes));
  TF_RETURN_IF_ERROR(c->WithValue(c->Dim(c->input(0), 1), 9, &nine));
  c->set_output(0, c->Matrix(nframes, c->Dim(c->input(1), 1)));
  return Status();
}

constexpr char kVirialDoc[] = R"doc(
Virial from the derivative of the energy by the environment matrix.

virial[d, e] = sum over slots of f[d] rij[e], f being the force on the slot's neighbour, whose atom_virial gets the term.

net_deriv: [nframes, nloc*nnei*4]; derivative of the energy by descrpt.
in_deriv: [nframes, nloc*nnei*4*3]; descrpt_deriv of the environment matrix.
rij: [nframes, nloc*nnei*3]; neighbour minus centre.
nlist: [nframes, nloc*nnei]; neighbours, -1 for an empty slot.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
n_a_sel: number of slots with four components, nnei.
n_r_sel: 0.
virial: [nframes, 9].
atom_virial: [nframes, nall*9]; not computed when nothing reads it.
)doc";

}  // namespace

#define DP_VIRIAL_A(name)                     \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("net_deriv: T")                  \
      .Input("in_deriv: T")                   \
      .Input("rij: T")                        \
      .Input("nlist: int32")                  \
      .Input("natoms: int32")                 \
      .Attr("n_a_sel: int")                   \
      .Attr("n_r_sel: int")                   \
      .Output("virial: T")                    \
      .Output("atom_virial: T")               \
      .SetShapeFn(virial_shape<4>)            \
      .Doc(kVirialDoc)

DP_VIRIAL_A("ProdVirialSeA");
DP_VIRIAL_A("ProdVirialNorot");

REGISTER_OP("ProdVirialSeAGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("grad: T")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("rij: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Attr("n_a_sel: int")
    .Attr("n_r_sel: int")
    .Output("grad_net: T")
    .SetShapeFn(virial_grad_shape<4>)
    .Doc(R"doc(
The transpose of ProdVirialSeA: grad_net[i, c] = sum_de grad[d, e] in_deriv[i, c, d] rij[i, k, e] for c in slot k.

grad: [nframes, 9]; gradient by the virial.
grad_net: [nframes, nloc*nnei*4].
)doc");

REGISTER_OP("ProdVirialSeR")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("rij: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("virial: T")
    .Output("atom_virial: T")
    .SetShapeFn(virial_shape<1>)
    .Doc(R"doc(
Virial from the derivative of the energy by the radial environment matrix.

As ProdVirialSeA, with one component for each slot.

net_deriv: [nframes, nloc*nnei]; derivative of the energy by descrpt.
in_deriv: [nframes, nloc*nnei*3]; descrpt_deriv of the environment matrix.
rij: [nframes, nloc*nnei*3]; neighbour minus centre.
nlist: [nframes, nloc*nnei]; neighbours, -1 for an empty slot.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
virial: [nframes, 9].
atom_virial: [nframes, nall*9]; not computed when nothing reads it.
)doc");

REGISTER_OP("ProdVirialSeRGrad")
    .Attr("T: {float, double} = DT_DOUBLE")
    .Input("grad: T")
    .Input("net_deriv: T")
    .Input("in_deriv: T")
    .Input("rij: T")
    .Input("nlist: int32")
    .Input("natoms: int32")
    .Output("grad_net: T")
    .SetShapeFn(virial_grad_shape<1>)
    .Doc(R"doc(
The transpose of ProdVirialSeR: grad_net[i, k] = sum_de grad[d, e] in_deriv[i, k, d] rij[i, k, e].

grad: [nframes, 9]; gradient by the virial.
grad_net: [nframes, nloc*nnei].
)doc");

}  // namespace dp_tf
