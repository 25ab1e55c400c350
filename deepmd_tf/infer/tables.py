"""The tables of a model that is only evaluated: constants, from the networks or from the tables in its file."""

from __future__ import annotations

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.nn.compressed_typed import typed_features_of_tables, typed_sum_of_tables
from deepmd_tf.nn.mixed import all_slots
from deepmd_tf.nn.tabulated import TableSums, knot_tables
from deepmd_tf.nn.typed_tables import TabulatedFeatures, TypedNets
from deepmd_tf.tf1 import tf

# Largest error of an interpolated feature or slope, relative to the largest of its network.
TOLERANCE = 1e-10
FEWEST, MOST = 128, 4096
# Between one polynomial of a stored table and the next, in tolerances: the coefficients were rounded.
LARGEST_GAP = 1000
# Pairs this much nearer than those of the training data still meet the table; nearer ones, the stored graph.
MARGIN = 0.5
# Of types, for which tables with factors are written out.
MOST_PAIRS = 256
# Quintic Hermite polynomials of u: rows are the weights of value, slope and curvature left and right, columns powers.
HERMITE = np.array(
    [
        [1, 0, 0, -10, 15, -6],
        [0, 1, 0, -6, 8, -3],
        [0, 0, 0.5, -1.5, 1.5, -0.5],
        [0, 0, 0, 10, -15, 6],
        [0, 0, 0, -4, 7, -3],
        [0, 0, 0, 0.5, -1, 0.5],
    ]
)


class NetworkTables(TableSums):
    """Tables of networks whose weights are constants of the current graph.

    Parameters
    ----------
    exact : Primitives
    nearest : float
        Smallest distance in the training data, Å.
    """

    # Types that networks are told of: each pair has a table of its own, and takes a megabyte and more.
    MOST_TYPES = 6

    def __init__(self, exact, nearest: float):
        super().__init__(exact, MARGIN * nearest)

    def typed_tables(self, nets, embedding, slots):
        """Where types are few, or have one network together."""
        few = len(nets.keys) == 1 or embedding.ntypes <= self.MOST_TYPES
        return super().typed_tables(nets, embedding, slots) if few else None

    def tables(self, nets, ranges, pieces):
        """Evaluate the networks, at ever more knots until the interpolation is good."""
        count = tf.placeholder(tf.int32, [])
        made, intervals = knot_tables(nets, ranges, pieces, count), FEWEST
        with tf.Session() as session:
            while True:
                table, grid, error = session.run(made, {count: intervals})
                if error <= TOLERANCE or intervals >= MOST:
                    return tf.constant(table), tf.constant(grid)
                intervals *= 2


class StoredTables(TableSums):
    """Tables that a compressed model holds.

    Parameters
    ----------
    exact : Primitives
    stored : list of Table, or dict of str to Table
        In the order in which networks are looked up, or by their names.

    Raises
    ------
    ModelFormatError
        They are not what a table of the field is: smooth from one polynomial to the next.
    """

    def __init__(self, exact, stored: list | dict):
        super().__init__(exact, nearest=1.0)
        self._named = stored if isinstance(stored, dict) else None
        self._rest = [] if self._named else list(stored)

    def typed_features(self, embedding, slots):
        """Features of the rows of ``slots``: of knots, where each pair of types has a table, or as they are stored."""
        own = self._typed(embedding)
        networks, pairs = len(embedding.keys) - len(own), embedding.ntypes * (embedding.ntypes + 1)
        if not slots.alike or not own or networks or pairs > MOST_PAIRS:
            return typed_features_of_tables(_unnamed, own, embedding, slots)
        nets, terms, grid = _typed_knots(embedding, list(own.values()))
        terms, grid = [tf.constant(term.reshape(-1, embedding.width)) for term in terms], tf.constant(grid)
        found = TabulatedFeatures.look_up(slots, terms, grid, nets.which(slots.neighbor, slots.center))
        self.outside.append(found.outside)
        return found

    def typed_sum(self, embedding, slots):
        """Sum over the rows of an atom of row times features: -> [n, 4, M]."""
        # One operation for all slots, where there is one table, is faster than features of those that are taken.
        if not embedding.telling.strip:
            return slots.outer(self.typed_features(embedding, slots).value)
        return typed_sum_of_tables(_unnamed, self._typed(embedding), embedding, all_slots(slots.neighbors))

    def _typed(self, embedding) -> dict:
        """The next tables, by the names of the functions of ``embedding`` that they stand for."""
        named, strip = self._named or {}, embedding.telling.strip
        names = [name for key in embedding.keys if (name := embedding.name(key)) in named or strip]
        own = dict(zip(names, self._next(names)))
        if len(own) < len(names):
            raise ModelFormatError("the model holds fewer tables than its descriptors have networks")
        self.by_name.update(own)
        return own

    def serves(self, nets, neighbors) -> bool:
        """All networks: there are no others."""
        if not neighbors.alike:
            raise ModelFormatError("the mean or scale of the environment matrix differs among slots of one type")
        return True

    def tables(self, nets, ranges, pieces):
        """The knots of the next tables, no more of them than the interpolation needs."""
        own = self._next([nets.name(key) for key in nets.keys])
        if len(own) < len(nets.keys):
            raise ModelFormatError("the model holds fewer tables than its descriptor has networks")
        self.by_name.update(zip(map(nets.name, nets.keys), own))
        jets, grid = _side_by_side([_knots(table) for table in own])
        return tf.constant(jets.reshape(-1, nets.width)), tf.constant(grid)

    def _next(self, names: list[str]) -> list:
        if self._named is not None:
            return [self._named[name] for name in names if name in self._named]
        own, self._rest = self._rest[: len(names)], self._rest[len(names) :]
        return own


