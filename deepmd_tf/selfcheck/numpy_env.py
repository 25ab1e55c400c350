"""Neighbours and environment matrix in NumPy: a tree search and the formulas, nothing of the native library."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

# Distances whose order is that of their rounding, in single precision at that; relative.
_TIE = 1e-5


@dataclass(frozen=True)
class Surroundings:
    """What the atoms of one frame see; slots are ordered by type of the neighbour, then distance.

    Attributes
    ----------
    nlist : int [N, nnei]
        Neighbour in each slot, -1 where it is empty.
    rij : [N, nnei, 3], Å
        Vector to the neighbour; 0 in empty slots.
    rows : [N, nnei, 4]
        s(r) (1, x/r, y/r, z/r), not normalised; 0 in empty slots.
    slopes : [N, nnei, 4, 3], 1/Å
        Derivative of the rows by ``rij``.
    cut_off : int [N]
        Neighbours of each atom that found no slot.
    ties : int
        How many of these are as far as one that did: which of them takes part is an accident.
    """

    nlist: np.ndarray
    rij: np.ndarray
    rows: np.ndarray
    slopes: np.ndarray
    cut_off: np.ndarray
    ties: int


def surroundings(coord, types, cell, *, rcut: float, rcut_smth: float, sel: Sequence[int]) -> Surroundings:
    """Neighbours and rows of one frame.

    Parameters
    ----------
    coord : array [N, 3], Å
    types : int array [N]
        Negative for virtual atoms, which neither see nor are seen.
    cell : array [3, 3] or None
        Lattice vectors as rows, Å; None for open boundaries.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å. The operations of graphs hold them in single precision, so they do here.
    sel : sequence of int
        Slots of each type; the nearest neighbours of a type get them.
    """
    rcut, rcut_smth = float(np.float32(rcut)), float(np.float32(rcut_smth))
    natoms, nnei = len(types), int(np.sum(sel))
    i, j, r = _pairs(np.asarray(coord, np.float64), np.asarray(types), cell, rcut)
    first = np.cumsum([0, *sel[:-1]])
    group = i * len(sel) + types[j]  # ascending
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    rank = np.arange(len(group)) - np.repeat(starts, np.diff(starts, append=len(group)))
    kept = rank < np.asarray(sel)[types[j]]
    cut_off = np.bincount(i[~kept], minlength=natoms)
    # The first without a slot stands behind the last with one.
    late = np.flatnonzero(~kept & (rank > 0) & (rank == np.asarray(sel)[types[j]]))
    d = np.linalg.norm(r, axis=1)
    ties = int(np.count_nonzero(d[late] - d[late - 1] < _TIE * d[late]))
    i, j, r, rank = i[kept], j[kept], r[kept], rank[kept]
    slot = first[types[j]] + rank
    nlist = np.full((natoms, nnei), -1)
    rij, rows = np.zeros((natoms, nnei, 3)), np.zeros((natoms, nnei, 4))
    slopes = np.zeros((natoms, nnei, 4, 3))
    nlist[i, slot], rij[i, slot] = j, r
    rows[i, slot], slopes[i, slot] = environment_rows(r, rcut_smth, rcut)
    return Surroundings(nlist, rij, rows, slopes, cut_off, ties)


def environment_rows(r, rcut_smth: float, rcut: float):
    """Rows [n, 4] of neighbours at r [n, 3], and their derivatives by r [n, 4, 3]."""
    d = np.linalg.norm(r, axis=1, keepdims=True)  # [n, 1]
    u = np.clip((d - rcut_smth) / (rcut - rcut_smth), 0.0, 1.0)
    s = u**3 * (-6 * u**2 + 15 * u - 10) + 1
    ds = -30 * u**2 * (u - 1) ** 2 / (rcut - rcut_smth)
    e = r / d
    rows = np.concatenate([s, s * e], axis=1) / d
    radial = (ds / d - s / d**2) * e  # [n, 3], of s / d
    directions = (s / d**2)[:, :, None] * (np.eye(3) - e[:, :, None] * e[:, None, :])
    slopes = np.concatenate([radial[:, None, :], e[:, :, None] * radial[:, None, :] + directions], axis=1)
    return rows, slopes


def _pairs(coord, types, cell, rcut: float):
    """Pairs (i, j, r [n, 3]) nearer than rcut, by i, type of j, distance, j and image."""
    real = np.flatnonzero(types >= 0)
    inside, places, atoms = _images(coord, real, cell, rcut)
    found = cKDTree(inside).sparse_distance_matrix(cKDTree(places), rcut, output_type="ndarray")
    # Each real atom stands first among the images.
    found = found[(found["i"] != found["j"]) & (found["v"] < rcut)]
    i, image = found["i"], found["j"]
    r = places[image] - inside[i]
    short = places[image].astype(np.float32) - inside[i].astype(np.float32)
    order = np.lexsort((image, (short**2).sum(axis=1), types[atoms[image]], i))
    return real[i[order]], atoms[image[order]], r[order]


def _images(coord, real, cell, rcut: float):
    """Wrapped real atoms [n, 3], and with their images near the cell: places [m, 3] and atoms [m]."""
    if cell is None:
        return coord[real], coord[real], real
    cell = np.reshape(cell, (3, 3)).astype(np.float64)
    inverse = np.linalg.inv(cell)
    reach = rcut * np.linalg.norm(inverse, axis=0)  # cutoff by distance of opposite faces
    fraction = coord[real] @ inverse
    fraction -= np.floor(fraction)
    shifts = itertools.product(*(range(-n, n + 1) for n in np.ceil(reach).astype(int)))
    images, atoms = [fraction], [real]
    for shift in map(np.array, shifts):
        moved = fraction + shift
        near = ((moved > -reach) & (moved < 1 + reach)).all(axis=1)
        if shift.any() and near.any():
            images.append(moved[near])
            atoms.append(real[near])
    return fraction @ cell, np.concatenate(images) @ cell, np.concatenate(atoms)
