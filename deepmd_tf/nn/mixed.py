"""Neighbours of all types in one list: what networks that are told the types see of them.

Two layouts have the same interface: all slots, in stock TensorFlow, for graphs that other programs read; and the slots
that hold a neighbour, with operations of our own. The rows of either are what the networks are evaluated for.
"""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.attention import Gate, attend_slots, residual_norm_by_layers
from deepmd_tf.nn.linear import DenseLayer, side_by_side
from deepmd_tf.ops.attention import gated_attention
from deepmd_tf.ops.group import group_outer
from deepmd_tf.ops.linear import linear
from deepmd_tf.ops.residual_norm import residual_norm
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class EmptySlots:
    """Slots without a neighbour where the mean of the environment matrix is not zero: they have rows of their own.

    Attributes
    ----------
    row : [n, 4]
        Of each empty slot of an atom.
    neighbor : [n] int32
        Type by which it is looked up.
    count : [n]
        How many there are.
    alike : bool
        Whether that is so: mean and scale are the same in all slots, and excluded pairs have rows of zeros.
    """

    row: object
    neighbor: object
    count: object
    alike: bool


@dataclass(frozen=True)
class MixedNeighbors:
    """The environment matrix of n = nf*nloc atoms, with nnei slots for neighbours of any type, the nearest first.

    Attributes
    ----------
    rows : [n, nnei, 4]
        Normalised, in the precision of the networks.
    live : [n, nnei] bool
        Whether a slot holds a neighbour that the atom sees.
    neighbor : [n, nnei] int32
        Type of the neighbour; of an empty slot the one by which it is looked up.
    center : [n] int32
        Type of the atom; of a virtual one the type by which it is looked up.
    switch : [n, nnei]
        From 1 to 0 at the cutoff, and in slots that are not live.
    direction : [n, nnei, 3]
        Towards the neighbour, of length one.
    empty : EmptySlots or None
        What the slots that are not live add; None where their rows are zero, so that nothing depends on them.
    """

    rows: object
    live: object
    neighbor: object
    center: object
    switch: object
    direction: object
    empty: EmptySlots | None

    @property
    def nnei(self) -> int:
        """Number of slots of an atom."""
        return self.rows.shape.as_list()[1]


class AllSlots:
    """Every slot is a row, in stock TensorFlow.

    Attributes
    ----------
    neighbors : MixedNeighbors
    rows : [nrows, 4]
    neighbor, center : [nrows] int32
        Types of the neighbour and of the atom.
    switch : [nrows, 1]
    alike : bool
        Whether all rows are live ones, or of empty slots that one row stands for.
    """

    alike = False

    def __init__(self, neighbors: MixedNeighbors):
        self.neighbors, nnei = neighbors, neighbors.nnei
        self.rows = tf.reshape(neighbors.rows, [-1, 4])
        self.neighbor = tf.reshape(neighbors.neighbor, [-1])
        self.center = tf.repeat(neighbors.center, nnei)
        self.switch = tf.reshape(neighbors.switch, [-1, 1])

    @staticmethod
    def layer(layer: DenseLayer, x):
        """A linear layer of each row."""
        return layer(x)

    @staticmethod
    def projected(layers, x):
        """Queries, keys and values, for :meth:`attend`."""
        return tuple(layer(x) for layer in layers)

    def attend(self, projected, gate: Gate):
        """Attention within each atom: rows [nrows, h]."""
        n, nnei, h = self.neighbors, self.neighbors.nnei, projected[0].shape.as_list()[1]
        q, k, v = (tf.reshape(x, [-1, nnei, h]) for x in projected)
        return tf.reshape(attend_slots(q, k, v, n.direction, n.switch, n.live, gate), [-1, h])

    @staticmethod
    def distinct(which, count: int):
        """The numbers below ``count``, and where among them that of each row [nrows] stands."""
        return tf.range(count), which

    normalised = staticmethod(residual_norm_by_layers)

    def outer(self, features):
        """Sum over the rows of an atom of row times features: [nrows, M] -> [n, 4, M]."""
        features = tf.reshape(features, [-1, self.neighbors.nnei, features.shape.as_list()[1]])
        return tf.matmul(self.neighbors.rows, features, transpose_a=True)


