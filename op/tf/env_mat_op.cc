// Schema, shape function and documentation of the environment matrix op.
#include <algorithm>
#include <numeric>
#include <vector>

#include "tf/shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

/// Number of types that natoms tells, as far as its shape is known.
DimensionHandle types_of_natoms(InferenceContext* c) {
  const DimensionHandle length = c->Dim(c->input(2), 0);
  return c->ValueKnown(length) ? c->MakeDim(std::max<std::int64_t>(c->Value(length) - 2, 0)) : c->UnknownDim();
}

/// `components` numbers in a row; the attribute `sel_name` holds the slots of each type, or with `mixed` of all.
Status env_mat_shape(InferenceContext* c, std::int64_t components, const char* sel_name, bool mixed) {
  DimensionHandle nframes, box_frames;
  TF_RETURN_IF_ERROR(same_rows(c, 0, 2, &nframes));
  TF_RETURN_IF_ERROR(same_rows(c, 3, 4, &box_frames));
  TF_RETURN_IF_ERROR(c->Merge(nframes, box_frames, &nframes));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(0), 1), c->Dim(c->input(1), 1), 3, "coord"));
  ShapeHandle unused;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(2), 1, &unused));
  TF_RETURN_IF_ERROR(c->WithRank(c->input(4), 1, &unused));
  std::vector<std::int32_t> sel;
  TF_RETURN_IF_ERROR(c->GetAttr(sel_name, &sel));
  const std::int64_t nnei = std::accumulate(sel.begin(), sel.end(), std::int64_t{0});
  const DimensionHandle ntypes = mixed ? types_of_natoms(c) : c->MakeDim(static_cast<std::int64_t>(sel.size()));
  for (int k : {5, 6}) {
    TF_RETURN_IF_ERROR(c->WithRank(c->input(k), 2, &unused));
    DimensionHandle dim;
    TF_RETURN_IF_ERROR(c->Merge(c->Dim(c->input(k), 0), ntypes, &dim));
    TF_RETURN_IF_ERROR(c->WithValue(c->Dim(c->input(k), 1), components * nnei, &dim));
  }
  const std::int64_t per_atom[] = {components * nnei, 3 * components * nnei, 3 * nnei, nnei, nnei, nnei};
  for (int k = 0; k < c->num_outputs(); ++k)
    c->set_output(k, c->Matrix(nframes, atoms_times(c, 2, 0, per_atom[k])));
  return Status();
}

Status env_mat_a_shape(InferenceContext* c) { return env_mat_shape(c, 4, "sel_a", false); }
Status env_mat_a_mix_shape(InferenceContext* c) { return env_mat_shape(c, 4, "sel_a", true); }
Status env_mat_r_shape(InferenceContext* c) { return env_mat_shape(c, 1, "sel", false); }

constexpr char kDoc[] = R"doc(
Environment matrix of each atom: rows s(r) (1, x/r, y/r, z/r) of its neighbours, shifted and scaled, and its derivative.

Neighbours are sorted by (type, distance, index); the block of type t holds sel_a[t] slots, surplus neighbours (the
farthest) are left out and empty slots give -davg/dstd in descrpt, 0 in descrpt_deriv and rij, -1 in nlist.
s(r) = S(r)/r with S falling from 1 at rcut_r_smth to 0 at rcut_r as u^3 (-6 u^2 + 15 u - 10) + 1.

coord: [nframes, nall*3]; positions.
type: [nframes, nall]; below ntypes, negative for a virtual atom: it has no neighbours and a row of zeros.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
box: [nframes, 9]; rows are the lattice vectors; read only with a mesh of length 6.
mesh: its length tells where neighbours come from. 0: search, open boundaries. 6: search, periodic (nall == nloc).
  Above 16: list by value, words [0] nloc, [16..) centres [nloc], counts [nloc], neighbours row after row.
  16: list by address, word [1] rows, bytes of words [4..8) int* centres, [8..12) int* counts, [12..16) int** neighbours.
davg: [ntypes, nnei*4]; mean by type of the centre.
dstd: [ntypes, nnei*4]; scale by type of the centre.
rcut_a: not used; graphs write -1.
rcut_r: cutoff.
rcut_r_smth: where the switch starts.
sel_a: [ntypes]; neighbour slots of each type; nnei is their sum.
sel_r: [ntypes]; zeros.
descrpt: [nframes, nloc*nnei*4].
descrpt_deriv: [nframes, nloc*nnei*4*3]; derivative of descrpt by the position of the centre.
rij: [nframes, nloc*nnei*3]; neighbour minus centre.
nlist: [nframes, nloc*nnei]; index of the neighbour among the nall atoms.
)doc";

