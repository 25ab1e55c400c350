"""The descriptor of the quantised networks as one op, several times faster than the ops of the format in a row.

The op is this program's own: graphs that train hold it, frozen models that other programs read do not. To the bit it
computes what those ops do, and so does its gradient, from which forces are made. The gradient of that, which training
alone needs, is without truncation. There is none by the tables, nor by the rows of the gradient: no loss asks for it.
"""

from __future__ import annotations

from deepmd_tf.tf1 import tf
from nvnmd.ops.library import op_module


def descriptor_at_once(rows, nlist, atype, switches, features, scales, factors, *, sel, scale: float, name=None):
    """Descriptor of atoms before it is brought to 23 fraction bits; T is the number of types.

    Parameters
    ----------
    rows : tensor [nf, nloc*nnei*4]
        |q|^2 and q of the neighbours, Å^2 and Å, see :mod:`nvnmd.ops.env_mat`.
    nlist : int32 tensor [nf, nloc*nnei]
        -1 where a slot is empty.
    atype : int32 tensor [nf, nall]
        Negative for virtual atoms, whose descriptor is 0.
    switches, features : list of table, gradient and grid
        Of s and h by u, and of the features by s: for each type in version 0, one in version 1; see
        :func:`nvnmd.ops.arithmetic.map_table`.
    scales : tensor [T, 2]
        Factors of s and h by type of the centre; [0, 2] in version 0.
    factors : tensor [T, T, 32]
        Factors of the features by types of centre and neighbour; [0, 0, 32] in version 0.
    sel : sequence of int
        Slots by type of neighbours, one for all in version 1.
    scale : float
        Factor of the sums over neighbours, a power of two.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [nf, nloc*128]

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes, types or tables that do not fit.
    """
    grids = [tables[0][2] for tables in (switches, features)]
    coefficients = [_by_power([entry[k] for entry in tables]) for tables in (switches, features) for k in (0, 1)]
    return op_module().dp_nvnmd_descriptor(
        rows, nlist, atype, *grids, *coefficients, scales, factors, sel=list(sel), scale=scale, name=name
    )


def descriptor_grad(op, grad):
    """The gradient of the op by its rows."""
    return op_module().dp_nvnmd_descriptor_grad(grad, *op.inputs, **_attributes(op))


def descriptor_grad_grad(op, grad):
    """The gradient of that by what it was given."""
    return op_module().dp_nvnmd_descriptor_grad_grad(grad, *op.inputs[1:], **_attributes(op))


def _attributes(op) -> dict:
    return {name: op.get_attr(name) for name in ("sel", "scale")}


def _by_power(tables):
    """Coefficients with those of all channels side by side: N tensors [R, 4*C] -> [N, R, 4, C]."""
    rows, width = tables[0].shape.as_list()
    return tf.transpose(tf.reshape(tf.stack(tables), [-1, rows, width // 4, 4]), [0, 1, 3, 2])