class EmptyRows:
    """One row for each atom, which stands for its empty slots; what it has is as of :class:`AllSlots`."""

    def __init__(self, neighbors: MixedNeighbors):
        empty = neighbors.empty
        self.rows, self.neighbor, self._count = empty.row, empty.neighbor, empty.count
        self.center, self.switch = neighbors.center, tf.zeros_like(self.rows[:, :1])

    @staticmethod
    def distinct(which, count: int):
        """Those that occur: of the pairs of 118 elements the data hold few."""
        return tf.unique(which)

    def outer(self, features):
        """As many times the product of an atom's row and features as it has such slots."""
        return (self.rows * self._count[:, None])[:, :, None] * features[:, None, :]


class FoundSlots:
    """The live slots of all atoms, one after another; attributes and methods as of :class:`AllSlots`.

    Slots that are not live take no part in attention. Where their rows are not zero, those of ``empty`` stand behind
    those of all neighbours.

    Attributes
    ----------
    empty : EmptyRows or None
        Where there is one, its rows are told of a neighbour of the type after the last.
    """

    alike = True

    def __init__(self, neighbors: MixedNeighbors):
        self.neighbors, live = neighbors, tf.reshape(neighbors.live, [-1])
        at = tf.where(live)[:, 0]
        pick = lambda x, *shape: tf.gather(tf.reshape(x, [-1, *shape]), at)  # noqa: E731
        self.rows, self.neighbor = pick(neighbors.rows, 4), pick(neighbors.neighbor)
        self.center = tf.gather(neighbors.center, at // neighbors.nnei)
        self.switch, self._direction = pick(neighbors.switch, 1), pick(neighbors.direction, 3)
        counts = tf.reduce_sum(tf.cast(neighbors.live, tf.int32), axis=1)  # [n]
        self._idle = tf.cast(neighbors.nnei - counts, self.rows.dtype)
        self._offsets = tf.concat([[0], tf.cumsum(counts)], axis=0)
        self._live, self.empty = tf.size(at), None
        if neighbors.empty is not None:
            self.empty = EmptyRows(neighbors)
            self.rows = tf.concat([self.rows, self.empty.rows], axis=0)
            self.neighbor = tf.concat([self.neighbor, self.empty.neighbor], axis=0)
            self.center = tf.concat([self.center, self.empty.center], axis=0)
            self.switch = tf.concat([self.switch, self.empty.switch], axis=0)

    @staticmethod
    def layer(layer: DenseLayer, x):
        """A linear layer of each row, in one operation."""
        return linear(x, layer.matrix, layer.bias)

    @staticmethod
    def projected(layers, x):
        """Queries, keys and values side by side, in one operation."""
        return linear(x, *side_by_side(layers))

    def attend(self, projected, gate: Gate):
        """Attention within each atom, in one operation."""
        live = lambda x: x if self.empty is None else x[: self._live]  # noqa: E731
        seen = gated_attention(
            live(projected), self._direction, live(self.switch)[:, 0], self._idle, self._offsets,
            scale=gate.scale, normalize=gate.normalize, floor=gate.floor, angular=gate.angular, smooth=gate.smooth,
            off_diagonal=gate.off_diagonal,
        )  # fmt: skip
        if self.empty is None:
            return seen
        idle = tf.shape(self.empty.rows)[0]
        return tf.concat([seen, tf.zeros([idle, seen.shape.as_list()[1]], seen.dtype)], axis=0)

    distinct = staticmethod(EmptyRows.distinct)

    @staticmethod
    def normalised(x, o, gamma, beta, eps: float):
        """Layer normalisation of x + o, in one operation."""
        return residual_norm(x, o, gamma, beta, eps=eps)

    def outer(self, features):
        """Sum over the rows of an atom."""
        if self.empty is None:
            return group_outer(self.rows, features, self._offsets)
        x = group_outer(self.rows[: self._live], features[: self._live], self._offsets)
        return x + self.empty.outer(features[self._live :])


def all_slots(neighbors: MixedNeighbors):
    """The rows of a portable graph."""
    return AllSlots(neighbors)


def found_slots(neighbors: MixedNeighbors):
    """The live slots, where one row can stand for the others and the precision is one of the operations'."""
    alike = neighbors.empty is None or neighbors.empty.alike
    served = alike and neighbors.rows.dtype in (tf.float32, tf.float64)
    return FoundSlots(neighbors) if served else AllSlots(neighbors)
