// Schema, shape functions and documentation of the descriptor in one op.
#include "tf/shapes.h"

namespace nvnmd_tf {
namespace {

using absl::Status;
using namespace dp_tf;

constexpr std::int64_t kNodes = 128;

Status slots_of(InferenceContext* c, std::int64_t* slots) {
  std::vector<std::int64_t> sel;
  TF_RETURN_IF_ERROR(c->GetAttr("sel", &sel));
  *slots = 0;
  for (std::int64_t n : sel) *slots += n;
  return *slots > 0 ? Status() : absl::InvalidArgumentError("sel: expected at least one slot");
}

/// Numbers of frames and of atoms of a frame, from nlist.
Status sizes(InferenceContext* c, int nlist, DimensionHandle* nframes, DimensionHandle* nloc) {
  std::int64_t slots = 0;
  TF_RETURN_IF_ERROR(slots_of(c, &slots));
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(nlist), 2, &shape));
  *nframes = c->Dim(shape, 0);
  *nloc = c->UnknownDim();
  return c->ValueKnown(c->Dim(shape, 1)) ? c->Divide(c->Dim(shape, 1), slots, true, nloc) : Status();
}

Status nodes_shape(InferenceContext* c) {
  DimensionHandle nframes, nloc, width;
  TF_RETURN_IF_ERROR(sizes(c, c->num_inputs() - 10, &nframes, &nloc));
  TF_RETURN_IF_ERROR(c->Multiply(nloc, kNodes, &width));
  c->set_output(0, c->Matrix(nframes, width));
  return Status();
}

Status rows_shape(InferenceContext* c) {
  DimensionHandle width;
  TF_RETURN_IF_ERROR(c->Multiply(c->Dim(c->input(2), 1), 4, &width));
  c->set_output(0, c->Matrix(c->Dim(c->input(2), 0), width));
  return Status();
}

}  // namespace

#define NVNMD_NEIGHBORS_AND_TABLES                                                                  \
  Input("rows: double")                                                                             \
      .Input("nlist: int32")                                                                        \
      .Input("type: int32")                                                                         \
      .Input("u_groups: double")                                                                    \
      .Input("s_groups: double")                                                                    \
      .Input("switches: double")                                                                    \
      .Input("switch_slopes: double")                                                               \
      .Input("features: double")                                                                    \
      .Input("feature_slopes: double")                                                              \
      .Input("scales: double")                                                                      \
      .Input("factors: double")                                                                     \
      .Attr("sel: list(int) >= 1")                                                                  \
      .Attr("scale: float")

REGISTER_OP("DpNvnmdDescriptor")
    .NVNMD_NEIGHBORS_AND_TABLES
    .Output("d: double")
    .SetShapeFn(nodes_shape)
    .Doc(R"doc(
The descriptor of the quantised networks before it is brought to 23 fraction bits: to the bit what the ops of the format
compute one after the other. S slots in all, T types; N is T in version 0 of the device, 1 in version 1. The tables are
not trained and have no gradient.

rows: [nframes, nloc*S*4]; |q|^2 and q of the neighbours, as ProdEnvMatANvnmdQuantize and its like write them.
nlist: [nframes, nloc*S]; the neighbour of each slot, -1 where it is empty.
type: [nframes, nall]; negative for virtual atoms, whose descriptor is 0.
u_groups: [5]; table_info of the switches.
s_groups: [10]; table_info of the features.
switches: [N, 512, 4, 2]; coefficients of s and h by u, those of the highest power first.
switch_slopes: [N, 512, 4, 2]; of their derivatives.
features: [N, 512, 4, 32]; coefficients of the features by s.
feature_slopes: [N, 512, 4, 32]; of their derivatives.
scales: [T, 2]; factors of s and h by the type of the centre in version 1, [0, 2] in version 0.
factors: [T, T, 32]; factors of the features by the types of centre and neighbour in version 1, [0, 0, 32] in version 0.
sel: slots by type of neighbours in version 0, of all types in version 1.
scale: of the sums over neighbours.
d: [nframes, nloc*128].
)doc");

REGISTER_OP("DpNvnmdDescriptorGrad")
    .Input("dd: double")
    .NVNMD_NEIGHBORS_AND_TABLES
    .Output("drows: double")
    .SetShapeFn(rows_shape)
    .Doc(R"doc(
What the device makes of the derivative dd of the energy by the descriptor for the forces: the derivative by the rows.

dd: [nframes, nloc*128].
drows: [nframes, nloc*S*4]; 0 in empty slots.
)doc");

REGISTER_OP("DpNvnmdDescriptorGradGrad")
    .Input("h: double")
    .NVNMD_NEIGHBORS_AND_TABLES
    .Output("ddd: double")
    .SetShapeFn(nodes_shape)
    .Doc(R"doc(
The gradient of DpNvnmdDescriptorGrad by dd, as if that were exact: linear in dd, without truncation.

h: [nframes, nloc*S*4]; derivative by drows.
ddd: [nframes, nloc*128].
)doc");

}  // namespace nvnmd_tf
