// Schema, shape functions and documentation of the table ops.
#include "tf/table_shapes.h"

namespace dp_tf {
namespace {

using absl::Status;

template <int kNumbers, int kParts, bool kEmpty>
Status sum_shape(InferenceContext* c) {
  TableShapes shapes;
  TF_RETURN_IF_ERROR(read_table(c, kNumbers, kEmpty ? "empty" : nullptr, &shapes));
  c->set_output(0, table_x_shape(c, shapes, kParts));
  c->set_output(1, c->Scalar());
  return Status();
}

template <int kNumbers, int kParts, bool kEmpty>
Status grad_shape(InferenceContext* c) {
  TableShapes shapes;
  TF_RETURN_IF_ERROR(read_table(c, kNumbers, kEmpty ? "empty" : nullptr, &shapes));
  ShapeHandle dx;
  TF_RETURN_IF_ERROR(join(c, kEmpty ? 6 : 5, table_x_shape(c, shapes, kParts), &dx));
  c->set_output(0, c->Matrix(c->Dim(dx, 0), shapes.columns));
  c->set_output(1, c->Matrix(shapes.nrows, c->Dim(dx, kParts == 1 ? 1 : 2)));
  return Status();
}

template <int kNumbers, int kParts, bool kEmpty>
Status grad_grad_shape(InferenceContext* c) {
  TableShapes shapes;
  TF_RETURN_IF_ERROR(read_table(c, kNumbers, kEmpty ? "empty" : nullptr, &shapes));
  ShapeHandle dx, ddrows;
  TF_RETURN_IF_ERROR(join(c, kEmpty ? 6 : 5, table_x_shape(c, shapes, kParts), &dx));
  TF_RETURN_IF_ERROR(join(c, kEmpty ? 7 : 6, c->Matrix(shapes.natoms, shapes.columns), &ddrows));
  c->set_output(0, dx);
  c->set_output(1, c->Matrix(shapes.nrows, c->Dim(dx, kParts == 1 ? 1 : 2)));
  c->set_output(2, ddrows);
  return Status();
}

}  // namespace

REGISTER_OP("DpTableTwoBody")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Output("x: T")
    .Output("outside: int64")
    .SetShapeFn((sum_shape<4, 4, true>))
    .Doc(R"doc(
Environment matrix times tabulated features of its first column, over the real neighbours of each atom:
x[i, a, :] = sum over found slots j of rows[i, j, a] f(rows[i, j, 0])
           + sum over neighbour types t of (empty slots of t) empty[center[i], t, a] f(empty[center[i], t, 0]),
f the net nets[center[i] * ntypes + type of the slot].

f is a quintic Hermite interpolation: on each interval of the grid the polynomial that agrees with value, first and
second derivative at both ends. Outside of the grid it goes on as a straight line.

rows: [natoms, nnei*4]; slots in the order of the neighbour types.
nlist: [nframes, nloc*nnei]; negative for an empty slot, which may stand anywhere in the block of its type.
center: [natoms]; type of the atom; negative for a virtual atom: its x is 0.
empty: [ntypes, ntypes*4]; row of an empty slot by type of the centre and of the slot. Has no gradient.
table: [3*nknots, width]; value, first and second derivative at each knot, net after net.
grid: [nnets, 8]; first knot of the net, x0, then length and number of the intervals of three stretches one after the
  other from x0 on (0 intervals: none).
sel: slots of each type.
nets: [ntypes*ntypes]; row of grid by type of the centre and of the neighbour; -1: the pair contributes nothing.
x: [natoms, 4, width].
outside: number of real neighbours whose rows[i, j, 0] lies outside of the grid of its net, by more than 1e-5 of its
  first interval: a neighbour at the cutoff has the number of an empty slot but for rounding.
)doc");

REGISTER_OP("DpTableTwoBodyGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Output("drows: T")
    .Output("dtable: T")
    .SetShapeFn((grad_shape<4, 4, true>))
    .Doc(R"doc(
Derivatives of the scalar product of dx with x of DpTableTwoBody, whose inputs it takes.

dx: [natoms, 4, width].
drows: [natoms, nnei*4]; the whole derivative, that of f in component 0; 0 for empty slots.
dtable: [3*nknots, width]; the empty slots contribute to it.
)doc");

REGISTER_OP("DpTableTwoBodyGradGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Input("ddrows: T")
    .Output("ddx: T")
    .Output("dtable: T")
    .Output("drows: T")
    .SetShapeFn((grad_grad_shape<4, 4, true>))
    .Doc(R"doc(
Derivatives of the scalar product of ddrows with drows of DpTableTwoBodyGrad, whose inputs it takes.

ddrows: [natoms, nnei*4].
ddx: [natoms, 4, width].
dtable: [3*nknots, width].
drows: [natoms, nnei*4].
)doc");

REGISTER_OP("DpTableTwoRows")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Output("x: T")
    .Output("outside: int64")
    .SetShapeFn((sum_shape<8, 8, true>))
    .Doc(R"doc(
DpTableTwoBody with eight numbers for each slot, two rows of which both are multiplied by the features of the first
number of the first row.

rows: [natoms, nnei*8].
empty: [ntypes, ntypes*8].
x: [natoms, 8, width].
)doc");

REGISTER_OP("DpTableTwoRowsGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Output("drows: T")
    .Output("dtable: T")
    .SetShapeFn((grad_shape<8, 8, true>))
    .Doc(R"doc(
Derivatives of the scalar product of dx with x of DpTableTwoRows, as DpTableTwoBodyGrad.

dx: [natoms, 8, width].
drows: [natoms, nnei*8].
)doc");

REGISTER_OP("DpTableTwoRowsGradGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Input("ddrows: T")
    .Output("ddx: T")
    .Output("dtable: T")
    .Output("drows: T")
    .SetShapeFn((grad_grad_shape<8, 8, true>))
    .Doc(R"doc(
Derivatives of the scalar product of ddrows with drows of DpTableTwoRowsGrad, as DpTableTwoBodyGradGrad.

ddrows: [natoms, nnei*8].
ddx: [natoms, 8, width].
drows: [natoms, nnei*8].
)doc");

REGISTER_OP("DpTableRadial")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Output("x: T")
    .Output("outside: int64")
    .SetShapeFn((sum_shape<1, 1, true>))
    .Doc(R"doc(
Sum of tabulated features over the slots of each atom, real neighbours one by one and empty slots all together:
x[i, :] = sum over found slots j of f(rows[i, j])
        + sum over neighbour types t of (empty slots of t) f(empty[center[i], t]).

The other inputs, attributes and outputs are those of DpTableTwoBody.

rows: [natoms, nnei].
empty: [ntypes, ntypes]; argument of an empty slot by type of the centre and of the slot. Has no gradient.
x: [natoms, width].
)doc");

REGISTER_OP("DpTableRadialGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Output("drows: T")
    .Output("dtable: T")
    .SetShapeFn((grad_shape<1, 1, true>))
    .Doc(R"doc(
Derivatives of the scalar product of dx with x of DpTableRadial, whose inputs it takes.

dx: [natoms, width].
drows: [natoms, nnei]; 0 for empty slots.
dtable: [3*nknots, width]; the empty slots contribute to it.
)doc");

REGISTER_OP("DpTableRadialGradGrad")
    .DP_TABLE_INPUTS(.Input("empty: T"))
    .Input("dx: T")
    .Input("ddrows: T")
    .Output("ddx: T")
    .Output("dtable: T")
    .Output("drows: T")
    .SetShapeFn((grad_grad_shape<1, 1, true>))
    .Doc(R"doc(
Derivatives of the scalar product of ddrows with drows of DpTableRadialGrad, whose inputs it takes.

ddrows: [natoms, nnei].
ddx: [natoms, width].
dtable: [3*nknots, width].
drows: [natoms, nnei].
)doc");

REGISTER_OP("DpTableThreeBody")
    .DP_TABLE_INPUTS()
    .Output("x: T")
    .Output("outside: int64")
    .SetShapeFn((sum_shape<4, 1, false>))
    .Doc(R"doc(
Tabulated features of the angle between two neighbours, over the pairs of real neighbours of each atom:
x[i, :] = sum over types ti <= tj of 1 / (sel[ti] sel[tj]) sum over found slots j of ti and k of tj of E f(E),
E = rows[i, j, 1:4] . rows[i, k, 1:4], f the net nets[ti * ntypes + tj]; all ordered pairs, j = k as well.

The other inputs and attributes are those of DpTableTwoBody. An empty slot must have E = 0.

rows: [natoms, nnei*4]; the first number of a row is not read.
center: [natoms]; negative for a virtual atom: its x is 0. Its type does not matter otherwise.
nets: [ntypes*ntypes]; row of grid by the types of both neighbours, the smaller first; -1: contributes nothing.
x: [natoms, width].
outside: number of pairs, each counted once, whose E lies outside of the grid of its net.
)doc");

REGISTER_OP("DpTableThreeBodyGrad")
    .DP_TABLE_INPUTS()
    .Input("dx: T")
    .Output("drows: T")
    .Output("dtable: T")
    .SetShapeFn((grad_shape<4, 1, false>))
    .Doc(R"doc(
Derivatives of the scalar product of dx with x of DpTableThreeBody, whose inputs it takes.

dx: [natoms, width].
drows: [natoms, nnei*4]; 0 for empty slots and for the first number of each row.
dtable: [3*nknots, width].
)doc");

REGISTER_OP("DpTableThreeBodyGradGrad")
    .DP_TABLE_INPUTS()
    .Input("dx: T")
    .Input("ddrows: T")
    .Output("ddx: T")
    .Output("dtable: T")
    .Output("drows: T")
    .SetShapeFn((grad_grad_shape<4, 1, false>))
    .Doc(R"doc(
Derivatives of the scalar product of ddrows with drows of DpTableThreeBodyGrad, whose inputs it takes.

ddrows: [natoms, nnei*4].
ddx: [natoms, width].
dtable: [3*nknots, width].
drows: [natoms, nnei*4].
)doc");

}  // namespace dp_tf
