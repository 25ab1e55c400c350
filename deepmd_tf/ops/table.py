"""Tabulated features of each neighbour, in most ops summed over the real neighbours of each atom.

A table holds value, first and second derivative of ``width`` features at the knots of a grid; in between stands the
quintic polynomial that agrees with all six numbers, beyond the ends a straight line. It is linear in the knots. The
ops have gradients of first and second order by the rows of the environment matrix and by the table: a net that is
evaluated on the knots alone can be trained through them.

The ops are this program's own: graphs that train hold them, frozen models that other programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def table_two_body(rows, nlist, center, empty, table, grid, *, sel, nets, name=None):
    """Environment rows times tabulated features of their first number: x[i, a] = sum_j rows[i, j, a] f(rows[i, j, 0]).

    The sum runs over the slots that hold a neighbour; the empty slots of a type are all equal and are added at once.

    Parameters
    ----------
    rows : tensor [natoms, nnei*4]
        Normalised environment matrix, float32 or float64, natoms = nframes*nloc; slots in the order of their types.
        Gradients of first and second order.
    nlist : int32 tensor [nframes, nloc*nnei]
        Neighbour of each slot; negative where the slot is empty.
    center : int32 tensor [natoms]
        Type of each atom; negative for a virtual atom, whose x is 0.
    empty : tensor [ntypes, ntypes*4]
        Row of an empty slot by type of the centre and of the slot. Has no gradient.
    table : tensor [3*nknots, width]
        Value, first and second derivative of the features at each knot, net after net. Gradients of first order, and
        of second order together with ``rows``.
    grid : float64 tensor [nnets, 8]
        Of each net its first knot, the position x0 of it, and length and number of the intervals of three stretches
        that follow each other from x0 on (number 0: none).
    sel : sequence of int
        Slots of each type.
    nets : sequence of int, ntypes*ntypes
        Row of ``grid`` by type of the centre and of the neighbour; -1: the pair contributes nothing.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    x : tensor [natoms, 4, width]
    outside : int64 tensor []
        Number of real neighbours beyond the knots of their net, where the features go on as straight lines.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree, types out of range or a grid that does not fit the table.
    """
    return _call("dp_table_two_body", rows, nlist, center, empty, table, grid, sel=sel, nets=nets, name=name)


def table_two_rows(rows, nlist, center, empty, table, grid, *, sel, nets, name=None):
    """As :func:`table_two_body` with two rows for each slot, both of which go with the first number of the first row.

    Parameters
    ----------
    rows : tensor [natoms, nnei*8]
    empty : tensor [ntypes, ntypes*8]
    nlist, center, table, grid, sel, nets, name
        As :func:`table_two_body`; raises what that raises.

    Returns
    -------
    x : tensor [natoms, 8, width]
        x[i, a] = sum_j rows[i, j, a] f(rows[i, j, 0]).
    outside : int64 tensor []
        As :func:`table_two_body`.
    """
    return _call("dp_table_two_rows", rows, nlist, center, empty, table, grid, sel=sel, nets=nets, name=name)


def table_radial(rows, nlist, center, empty, table, grid, *, sel, nets, name=None):
    """Sum of tabulated features over the slots of each atom: x[i] = sum_j f(rows[i, j]).

    Parameters
    ----------
    rows : tensor [natoms, nnei]
        Arguments of the features: one number per slot.
    nlist, center, table, grid, sel, nets, name
        As :func:`table_two_body`; raises what that raises.
    empty : tensor [ntypes, ntypes]
        Argument of an empty slot by type of the centre and of the slot. Has no gradient.

    Returns
    -------
    x : tensor [natoms, width]
    outside : int64 tensor []
        As :func:`table_two_body`.
    """
    return _call("dp_table_radial", rows, nlist, center, empty, table, grid, sel=sel, nets=nets, name=name)


def table_three_body(rows, nlist, center, table, grid, *, sel, nets, name=None):
    """Tabulated features of the products of two rows: x[i] = sum_pairs E f(E), E = rows[i, j, 1:4] . rows[i, k, 1:4].

    The sum of the pairs of two types ti <= tj, all ordered pairs and each neighbour with itself, is divided by
    sel[ti] * sel[tj]. Empty slots are left out: they must have E = 0.

    Parameters
    ----------
    rows : tensor [natoms, nnei*4]
        As :func:`table_two_body`; the first number of each row is not read.
    nlist, center, table, grid, sel, name
        As :func:`table_two_body`; raises what that raises.
    nets : sequence of int, ntypes*ntypes
        Row of ``grid`` by the types of both neighbours, the smaller first; -1: the pair contributes nothing.

    Returns
    -------
    x : tensor [natoms, width]
    outside : int64 tensor []
        Number of pairs, each counted once, beyond the knots of their net.
    """
    return _call("dp_table_three_body", rows, nlist, center, table, grid, sel=sel, nets=nets, name=name)


def table_factor(rows, nlist, center, factor, table, grid, *, sel, nets, name=None):
    """As :func:`table_two_body` with a factor: x[i, a] = sum_j rows[i, j, a] f(rows[i, j, 0]) (1 + factor[i, j]).

    A factor has no meaning for all empty slots of a type at once: an empty slot that contributes must be given as a
    neighbour, by any ``nlist`` that is not negative, with its row and its factor.

    Parameters
    ----------
    rows, center, table, grid, sel, nets, name
        As :func:`table_two_body`; raises what that raises. A list that is not ordered by types has one type.
    nlist : int32 tensor [nframes, nloc*nnei]
        Negative for a slot that is skipped.
    factor : tensor [natoms*nnei, width]
        Gradients of first and second order, as ``rows``.

    Returns
    -------
    x : tensor [natoms, 4, width]
    outside : int64 tensor []
        As :func:`table_two_body`.
    """
    return _call("dp_table_factor", rows, nlist, center, factor, table, grid, sel=sel, nets=nets, name=name)


def table_rows(x, net, table, grid, name=None):
    """Tabulated features, row by row: y[r] = f(x[r]), f the net of the row.

    Parameters
    ----------
    x : tensor [nrows]
        Arguments. Gradients of first and second order.
    net : int32 tensor [nrows]
        Row of ``grid``, from 0.
    table, grid, name
        As :func:`table_two_body`.

    Returns
    -------
    y : tensor [nrows, width]
    outside : int64 tensor []
        As :func:`table_two_body`.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree, nets that there are not, or a grid that does not fit the table.
    """
    return op_module().dp_table_rows(x=x, net=net, table=table, grid=grid, name=name)


def _call(op, *inputs, sel, nets, name):
    x, outside = getattr(op_module(), op)(*inputs, sel=list(sel), nets=list(nets), name=name)
    return x, outside
