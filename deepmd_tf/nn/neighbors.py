"""The neighbours of atoms in the graph, and the ways to sum over them."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.embedding import widen
from deepmd_tf.ops.group import group_outer
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Neighbors:
    """Rows of the environment matrix of n atoms, slots ordered by the type of the neighbour.

    An empty slot is not zero: normalisation gives it a row of its own, and the networks see it.

    Attributes
    ----------
    rows : [n, slots, 4]
        Normalised rows; those of empty slots are equal to ``empty``.
    found : [n, slots] bool, or None
        Whether a slot holds a neighbour. None where empty slots differ among themselves.
    empty : [n, types, 4]
        Row of an empty slot of each neighbour type.
    """

    rows: object
    found: object
    empty: object

    def by_center(self, inputs) -> list[Neighbors]:
        """The neighbours of the atoms of each type."""

        def split(x):
            frames = tf.reshape(x, [inputs.nframes, inputs.nloc, *x.shape.as_list()[1:]])  # [nf, nloc, ...]
            return [tf.reshape(part, [-1, *x.shape.as_list()[1:]]) for part in inputs.by_type(frames)]

        return self._joined(
            split(self.rows), self.found if self.found is None else split(self.found), split(self.empty)
        )

    def by_neighbor(self, sel: list[int]) -> list[Neighbors]:
        """The slots of each neighbour type."""
        found = self.found if self.found is None else tf.split(self.found, sel, axis=1)
        return self._joined(tf.split(self.rows, sel, axis=1), found, tf.split(self.empty, len(sel), axis=1))

    @staticmethod
    def _joined(rows: list, found: list | None, empty: list) -> list[Neighbors]:
        return [Neighbors(*parts) for parts in zip(rows, found or [None] * len(rows), empty)]


def contract_exact(net, neighbors: Neighbors):
    """Evaluate ``net`` at every slot, empty ones included, and contract: -> [n, 4, width]."""
    env = neighbors.rows
    nnei = env.shape.as_list()[1]
    s = tf.reshape(env[:, :, 0], [-1, 1])  # [n*nnei, 1]
    skip, added = (None if part is None else tf.reshape(part, [-1, nnei, part.shape[1]]) for part in net.terms(s))
    x = tf.matmul(env, added, transpose_a=True)  # [n, 4, width]
    return x if skip is None else x + widen(tf.matmul(env, skip, transpose_a=True), net.width, axis=2)


def contract_found(net, neighbors: Neighbors):
    """The same sum over the neighbours that are there: -> [n, 4, width].

    The empty slots of an atom are alike: one row stands for all of them, as often as there are.
    """
    if neighbors.found is None or neighbors.rows.dtype not in (tf.float32, tf.float64):
        # Slots that differ, or half precision, which the ragged operations do not have.
        return contract_exact(net, neighbors)
    rows = tf.concat([neighbors.rows, neighbors.empty], axis=1)  # [n, slots + 1, 4]
    missing = tf.reduce_sum(tf.cast(~neighbors.found, rows.dtype), axis=1, keepdims=True)  # [n, 1]
    present = tf.concat([neighbors.found, missing > 0], axis=1)
    weight = tf.concat([tf.cast(neighbors.found, rows.dtype), missing], axis=1)
    at = tf.where(tf.reshape(present, [-1]))[:, 0]  # [nrows]
    env = tf.gather(tf.reshape(rows, [-1, 4]), at)  # [nrows, 4]
    weighted = env * tf.gather(tf.reshape(weight, [-1, 1]), at)
    ends = tf.cumsum(tf.reduce_sum(tf.cast(present, tf.int32), axis=1))
    offsets = tf.concat([[0], ends], axis=0)  # [n + 1]
    skip, added = net.terms(env[:, :1])
    x = group_outer(weighted, added, offsets)  # [n, 4, width]
    return x if skip is None else x + widen(group_outer(weighted, skip, offsets), net.width, axis=2)
