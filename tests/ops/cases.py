"""Small configurations that between them reach every branch of the neighbour search and the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RCUT, RCUT_SMTH = 4.0, 1.5


class Case(NamedTuple):
    """Arguments of ``env_mat``; mean and scale are made by :func:`statistics`."""

    coord: np.ndarray  # [nf, N*3]
    atype: np.ndarray  # [nf, N]
    box: np.ndarray | None  # [nf, 9]
    sel: tuple[int, ...]

    @property
    def nnei(self) -> int:
        return sum(self.sel)

    def as_dtype(self, dtype) -> Case:
        return self._replace(coord=self.coord.astype(dtype), box=None if self.box is None else self.box.astype(dtype))

    def settings(self) -> dict:
        davg, dstd = statistics(self)
        return dict(rcut=RCUT, rcut_smth=RCUT_SMTH, sel=self.sel, davg=davg, dstd=dstd)


def statistics(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale that differ in every type and component, so that a swapped index shows."""
    shape = (len(case.sel), 4 * case.nnei)
    davg = 0.1 * np.cos(np.arange(np.prod(shape))).reshape(shape)
    return davg, 1.5 + np.sin(np.arange(np.prod(shape))).reshape(shape)


def scattered(natoms: int, size, rng: np.random.Generator, nearest: float = 0.9) -> np.ndarray:
    """Random positions in the cell ``size`` (edge or lattice rows), not nearer to each other than ``nearest``."""
    lattice = np.eye(3) * size if np.ndim(size) == 0 else np.asarray(size)
    placed = []
    while len(placed) < natoms:
        point = rng.uniform(0, 1, 3) @ lattice
        if all(np.linalg.norm(point - other) > nearest for other in placed):
            placed.append(point)
    return np.array(placed)


def make(natoms=24, types=2, sel=(14, 20), size=6.0, periodic=True, frames=2, seed=0) -> Case:
    rng = np.random.default_rng(seed)
    coord = np.stack([scattered(natoms, size, rng).ravel() for _ in range(frames)])
    lattice = np.eye(3) * size if np.ndim(size) == 0 else np.asarray(size)
    box = np.tile(lattice.ravel(), (frames, 1)) if periodic else None
    atype = np.sort(rng.integers(0, types, (frames, natoms)), axis=1).astype(np.int32)
    return Case(coord, atype, box, sel)


def _virtual() -> Case:
    case = make()
    atype = case.atype.copy()
    atype[:, 3::5] = -1
    return case._replace(atype=atype)


def _unwrapped() -> Case:
    """Atoms that left the box: the same neighbours as inside."""
    case = make(size=8.0)
    shift = np.random.default_rng(3).integers(-3, 4, (2, 24, 3)) @ case.box[0].reshape(3, 3)
    return case._replace(coord=case.coord + shift.reshape(2, -1))


TRICLINIC = [[6.5, 0.0, 0.0], [2.5, 5.5, 0.0], [-1.5, 2.0, 6.0]]

CASES = {
    "periodic": make(size=9.0),
    "dense": make(sel=(7, 8)),  # more neighbours than slots
    "open": make(periodic=False),
    "triclinic": make(size=TRICLINIC),
    "left_handed": make(size=[TRICLINIC[1], TRICLINIC[0], TRICLINIC[2]]),
    "small_box": make(natoms=3, size=2.1, sel=(110, 110)),  # an atom is its own neighbour, many times
    "thin_box": make(natoms=4, size=[[2.0, 0, 0], [0, 15.0, 0], [0.5, 0, 7.0]], sel=(8, 9)),
    "unwrapped": _unwrapped(),
    "virtual": _virtual(),
    "one_atom": make(natoms=1, periodic=False, sel=(3, 2)),
    "far_apart": make(natoms=5, size=5000.0, periodic=False, sel=(2, 2)),
    "no_slots_of_a_type": make(sel=(0, 20)),
}

PRECISIONS = {np.float64: 1e-12, np.float32: 2e-4}
