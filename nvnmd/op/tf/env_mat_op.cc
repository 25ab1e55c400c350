// Schema, shape function and documentation of the environment matrix ops.
#include <numeric>
#include <vector>

#include "tf/shapes.h"

namespace nvnmd_tf {
namespace {

using absl::Status;
using namespace dp_tf;

/// Numbers per neighbour slot of the outputs, in their order.
constexpr std::int64_t kPerSlot[] = {4, 12, 3, 1, 1, 1};

Status env_mat_shape(InferenceContext* c) {
  DimensionHandle nframes, box_frames;
  TF_RETURN_IF_ERROR(same_rows(c, 0, 2, &nframes));
  TF_RETURN_IF_ERROR(same_rows(c, 3, 4, &box_frames));
  TF_RETURN_IF_ERROR(c->Merge(nframes, box_frames, &nframes));
  TF_RETURN_IF_ERROR(require_multiple(c, c->Dim(c->input(0), 1), c->Dim(c->input(1), 1), 3, "coord"));
  std::vector<std::int32_t> sel;
  TF_RETURN_IF_ERROR(c->GetAttr("sel_a", &sel));
  const std::int64_t nnei = std::accumulate(sel.begin(), sel.end(), std::int64_t{0});
  ShapeHandle unused;
  for (int k : {2, 4}) TF_RETURN_IF_ERROR(c->WithRank(c->input(k), 1, &unused));
  for (int k : {5, 6}) {
    TF_RETURN_IF_ERROR(c->WithRank(c->input(k), 2, &unused));
    DimensionHandle dim;
    TF_RETURN_IF_ERROR(c->WithValue(c->Dim(c->input(k), 1), 4 * nnei, &dim));
  }
  for (int k = 0; k < c->num_outputs(); ++k)
    c->set_output(k, c->Matrix(nframes, atoms_times(c, 2, 0, kPerSlot[k] * nnei)));
  return Status();
}

constexpr char kDoc[] = R"doc(
Environment matrix of each atom for quantised networks: |q|^2 and q of its neighbours, q the distance vector with its
components truncated to 20 fraction bits, and their derivatives.

Neighbours are sorted by (type, distance, index); the block of type t holds sel_a[t] slots, surplus neighbours (the
farthest) are left out and empty slots give 0, and -1 in nlist.

coord: [nframes, nall*3]; positions.
type: [nframes, nall]; below ntypes, negative for a virtual atom: it has no neighbours and rows of zeros.
natoms: [2+ntypes]; nloc, nall and the number of atoms of each type.
box: [nframes, 9]; rows are the lattice vectors; read only with a periodic mesh.
mesh: its length tells where neighbours come from, as of ProdEnvMatA.
davg: [ntypes, nnei*4]; not used.
dstd: [ntypes, nnei*4]; not used.
rcut_a: not used.
rcut_r: cutoff.
rcut_r_smth: not used.
sel_a: [ntypes]; neighbour slots of each type; nnei is their sum.
sel_r: [ntypes]; zeros.
descrpt: [nframes, nloc*nnei*4].
descrpt_deriv: [nframes, nloc*nnei*4*3]; derivative of descrpt by the position of the centre.
rij: [nframes, nloc*nnei*3]; neighbour minus centre, not truncated.
nlist: [nframes, nloc*nnei]; index of the neighbour among the nall atoms.
)doc";

constexpr char kMixDoc[] = R"doc(
ProdEnvMatANvnmdQuantize with neighbours of all types in one block.

coord, type, natoms, box, mesh, davg, dstd: as there; a mesh of length 7 is periodic and one of length 1 is open too.
sel_a: [1]; neighbour slots.
sel_r: [1]; zero.
descrpt, descrpt_deriv, rij, nlist: as there.
ntype: [nframes, nloc*nnei]; type of the neighbour; ntypes for an empty slot.
nmask: [nframes, nloc*nnei]; whether the slot holds a neighbour.
)doc";

}  // namespace

#define NVNMD_ENV_MAT(name)                   \
  REGISTER_OP(name)                           \
      .Attr("T: {float, double} = DT_DOUBLE") \
      .Input("coord: T")                      \
      .Input("type: int32")                   \
      .Input("natoms: int32")                 \
      .Input("box: T")                        \
      .Input("mesh: int32")                   \
      .Input("davg: T")                       \
      .Input("dstd: T")                       \
      .Attr("rcut_a: float")                  \
      .Attr("rcut_r: float")                  \
      .Attr("rcut_r_smth: float")             \
      .Attr("sel_a: list(int)")               \
      .Attr("sel_r: list(int)")               \
      .Output("descrpt: T")                   \
      .Output("descrpt_deriv: T")             \
      .Output("rij: T")                       \
      .Output("nlist: int32")                 \
      .SetShapeFn(env_mat_shape)

NVNMD_ENV_MAT("ProdEnvMatANvnmdQuantize").Doc(kDoc);
NVNMD_ENV_MAT("ProdEnvMatAMixNvnmdQuantize").Output("ntype: int32").Output("nmask: bool").Doc(kMixDoc);

}  // namespace nvnmd_tf
