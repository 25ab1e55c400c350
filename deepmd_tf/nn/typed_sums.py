"""Sums over neighbours, straight from tables, of features of networks that are told the types.

Without attention nothing needs the features one by one. Sums over the neighbours of one type are looked up in the table
of that pair of types; where the types are told by factors, in one table for all of them, and the factors come after:

    X = sum over n of (sum over j of n) R_j N(s_j) + N'(n, c) (sum over j of n) S_j R_j N(s_j),

S the switch, or 1. The rows of an atom stand in its list once for each type, those of other types as empty slots: an
operation on them reads as much as the features of that many numbers would take.
"""

from __future__ import annotations

import numpy as np

from deepmd_tf.nn.nets import ALL
from deepmd_tf.nn.typed import TypedEmbedding
from deepmd_tf.nn.typed_tables import TypedNets
from deepmd_tf.ops.table import table_two_body, table_two_rows
from deepmd_tf.tf1 import tf


class OneNet:
    """The network N of all types, with the interface of tables' makers."""

    def __init__(self, embedding: TypedEmbedding):
        self._embedding, self.keys = embedding, [(ALL, ALL)]
        self.dtype, self.activation_function = embedding.dtype, embedding.activation_function
        self.width = embedding.width

    def jets(self, x):
        """x [1, K] float64 -> value and two derivatives, [1, K, 3, width]."""
        return self._embedding.jet((ALL, ALL), x[0])[None]


def straight_nets(embedding: TypedEmbedding, slots, pairs):
    """The networks to make tables of for :func:`straight_sum`; None where features one by one are the better way.

    ``pairs`` are the types of centre and neighbour that occur.
    """
    columns, all_pairs = 4 * embedding.terms * embedding.ntypes, set(np.ndindex(embedding.ntypes, embedding.ntypes))
    if not slots.alike or columns > embedding.width:
        return None
    if embedding.telling.strip:
        return OneNet(embedding)
    # Each pair needs its table, or a neighbour of a type that only later data have would be lost.
    return TypedNets(embedding, all_pairs) if all_pairs <= set(pairs) else None


def straight_sum(embedding: TypedEmbedding, slots, nets, table, grid) -> tuple:
    """Sum over the rows of an atom of row times features, [n, 4, M] float64, and how many look-ups were beyond."""
    if embedding.telling.strip:
        x, outside = _by_factors(embedding, slots.neighbors, table, grid)
    else:
        x, outside = _by_pairs(slots.neighbors, nets.numbers[:-1, :-1], table, grid)
    if slots.empty is not None:  # a row for each atom needs no table
        x += tf.cast(slots.empty.outer(embedding.rows(slots.empty)), tf.float64)
    return x, outside


def _by_pairs(neighbors, numbers, table, grid) -> tuple:
    """A table for each pair of types, by ``numbers`` [ntypes, ntypes]: a row of slots for each type of neighbours."""
    ntypes, nnei = len(numbers), neighbors.nnei
    rows = tf.tile(tf.reshape(tf.cast(neighbors.rows, tf.float64), [-1, nnei * 4]), [1, ntypes])
    empty, nets = tf.zeros([ntypes, ntypes * 4], tf.float64), numbers.ravel().tolist()
    found, center = _found(neighbors, ntypes), neighbors.center
    return table_two_body(rows, found, center, empty, table, grid, sel=[nnei] * ntypes, nets=nets)


def _by_factors(embedding, neighbors, table, grid) -> tuple:
    """One table: each type of neighbours of an atom as an atom of its own, and the factors come after."""
    rows, ntypes, nnei = tf.cast(neighbors.rows, tf.float64), embedding.ntypes, neighbors.nnei
    op, columns = table_two_body, 4
    if embedding.terms == 2:
        rows = tf.concat([rows, rows * tf.cast(neighbors.switch, tf.float64)[:, :, None]], axis=2)
        op, columns = table_two_rows, 8
    rows = tf.reshape(tf.tile(tf.reshape(rows, [-1, 1, nnei * columns]), [1, ntypes, 1]), [-1, nnei * columns])
    atoms, empty = tf.zeros_like(rows[:, 0], tf.int32), tf.zeros([1, columns], tf.float64)
    x, outside = op(rows, _found(neighbors, ntypes), atoms, empty, table, grid, sel=[nnei], nets=[0])
    parts = tf.unstack(tf.reshape(x, [-1, ntypes, columns // 4, 4, embedding.width]), axis=2)  # [n, ntypes, 4, M]
    factor = tf.gather(tf.cast(embedding.factors_by_center(), tf.float64), neighbors.center)[:, :, None, :]
    return tf.reduce_sum(parts[0] + factor * parts[-1], axis=1), outside


def _found(neighbors, ntypes: int):
    """0 where a slot holds a neighbour of a type, -1 elsewhere: [1, n*ntypes*nnei], the types of an atom in order."""
    found = neighbors.live[:, None] & tf.equal(neighbors.neighbor[:, None], np.arange(ntypes, dtype=np.int32)[:, None])
    return tf.reshape(tf.cast(found, tf.int32) - 1, [1, -1])
