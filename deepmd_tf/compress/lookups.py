"""Which numbers the frames of a system look up in the tables, and how many lie outside their range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from deepmd_tf import keys
from deepmd_tf.compress.measure import Frames
from deepmd_tf.compress.tables import MIXED, RADIAL, THREE_BODY, Plan, Sum
from deepmd_tf.nn.nets import ALL
from deepmd_tf.ops import core

_ROUNDING = 1e-9


@dataclass
class Lookups:
    """Counts for one pair of types.

    Attributes
    ----------
    total : int
        Look-ups of neighbours, or of pairs of neighbours.
    outside : int
        Those beyond the range of the training data, where the intervals are wide.
    beyond : int
        Those beyond the end of the table, where it goes on as a straight line.
    nearest : float
        Smallest distance seen, Å.
    """

    total: int = 0
    outside: int = 0
    beyond: int = 0
    nearest: float = np.inf

    def add(self, x: np.ndarray, distances: np.ndarray, plan: Plan) -> None:
        """Take in the numbers looked up in the table of ``plan`` and the distances they belong to."""
        grid, start = plan.grid, plan.grid.knots[0]
        # A neighbour at the cutoff is an empty slot up to rounding.
        x = np.where(np.abs(x - grid.lower) < _ROUNDING, grid.lower, x)
        self.total += x.size
        self.outside += int(np.count_nonzero((x > grid.upper) | (x < grid.lower)))
        self.beyond += int(np.count_nonzero((x > grid.largest) | (x < start)))
        self.nearest = min(self.nearest, float(distances.min(initial=np.inf)))


def count(plans: Iterable[Plan], frames: Frames) -> dict[tuple[str, int, int], Lookups]:
    """Counts by (name of the table, type of the centre, type of the neighbour); empty slots are not counted.

    For angles the two types are those of both neighbours.
    """
    found: dict[tuple[str, int, int], Lookups] = {}
    by_sum: dict[Sum, dict[tuple[int, int], Plan]] = {}
    for plan in plans:
        by_sum.setdefault(plan.sum, {})[plan.key] = plan
    for one, tables in by_sum.items():
        looked_up = _looked_up_mixed if one.kind == MIXED else _looked_up
        for pair, plan, x, distances in looked_up(one, tables, frames):
            found.setdefault((plan.name, *pair), Lookups()).add(x, distances, plan)
    return found


def _looked_up(one: Sum, tables: dict, frames: Frames) -> Iterator[tuple]:
    """Yield (pair of types, plan, numbers, distances), frame by frame."""
    spec, components = one.spec, 1 if one.kind == RADIAL else 4
    columns = np.split(np.arange(sum(spec.sel)), np.cumsum(spec.sel)[:-1])
    pairs = _angular_pairs if one.kind == THREE_BODY else _radial_pairs
    for system, data in frames.parts:
        for k in range(len(data[keys.COORD])):
            coord, types, box = (data[key][k : k + 1] for key in (keys.COORD, keys.TYPE, keys.BOX))
            env = core.env_mat(
                coord, types, box if system.pbc else None, rcut=spec.rcut, rcut_smth=spec.rcut_smth, sel=spec.sel,
                davg=one.mean, dstd=one.scale, components=components, derivative=False,
            )  # fmt: skip
            distances = np.linalg.norm(env.rij[0], axis=-1)  # [N, nnei]
            yield from pairs(env.descrpt[0], distances, env.nlist[0] >= 0, types[0], columns, tables, spec)


def _looked_up_mixed(one: Sum, tables: dict, frames: Frames) -> Iterator[tuple]:
    """The same where neighbours of all types stand in one list."""
    spec = one.spec
    excluded = {frozenset(pair) for pair in spec.exclude_types}
    mean, scale = (x.reshape(spec.ntypes, -1, 4)[:, :, 0] for x in (one.mean, one.scale))
    for system, data in frames.parts:
        for coord, types, box in zip(*(data[key] for key in (keys.COORD, keys.TYPE, keys.BOX))):
            env = core.env_mat(
                coord[None], np.minimum(types, 0)[None], box[None] if system.pbc else None, rcut=spec.rcut,
                rcut_smth=spec.rcut_smth, sel=spec.sel, derivative=False,
            )  # fmt: skip
            x = (env.descrpt[0, :, :, 0] - mean[types]) / scale[types]  # [N, nnei]
            distances, there = np.linalg.norm(env.rij[0], axis=-1), env.nlist[0] >= 0
            for pair in np.ndindex(spec.ntypes, spec.ntypes):
                center, neighbor = pair
                plan = next((tables[k] for k in (pair, (ALL, neighbor), (ALL, ALL)) if k in tables), None)
                if plan is None or frozenset(pair) in excluded:
                    continue
                mask = there & (types == center)[:, None] & (types[env.nlist[0]] == neighbor)
                yield pair, plan, x[mask], distances[mask]


def _radial_pairs(rows, distances, there, types, columns, tables, spec) -> Iterator[tuple]:
    excluded = {frozenset(pair) for pair in spec.exclude_types}
    for center in range(len(columns)):
        atoms = np.flatnonzero(types == center)
        for neighbor, slots in enumerate(columns):
            plan = tables.get((center, neighbor), tables.get((ALL, neighbor)))
            if plan is None or frozenset((center, neighbor)) in excluded:
                continue
            block = np.ix_(atoms, slots)
            mask = there[block]
            yield (center, neighbor), plan, rows[block][..., 0][mask], distances[block][mask]


def _angular_pairs(rows, distances, there, types, columns, tables, _spec) -> Iterator[tuple]:
    real = types >= 0
    for (a, b), plan in tables.items():
        first, second = columns[a], columns[b]
        x = np.einsum("ijc,ikc->ijk", rows[real][:, first, 1:], rows[real][:, second, 1:])
        mask = there[real][:, first, None] & there[real][:, None, second]
        near = np.minimum(distances[real][:, first, None], distances[real][:, None, second])
        yield (a, b), plan, x[mask], near[mask]
