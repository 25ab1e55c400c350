"""Environment matrix and neighbour statistics, by loops over pairs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf.ops.core import EnvMat, NeighborStat


class MixedEnvMat(NamedTuple):
    """Outputs of :func:`env_mat_mix`, with nnei = nsel."""

    descrpt: np.ndarray  # [nf, N, nnei, 4]
    deriv: np.ndarray  # [nf, N, nnei, 4, 3]
    rij: np.ndarray  # [nf, N, nnei, 3], Å
    nlist: np.ndarray  # [nf, N, nnei] int32, -1 where a slot is empty
    ntype: np.ndarray  # [nf, N, nnei] int32, type of the neighbour; ntypes where a slot is empty
    nmask: np.ndarray  # [nf, N, nnei] bool, whether the slot holds a neighbour


def switch(d: float, rmin: float, rmax: float) -> tuple[float, float]:
    """S(d) and its derivative: 1 up to rmin, 0 from rmax on, a polynomial with two continuous derivatives between."""
    if d < rmin:
        return 1.0, 0.0
    if d >= rmax:
        return 0.0, 0.0
    u = (d - rmin) / (rmax - rmin)
    value = u**3 * (-6 * u**2 + 15 * u - 10) + 1
    slope = (3 * u**2 * (-6 * u**2 + 15 * u - 10) + u**3 * (-12 * u + 15)) / (rmax - rmin)
    return value, slope


def env_row(r: np.ndarray, rmin: float, rmax: float) -> tuple[np.ndarray, np.ndarray]:
    """Row [4] of a neighbour at r = R_j - R_i, and its derivative by R_i [4, 3]."""
    d = float(np.sqrt(r @ r))
    s, ds = switch(d, rmin, rmax)
    row = s * np.array([1 / d, *(r / d**2)])
    deriv = np.empty((4, 3))
    deriv[0] = r * (s / d**3 - ds / d**2)
    for k in range(3):
        for e in range(3):
            deriv[1 + k, e] = s * (2 * r[k] * r[e] / d**4 - (k == e) / d**2) - ds * r[k] * r[e] / d**3
    return row, deriv


def images(coord: np.ndarray, box: np.ndarray | None, rcut: float):
    """Positions wrapped into the box, and the lattice shifts whose images can lie within rcut of it."""
    if box is None:
        return coord, [np.zeros(3)]
    lattice = box.reshape(3, 3).astype(np.float64)
    fraction = coord.astype(np.float64) @ np.linalg.inv(lattice)
    wrapped = coord.astype(np.float64) - np.floor(fraction) @ lattice
    # The distance of opposite faces along axis d is one over the norm of column d of the inverse.
    height = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    reach = [range(-n, n + 1) for n in (np.ceil(rcut / height).astype(int) + 1)]
    shifts = sorted(itertools.product(*reach), key=lambda n: (n != (0, 0, 0), n))
    return wrapped, [np.array(n) @ lattice for n in shifts]


def neighbors_of(i: int, coord, atype, box, rcut: float) -> list[tuple[int, float, int, np.ndarray]]:
    """(type, float32 squared distance, atom, r) of all neighbours of atom i, sorted; real atoms before images."""
    dtype = coord.dtype.type
    wrapped, shifts = images(coord, box, rcut)
    found = []
    if atype[i] < 0:
        return []
    centre = wrapped[i].astype(dtype)
    limit = np.float32(rcut) * np.float32(rcut)
    for number, shift in enumerate(shifts):
        for j in range(len(coord)):
            if atype[j] < 0 or (j == i and number == 0):
                continue
            position = (wrapped[j] + shift).astype(dtype)
            r = position - centre
            r32 = position.astype(np.float32) - centre.astype(np.float32)
            d2 = (r32[0] * r32[0] + r32[1] * r32[1]) + r32[2] * r32[2]
            if (r[0] * r[0] + r[1] * r[1]) + r[2] * r[2] < dtype(rcut) * dtype(rcut) and d2 <= limit:
                found.append((int(atype[j]), d2, number * len(coord) + j, r))
    found.sort(key=lambda entry: entry[:3])
    return [(t, float(d2), index % len(coord), r) for t, d2, index, r in found]


def env_mat(
    coord,
    atype,
    box,
    *,
    rcut: float,
    rcut_smth: float,
    sel: Sequence[int],
    components: int = 4,
    davg=None,
    dstd=None,
    derivative=True,
) -> EnvMat:
    """See :func:`deepmd_tf.ops.core.env_mat`."""
    nf, natoms, nnei = len(coord), coord.shape[1] // 3, int(np.sum(sel))
    rcut, rcut_smth = float(np.float32(rcut)), float(np.float32(rcut_smth))
    start = np.concatenate([[0], np.cumsum(sel)])
    by_type = (len(sel), nnei, components)
    mean = np.zeros(by_type) if davg is None else np.reshape(davg, by_type)
    scale = np.ones(by_type) if dstd is None else np.reshape(dstd, by_type)
    descrpt = np.zeros((nf, natoms, nnei, components))
    deriv = np.zeros((nf, natoms, nnei, components, 3))
    rij = np.zeros((nf, natoms, nnei, 3))
    nlist = np.full((nf, natoms, nnei), -1, np.int32)
    for f, i in itertools.product(range(nf), range(natoms)):
        used = [0] * len(sel)
        frame_box = None if box is None else np.reshape(box[f], 9)
        for t, _, j, r in neighbors_of(i, coord[f].reshape(-1, 3), atype[f], frame_box, rcut):
            if used[t] == sel[t]:
                continue
            slot = start[t] + used[t]
            used[t] += 1
            nlist[f, i, slot], rij[f, i, slot] = j, r
            row, slope = env_row(r.astype(np.float64), rcut_smth, rcut)
            descrpt[f, i, slot], deriv[f, i, slot] = row[:components], slope[:components]
        if atype[f][i] >= 0:
            descrpt[f, i] = (descrpt[f, i] - mean[atype[f][i]]) / scale[atype[f][i]]
            deriv[f, i] /= scale[atype[f][i]][..., None]
    dtype = np.asarray(coord).dtype
    return EnvMat(descrpt.astype(dtype), deriv.astype(dtype) if derivative else None, rij.astype(dtype), nlist)


def env_mat_mix(coord, atype, box, *, rcut: float, rcut_smth: float, nsel: int, davg, dstd) -> MixedEnvMat:
    """Environment matrix with neighbours of all types in one block, sorted by (distance, index).

    Parameters
    ----------
    coord, atype, box, rcut, rcut_smth
        As :func:`env_mat`; each frame has types of its own.
    nsel : int
        Neighbour slots of an atom.
    davg, dstd : array [ntypes, nsel*4]
        Mean and scale by type of the centre.
    """
    # Seen as one type, neighbours are sorted by distance alone; virtual atoms stay what they are.
    raw = env_mat(coord, np.minimum(atype, 0), box, rcut=rcut, rcut_smth=rcut_smth, sel=(nsel,))
    mean, scale = np.reshape(davg, (-1, nsel, 4)), np.reshape(dstd, (-1, nsel, 4))
    descrpt, deriv = np.zeros(raw.descrpt.shape), np.zeros(raw.deriv.shape)
    ntype = np.full(raw.nlist.shape, len(mean), np.int32)
    for f, i in np.ndindex(*np.shape(atype)):
        centre = atype[f][i]
        if centre >= 0:
            descrpt[f, i] = (raw.descrpt[f, i] - mean[centre]) / scale[centre]
            deriv[f, i] = raw.deriv[f, i] / scale[centre][..., None]
        for slot, j in enumerate(raw.nlist[f, i]):
            if j >= 0:
                ntype[f, i, slot] = atype[f][j]
    dtype = raw.rij.dtype
    return MixedEnvMat(descrpt.astype(dtype), deriv.astype(dtype), raw.rij, raw.nlist, ntype, raw.nlist >= 0)


def neighbor_stat(coord, atype, box, *, rcut: float, ntypes: int, mixed: bool = False) -> NeighborStat:
    """See :func:`deepmd_tf.ops.core.neighbor_stat`."""
    columns = 1 if mixed else ntypes
    best, pair = math.inf, (-1, -1, -1)
    most, worst = np.zeros(columns, np.int32), np.full((columns, 2), -1)
    for f, i in itertools.product(range(len(coord)), range(coord.shape[1] // 3)):
        frame_box = None if box is None else np.reshape(box[f], 9)
        count = np.zeros(columns, int)
        for t, _, j, r in neighbors_of(i, coord[f].reshape(-1, 3), atype[f], frame_box, rcut):
            count[0 if mixed else t] += 1
            d = float(np.sqrt(r @ r))
            if d < best:
                best, pair = d, (f, i, j)
        for c in range(columns):
            if count[c] > most[c]:
                most[c], worst[c] = count[c], (f, i)
    return NeighborStat(best, pair, most, worst)
