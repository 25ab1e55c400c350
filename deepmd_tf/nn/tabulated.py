"""Sums over neighbours with the embedding networks as quintic Hermite tables, by operations of our own.

A network of one number is known by its value and two derivatives at some hundred knots; one operation looks a table up
and sums over the neighbours that are there. The sums are those of :mod:`deepmd_tf.nn.blockwise` up to the error of
the interpolation.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from deepmd_tf.nn.activation import is_smooth
from deepmd_tf.nn.table import Table
from deepmd_tf.nn.typed_sums import straight_nets, straight_sum
from deepmd_tf.nn.typed_tables import TabulatedFeatures, TypedNets
from deepmd_tf.ops.table import table_radial, table_three_body, table_two_body
from deepmd_tf.stat.ranges import angular_ranges, any_center, net_range, radial_ranges
from deepmd_tf.tf1 import tf

log = logging.getLogger(__name__)

# Shares of the intervals and of the range. Products of two rows are mostly small, but near atoms make them large; out
# there the features hardly change.
RADIAL = ((1.0, 1.0),)
ANGULAR = ((0.25, 15 / 32), (0.5, 1 / 16), (0.25, 15 / 32))


class TableSums(ABC):
    """The sums of a set of primitives over tables.

    Parameters
    ----------
    exact : Primitives
        Serves the networks that have no table.
    nearest : float
        Smallest distance of two atoms that the tables cover, Å.
    pairs : collection of (int, int) or None
        Types of centre and neighbour that occur together; None: all may.

    Attributes
    ----------
    outside : list of int64 scalars
        Look-ups beyond the ends of the tables, in each sum so far; there a table goes on as a straight line.
    intervals : list of int32 variables
        Number of intervals of the tables of each sum, where it can change.
    by_name : dict of str to Table
        Tables that stand for networks which are no more, by their names.
    """

    def __init__(self, exact, nearest: float, pairs=None):
        self.exact, self.nearest, self.pairs = exact, nearest, pairs
        self.outside: list = []
        self.intervals: list = []
        self.by_name: dict[str, Table] = {}

    def primitives(self):
        """The set of primitives with these sums."""
        return replace(
            self.exact, two_body=self.two_body, radial=self.radial, three_body=self.three_body,
            typed_features=self.typed_features, typed_sum=self.typed_sum,
        )  # fmt: skip

    @abstractmethod
    def tables(self, nets, ranges: list[tuple[float, float]], pieces):
        """Tables of the networks on the given ranges: knots [3*nknots, M] and grid [nnets, 8], float64.

        ``pieces`` proposes where knots are dense; see :func:`knot_tables`.
        """

    def serves(self, nets, neighbors) -> bool:
        """Whether these networks have tables: smooth ones, in single or double precision, of alike empty slots."""
        return is_smooth(nets.activation_function) and nets.dtype in ("float32", "float64") and neighbors.alike

    def pays(self, ranges: list[tuple[float, float]], pieces, slots: int) -> bool:
        """Whether tables of these ranges are faster than the networks themselves in ``slots`` slots of each atom."""
        return True

    def two_body(self, nets, neighbors, inputs):
        """Sum over slots of row times features: -> [n, 4, M]."""
        return self._around(table_two_body, self.exact.two_body, nets, neighbors, inputs)

    def radial(self, nets, neighbors, inputs):
        """Sum over slots of features: -> [n, M]."""
        return self._around(table_radial, self.exact.radial, nets, neighbors, inputs)

    def three_body(self, nets, neighbors, inputs):
        """Mean over pairs of slots of angle times features, summed over pairs of types: -> [n, M]."""
        spec, sel = neighbors.spec, neighbors.sel
        directed = np.reshape(neighbors.mean, (-1, 4))[:, 1:]
        of_center = angular_ranges(neighbors.scale, self.nearest, spec.rcut, spec.rcut_smth)
        ranges = [any_center(of_center)] * len(nets.keys)
        is_served = self.serves(nets, neighbors) and not directed.any()
        if not is_served or not self.pays(ranges, ANGULAR, sum(sel[i] * sel[j] for i, j in nets.keys)):
            return self.exact.three_body(nets, neighbors, inputs)
        return self._sum(table_three_body, nets, neighbors, *self.tables(nets, ranges, ANGULAR))

    def typed_sum(self, embedding, slots):
        """Sum over the rows of an atom of row times these features: -> [n, 4, M]."""
        nets = straight_nets(embedding, slots, self._typed_pairs(embedding.ntypes, slots))
        if nets is None:
            return slots.outer(self.typed_features(embedding, slots).value)
        made = self.typed_tables(nets, embedding, slots)
        if made is None:
            return self.exact.typed_sum(embedding, slots)
        x, outside = straight_sum(embedding, slots, nets, *made)
        self.outside.append(outside)
        return tf.cast(x, slots.rows.dtype)

    def typed_features(self, embedding, slots):
        """Features of rows by networks that are told the types, see :mod:`deepmd_tf.nn.typed`."""
        nets = TypedNets(embedding, self._typed_pairs(embedding.ntypes, slots))
        made = self.typed_tables(nets, embedding, slots)
        if made is None:
            return self.exact.typed_features(embedding, slots)
        table, grid = made
        found = TabulatedFeatures.look_up(slots, nets.split(table), grid, nets.which(slots.neighbor, slots.center))
        self.outside.append(found.outside)
        return found

    def typed_tables(self, nets, embedding, slots) -> tuple | None:
        """Table and grid of these networks; None where the networks themselves are evaluated."""
        spec = embedding.spec
        ranges = radial_ranges(embedding.mean, embedding.scale, self.nearest, spec.rcut, spec.rcut_smth)
        ends = [net_range(ranges, key) for key in nets.keys]
        if not self.serves(nets, slots) or not self.pays(ends, RADIAL, slots.neighbors.nnei):
            return None
        return self.tables(nets, ends, RADIAL)

    def _typed_pairs(self, ntypes: int, slots) -> list[tuple[int, int]]:
        """Pairs of types, of centre and neighbour, that have tables: those that occur."""
        types = range(ntypes)
        pairs = [(c, n) for c in types for n in types] if self.pairs is None else list(self.pairs)
        return pairs + [(c, ntypes) for c in types if slots.alike and slots.empty is not None]

    def _around(self, op, exact, nets, neighbors, inputs):
        spec, components = neighbors.spec, neighbors.components
        of_center = radial_ranges(neighbors.mean, neighbors.scale, self.nearest, spec.rcut, spec.rcut_smth, components)
        ranges = [net_range(of_center, key, spec.exclude_types) for key in nets.keys]
        if not self.serves(nets, neighbors) or not self.pays(ranges, RADIAL, sum(neighbors.sel)):
            return exact(nets, neighbors, inputs)
        empty = tf.reshape(neighbors.empty, [neighbors.ntypes, neighbors.ntypes * components])
        return self._sum(op, nets, neighbors, _in_double(empty), *self.tables(nets, ranges, RADIAL))

    def _sum(self, op, nets, neighbors, *last):
        """Tables are looked up in float64 always: a slope is a small difference of numbers that are nearly equal."""
        width, ntypes = neighbors.components * sum(neighbors.sel), neighbors.ntypes
        rows = _in_double(tf.reshape(neighbors.rows, [-1, width]))
        which = [nets.index(ti, tj) for ti in range(ntypes) for tj in range(ntypes)]
        x, outside = op(rows, neighbors.nlist, neighbors.center, *last, sel=neighbors.sel, nets=which)
        self.outside.append(outside)
        return tf.cast(x, neighbors.rows.dtype)


class TableInTheLoop(TableSums):
    """Tables that are made in the graph from the weights, in every step: training goes through them.

    Parameters
    ----------
    exact : Primitives
    nearest : float or None
        Smallest distance in the training data, Å.
    atoms : float
        Atoms of a batch, on average.
    pairs : collection of (int, int) or None
        As :class:`TableSums`.
    """

    # Look-ups of a batch per knot from which tables are the faster way: a knot takes two derivatives besides the value.
    # Clusters of six water molecules take the same time either way at 1.3 (se_e2_a) and near 3 (se_e3).
    PAYS = 3.0
    # A batch may hold a nearer pair than the statistics have seen: that of validation data, mostly.
    MARGIN = 0.8
    # Å; for runs that leave the statistics out.
    NEAREST = 0.6
    FIRST, LAST = 128, 8192

    def __init__(self, exact, nearest: float | None, atoms: float = math.inf, pairs=None):
        super().__init__(exact, self.NEAREST if nearest is None else self.MARGIN * nearest, pairs)
        self._atoms = atoms
        self.errors: list = []

    def pays(self, ranges, pieces, slots):
        """Compare the look-ups of a batch with the knots that networks of usual weights need."""
        knots = max(self.FIRST, *(likely_intervals(ends, pieces) for ends in ranges)) * len(ranges)
        if self._atoms * slots >= self.PAYS * knots:
            return True
        log.info(
            "embedding networks: evaluated for each neighbour; a batch has %d of them, tables would have some %d knots",
            self._atoms * slots,
            knots,
        )
        return False

    def tables(self, nets, ranges, pieces):
        """Evaluate the networks with two derivatives at knots that depend on :attr:`intervals`."""
        name = "_".join(["table_intervals", *([str(len(self.intervals))] if self.intervals else [])])
        start = tf.constant_initializer(self.FIRST)
        self.intervals.append(tf.get_variable(name, (), tf.int32, start, trainable=False, use_resource=False))
        table, grid, error = knot_tables(nets, ranges, pieces, tf.identity(self.intervals[-1]))
        self.errors.append(error)
        return table, grid


def likely_intervals(ends: tuple[float, float], pieces) -> int:
    """Intervals that a network of usual weights needs for an error of 1e-9.

    Its features change over lengths of about one near zero and, as its first layer has units of all slopes, over
    lengths like their argument far out: intervals of a fifth there, of a 25th of the argument here do.
    """
    start, needed = ends[0], 0.0
    for share, part in pieces:
        stop = start + part * (ends[1] - ends[0])
        nearest = 0.0 if start < 0 < stop else min(abs(start), abs(stop))
        needed = max(needed, (stop - start) / (share * max(0.2, nearest / 25)))
        start = stop
    return math.ceil(needed)


def knot_tables(nets, ranges: list[tuple[float, float]], pieces, count):
    """Tables of all networks in the current graph, and their error.

    Parameters
    ----------
    nets : EmbeddingNets or TypedNets
    ranges : list of (float, float)
        Of the argument of each network.
    pieces : tuple of (float, float)
        Shares of the intervals and of the range, from its lower end on.
    count : int32 scalar
        Number of intervals, a multiple of 4.

    Returns
    -------
    table : [3*nknots, M] float64
        Value, first and second derivative of the features at each knot, net after net.
    grid : [nnets, 8] float64
        Where the knots lie, as the table ops want it.
    error : float64 scalar
        Of features and slopes in the middle of the intervals, relative to the largest of each network.
    """
    lower, upper = np.array(ranges, np.float64).T[:, :, None]  # [nnets, 1]
    number = tf.cast(count, tf.float64)
    first = (number + 1.0) * np.arange(len(ranges), dtype=np.float64)
    knots, lengths, grid, start = [], [], [first[:, None], tf.constant(lower)], lower
    for share, part in pieces:
        inside = share * number
        length = part * (upper - lower) / inside  # [nnets, 1]
        knots.append(start + length * tf.range(inside, dtype=tf.float64))
        lengths.append(length * tf.ones([tf.cast(inside, tf.int32)], tf.float64))
        grid += [length, inside + np.zeros_like(lower)]
        start = start + part * (upper - lower)
    grid += [tf.zeros([len(ranges), 8 - len(grid)], tf.float64)]
    knots, lengths = tf.concat([*knots, tf.constant(upper)], axis=1), tf.concat(lengths, axis=1)
    jet = nets.jets(knots)  # [nnets, K, 3, M]
    error = _midpoint_error(jet, nets.jets((knots[:, 1:] + knots[:, :-1]) / 2), lengths)
    return tf.reshape(jet, [-1, nets.width]), tf.concat(grid, axis=1), error


def _midpoint_error(jet, exact, lengths):
    """Interpolation between knots [nnets, K, 3, M] against ``exact`` [nnets, K-1, 3, M] half way between them."""
    h = lengths[:, :, None]
    (v0, d0, e0), (v1, d1, e1) = (tf.unstack(part, axis=2) for part in (jet[:, :-1], jet[:, 1:]))
    value = (v0 + v1) / 2 + h * (5 / 32) * (d0 - d1) + h**2 / 64 * (e0 + e1)
    slope = (15 / 8) * (v1 - v0) / h - (7 / 16) * (d0 + d1) + h / 32 * (e1 - e0)
    errors = [
        tf.reduce_max(tf.abs(found - exact[:, :, order]), axis=[1, 2])
        / tf.reduce_max(tf.abs(jet[:, :, order]), axis=[1, 2])
        for order, found in enumerate((value, slope))
    ]
    return tf.reduce_max(tf.stack(errors))


def _in_double(x):
    return tf.cast(x, tf.float64)
