"""The neighbours of atoms in the graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Block:
    """The slots of one neighbour type, of m atoms.

    Attributes
    ----------
    rows : [m, slots, c]
        Normalised rows of the environment matrix; c is 4, or 1 for the radial one.
    found : [m, slots] bool
        Whether a slot holds a neighbour.
    empty : [m, 1, c]
        Row of an empty slot.
    alike : bool
        Whether the rows of all empty slots are equal to ``empty``.
    """

    rows: object
    found: object
    empty: object
    alike: bool


@dataclass(frozen=True)
class Neighbors:
    """The environment matrix as the networks see it: n = nf*nloc atoms, slots ordered by the type of the neighbour.

    An empty slot is not zero: normalisation gives it a row of its own, and the networks see it. Excluded pairs that a
    network serves all the same stand here as empty slots whose row is zero.

    Attributes
    ----------
    rows : [n, nnei, c]
        In the precision of the networks.
    nlist : [n, nnei] int32
        Neighbour in each slot, -1 where it is empty.
    center : [n] int32
        Type of each atom; negative for virtual atoms, whose rows are zero.
    empty : [ntypes, ntypes, c]
        Row of an empty slot, by type of the centre and type of the neighbour.
    spec : EnvSpec
        What the environment matrix is made of.
    mean, scale : ndarray [ntypes, nnei*c]
        By which it is normalised.
    """

    rows: object
    nlist: object
    center: object
    empty: object
    spec: EnvSpec
    mean: np.ndarray
    scale: np.ndarray

    @property
    def sel(self) -> list[int]:
        """Slots of each neighbour type; nnei is their sum."""
        return list(self.spec.sel)

    @property
    def ntypes(self) -> int:
        """Number of atom types."""
        return len(self.sel)

    @property
    def components(self) -> int:
        """Numbers in a row: 4, or 1 for the radial matrix."""
        return self.rows.shape.as_list()[2]

    @property
    def alike(self) -> bool:
        """Whether mean and scale are the same in all slots of a neighbour type, as statistics make them."""
        edges = np.cumsum(self.sel)[:-1]
        tables = (np.reshape(x, (self.ntypes, -1, self.components)) for x in (self.mean, self.scale))
        return all((block == block[:, :1]).all() for t in tables for block in np.split(t, edges, axis=1))

    def blocks(self) -> list[Block]:
        """The slots of each neighbour type, of all atoms."""
        found = tf.split(self.nlist >= 0, self.sel, axis=1)
        # A virtual atom has zero rows already; type 0 only keeps the look-up inside the table.
        empty = tf.split(tf.gather(self.empty, tf.maximum(self.center, 0)), self.ntypes, axis=1)
        rows = tf.split(self.rows, self.sel, axis=1)
        return [Block(r, f, e, self.alike) for r, f, e in zip(rows, found, empty)]

    def by_center(self, inputs) -> list[Neighbors]:
        """The same for the atoms of each type."""
        rows, nlist, center = (self._split(x, inputs) for x in (self.rows, self.nlist, self.center))
        return [replace(self, rows=r, nlist=n, center=c) for r, n, c in zip(rows, nlist, center)]

    @staticmethod
    def _split(x, inputs) -> list:
        rest = x.shape.as_list()[1:]
        frames = tf.reshape(x, [inputs.nframes, inputs.nloc, *rest])  # [nf, nloc, ...]
        return [tf.reshape(part, [-1, *rest]) for part in inputs.by_type(frames)]