def _unnamed(_name: str, value: np.ndarray):
    return tf.constant(value)


def _typed_knots(embedding, own: list) -> tuple[TypedNets, list[np.ndarray], np.ndarray]:
    """A network for each pair of types, its knots in each term of the features, [nknots, 3, M], and where they lie."""
    knots, telling = [_knots(table) for table in own], embedding.telling
    if not telling.strip:
        jets, grid = _side_by_side(knots)
        return TypedNets(embedding, [(max(center, 0), n) for center, n in embedding.keys]), [jets], grid
    ((jet, place),), count = knots, embedding.ntypes + 1
    factors = own[0].factors.astype(np.float64)
    pairs = [(c, n) for c in range(embedding.ntypes) for n in range(count)]
    nets = TypedNets(embedding, pairs)
    of_pairs = [factors[n if len(factors) == count else c * count + n] for c, n in nets.keys]
    jets = [[jet] * len(of_pairs), [jet * factor for factor in of_pairs]]
    terms = jets if telling.smooth else [[jet + more for jet, more in zip(*jets)]]
    both = [_side_by_side([(jet, place) for jet in term]) for term in terms]
    return nets, [jets for jets, _ in both], both[0][1]


def _side_by_side(knots: list[tuple[np.ndarray, list[float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Knots of several tables one after another, [nknots, 3, M], and the grid [ntables, 8] that says where they lie."""
    grid = np.zeros((len(knots), 8))
    grid[1:, 0] = np.cumsum([len(jet) for jet, _ in knots])[:-1]
    for row, (_, place) in zip(grid, knots):
        row[1 : 1 + len(place)] = place
    return np.concatenate([jet for jet, _ in knots]), grid


def _knots(table) -> tuple[np.ndarray, list[float]]:
    """Value, slope and curvature of a table at as few knots as will do, [nknots, 3, M], and where these lie."""
    rows, info = table.coefficients.reshape(len(table.coefficients), -1, 6), table.info.astype(np.float64)
    lower, upper, largest, fine, coarse = info[:5]
    inside, above = round((upper - lower) / fine), round((largest - upper) / coarse)
    below = len(rows) - inside - above
    strides = np.repeat([coarse, fine, coarse], [below, inside, above])
    jet, tolerance = _jet_of(rows, strides), _tolerance(rows.dtype)
    kept, place = [np.zeros(1, int)], [-largest if below else lower]
    for start, count, stride in ((0, below, coarse), (below, inside, fine), (below + inside, above, coarse)):
        if count:
            piece = jet[start : start + count + 1]
            factor = next(m for m in range(16, 0, -1) if count % m == 0 and _is_good(piece, stride, m, tolerance))
            kept.append(np.arange(start + factor, start + count + 1, factor))
            place += [factor * stride, count // factor]
    return jet[np.concatenate(kept)], place


def _jet_of(rows: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """Value and derivatives [n + 1, 3, M] at the ends of the polynomials [n, M, 6]."""
    coefficients = np.moveaxis(rows, -1, 0)  # [6, n, M]
    ends = [polyval(strides[:, None], polyder(coefficients, order), tensor=False) for order in range(3)]
    ends = np.stack(ends, axis=1)  # [n, 3, M]
    starts = np.stack([rows[..., 0], rows[..., 1], 2 * rows[..., 2]], axis=1)
    gap = np.abs(ends[:-1, :2] - starts[1:, :2]).max(axis=(0, 2)) / np.abs(starts[:, :2]).max(axis=(0, 2))
    if gap.max(initial=0.0) > LARGEST_GAP * _tolerance(rows.dtype):
        raise ModelFormatError("a table of the model jumps from one polynomial to the next")
    jet = np.concatenate([starts, ends[-1:]], dtype=np.float64)
    if rows.dtype == np.float32:
        # Slopes between knots come from differences of values, whose rounding the short intervals would magnify.
        steps = ends[:, 0] - starts[:, 0].astype(np.float64)
        summed = np.concatenate([np.zeros_like(steps[:1]), steps.cumsum(axis=0)])
        jet[:, 0] = summed + (jet[:, 0] - summed).mean(axis=0)
    return jet


def _is_good(jet: np.ndarray, stride: float, factor: int, tolerance: float) -> bool:
    """Whether every ``factor``-th knot of [K, 3, M], which are ``stride`` apart, gives the others back."""
    ends = np.concatenate([jet[:-factor:factor], jet[factor::factor]], axis=1)  # [intervals, 6, M]
    h = factor * stride
    units = np.array([1, h, h**2] * 2)
    scale = np.abs(jet).max(axis=(0, 2))  # [3]
    for j in range(1, factor):
        power = (j / factor) ** np.arange(6)
        slope_power = np.arange(6) * (j / factor) ** np.maximum(np.arange(6) - 1, 0)
        for order, weight in enumerate((HERMITE @ power, HERMITE @ slope_power)):
            found = np.einsum("c,kcm->km", weight * units, ends) / h**order
            if np.abs(found - jet[j::factor, order]).max() > tolerance * scale[order]:
                return False
    return True


def _tolerance(dtype) -> float:
    return max(TOLERANCE, 64 * float(np.finfo(dtype).eps))