constexpr char kMixDoc[] = R"doc(
Environment matrix of each atom with neighbours of all types in one block of slots, for frames of mixed types.

ProdEnvMatA with neighbours sorted by (distance, index) instead of (type, distance, index); types may differ from frame
to frame.

coord, type, natoms, box: as ProdEnvMatA; the number of types is that of natoms.
mesh: as ProdEnvMatA; length 1 is open as 0 is, and length 7 periodic as 6 is.
davg: [ntypes, nnei*4]; mean by type of the centre.
dstd: [ntypes, nnei*4]; scale by type of the centre.
rcut_a, rcut_r, rcut_r_smth: as ProdEnvMatA.
sel_a: [1]; neighbour slots nnei.
sel_r: [1]; zero.
descrpt, descrpt_deriv, rij, nlist: as ProdEnvMatA.
ntype: [nframes, nloc*nnei]; type of the neighbour; ntypes for an empty slot.
nmask: [nframes, nloc*nnei]; whether the slot holds a neighbour.
)doc";

constexpr char kRadialDoc[] = R"doc(
Radial environment matrix of each atom: s(r) of its neighbours, shifted and scaled, and its derivative.

The first component of ProdEnvMatA: neighbours, slots and s(r) are as there.

coord, type, natoms, box, mesh: as ProdEnvMatA.
davg: [ntypes, nnei]; mean by type of the centre.
dstd: [ntypes, nnei]; scale by type of the centre.
rcut: cutoff.
rcut_smth: where the switch starts.
sel: [ntypes]; neighbour slots of each type; nnei is their sum.
descrpt: [nframes, nloc*nnei].
descrpt_deriv: [nframes, nloc*nnei*3]; derivative of descrpt by the position of the centre.
rij: [nframes, nloc*nnei*3]; neighbour minus centre.
nlist: [nframes, nloc*nnei]; index of the neighbour among the nall atoms.
)doc";

}  // namespace

#define DP_ENV_MAT_A(name)                 \
  REGISTER_OP(name)                        \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("coord: T")                   \
      .Input("type: int32")                \
      .Input("natoms: int32")              \
      .Input("box: T")                     \
      .Input("mesh: int32")                \
      .Input("davg: T")                    \
      .Input("dstd: T")                    \
      .Attr("rcut_a: float")               \
      .Attr("rcut_r: float")               \
      .Attr("rcut_r_smth: float")          \
      .Attr("sel_a: list(int)")            \
      .Attr("sel_r: list(int)")            \
      .Output("descrpt: T")                \
      .Output("descrpt_deriv: T")          \
      .Output("rij: T")                    \
      .Output("nlist: int32")

DP_ENV_MAT_A("ProdEnvMatA").SetShapeFn(env_mat_a_shape).Doc(kDoc);
// These names occur in graphs of the years before ProdEnvMatA.
DP_ENV_MAT_A("DescrptSeA").SetShapeFn(env_mat_a_shape).Doc(kDoc);
DP_ENV_MAT_A("DescrptNorot").SetShapeFn(env_mat_a_shape).Doc(kDoc);
DP_ENV_MAT_A("ProdEnvMatAMix")
    .Output("ntype: int32")
    .Output("nmask: bool")
    .SetShapeFn(env_mat_a_mix_shape)
    .Doc(kMixDoc);

#define DP_ENV_MAT_R(name)                    \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("coord: T")                      \
      .Input("type: int32")                   \
      .Input("natoms: int32")                 \
      .Input("box: T")                        \
      .Input("mesh: int32")                   \
      .Input("davg: T")                       \
      .Input("dstd: T")                       \
      .Attr("rcut: float")                    \
      .Attr("rcut_smth: float")               \
      .Attr("sel: list(int)")                 \
      .Output("descrpt: T")                   \
      .Output("descrpt_deriv: T")             \
      .Output("rij: T")                       \
      .Output("nlist: int32")                 \
      .SetShapeFn(env_mat_r_shape)            \
      .Doc(kRadialDoc)

DP_ENV_MAT_R("ProdEnvMatR");
DP_ENV_MAT_R("DescrptSeR");

}  // namespace dp_tf
