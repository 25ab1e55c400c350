"""Slow, obvious NumPy definition of each op: the text to read first, and what the tests hold the kernels against.

Signatures are those of :mod:`deepmd_tf.ops.core`, without threads and targets. Nothing here is fast: neighbours are
found by trying every image of every atom.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from deepmd_tf.ops.core import EnvMat, NeighborStat

GELU_C = math.sqrt(2.0 / math.pi)
GELU_CUBE = 0.044715


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


def env_mat_a(
    coord, atype, box, *, rcut: float, rcut_smth: float, sel: Sequence[int], davg=None, dstd=None, derivative=True
) -> EnvMat:
    """See :func:`deepmd_tf.ops.core.env_mat_a`."""
    nf, natoms, nnei = len(coord), coord.shape[1] // 3, int(np.sum(sel))
    rcut, rcut_smth = float(np.float32(rcut)), float(np.float32(rcut_smth))
    start = np.concatenate([[0], np.cumsum(sel)])
    mean = np.zeros((len(sel), nnei, 4)) if davg is None else np.reshape(davg, (len(sel), nnei, 4))
    scale = np.ones((len(sel), nnei, 4)) if dstd is None else np.reshape(dstd, (len(sel), nnei, 4))
    descrpt = np.zeros((nf, natoms, nnei, 4))
    deriv = np.zeros((nf, natoms, nnei, 4, 3))
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
            descrpt[f, i, slot], deriv[f, i, slot] = env_row(r.astype(np.float64), rcut_smth, rcut)
        if atype[f][i] >= 0:
            descrpt[f, i] = (descrpt[f, i] - mean[atype[f][i]]) / scale[atype[f][i]]
            deriv[f, i] /= scale[atype[f][i]][..., None]
    dtype = np.asarray(coord).dtype
    return EnvMat(descrpt.astype(dtype), deriv.astype(dtype) if derivative else None, rij.astype(dtype), nlist)


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


def prod_force_a(net_deriv, deriv, nlist, *, nall: int | None = None):
    """See :func:`deepmd_tf.ops.core.prod_force_a`."""
    nf, nloc, nnei = nlist.shape
    force = np.zeros((nf, nloc if nall is None else nall, 3), net_deriv.dtype)
    for f, i, k in np.ndindex(nf, nloc, nnei):
        on_neighbor = net_deriv[f, i, k] @ deriv[f, i, k]  # [3]
        force[f, i] -= on_neighbor
        if nlist[f, i, k] >= 0:
            force[f, nlist[f, i, k]] += on_neighbor
    return force


def prod_force_a_grad(grad, deriv, nlist):
    """See :func:`deepmd_tf.ops.core.prod_force_a_grad`."""
    out = np.zeros(deriv.shape[:-1], grad.dtype)
    for f, i, k in np.ndindex(*nlist.shape):
        difference = -grad[f, i]
        if nlist[f, i, k] >= 0:
            difference = difference + grad[f, nlist[f, i, k] % grad.shape[1]]
        out[f, i, k] = deriv[f, i, k] @ difference
    return out


def prod_virial_a(net_deriv, deriv, rij, nlist, *, nall: int | None = None, atomic: bool = True):
    """See :func:`deepmd_tf.ops.core.prod_virial_a`."""
    nf, nloc, nnei = nlist.shape
    virial = np.zeros((nf, 3, 3), net_deriv.dtype)
    atom_virial = np.zeros((nf, nloc if nall is None else nall, 3, 3), net_deriv.dtype)
    for f, i, k in np.ndindex(nf, nloc, nnei):
        if nlist[f, i, k] < 0:
            continue
        term = np.outer(net_deriv[f, i, k] @ deriv[f, i, k], rij[f, i, k])
        virial[f] += term
        atom_virial[f, nlist[f, i, k]] += term
    return virial.reshape(nf, 9), atom_virial.reshape(nf, -1, 9) if atomic else None


def prod_virial_a_grad(grad, deriv, rij, nlist, *, grad_atom=None):
    """See :func:`deepmd_tf.ops.core.prod_virial_a_grad`."""
    out = np.zeros(deriv.shape[:-1], grad.dtype)
    for f, i, k in np.ndindex(*nlist.shape):
        if nlist[f, i, k] < 0:
            continue
        total = grad[f].reshape(3, 3)
        if grad_atom is not None:
            total = total + grad_atom[f, nlist[f, i, k]].reshape(3, 3)
        out[f, i, k] = deriv[f, i, k] @ total @ rij[f, i, k]
    return out


def gelu(x, *, order: int = 0):
    """See :func:`deepmd_tf.ops.core.gelu`."""
    t = np.tanh(GELU_C * (x + GELU_CUBE * x**3))
    slope = GELU_C * (1 + 3 * GELU_CUBE * x**2)  # of the argument of tanh
    if order == 0:
        return 0.5 * x * (1 + t)
    if order == 1:
        return 0.5 * x * (1 - t**2) * slope + 0.5 * (1 + t)
    curvature = GELU_C * 6 * GELU_CUBE * x
    return (1 - t**2) * (slope + 0.5 * x * curvature - x * t * slope**2)


def group_outer(env, feature, offsets):
    """See :func:`deepmd_tf.ops.core.group_outer`."""
    x = np.zeros((len(offsets) - 1, 4, feature.shape[1]), env.dtype)
    for group, (start, end) in enumerate(itertools.pairwise(offsets)):
        x[group] = env[start:end].T @ feature[start:end]
    return x


def group_spread(env, x, offsets):
    """See :func:`deepmd_tf.ops.core.group_spread`."""
    return np.einsum("ja,jak->jk", env, np.repeat(x, np.diff(offsets), axis=0))


def group_dot(feature, x, offsets):
    """See :func:`deepmd_tf.ops.core.group_dot`."""
    return np.einsum("jk,jak->ja", feature, np.repeat(x, np.diff(offsets), axis=0))
