"""Mean and scale of the environment matrix, by which it is normalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.batch import Batch
from deepmd_tf.data.system import System
from deepmd_tf.ops import core
from deepmd_tf.stat.parallel import ordered_map

# Below this the spread of a component carries no information, and dividing by it would blow up noise.
_SMALLEST_SCALE = 1e-2
# Small enough that the allocator gives the same memory again instead of fresh pages.
_BYTES_PER_PIECE = 1 << 22


@dataclass(frozen=True)
class EnvSpec:
    """What the environment matrix of a descriptor is made of.

    Parameters
    ----------
    rcut, rcut_smth : float
        Cutoff and start of the switch, in Å.
    sel : tuple of int
        Slots per type; one number for a list that does not tell types apart.
    ntypes : int
    exclude_types : tuple of (int, int)
        Pairs of types that do not see each other.
    set_davg_zero : bool
        Whether the mean stays zero.
    components : int
        Numbers in a row: 4, or 1 for :math:`s` alone.
    env_protection : float
        Added to distances where rows divide by them, Å.
    """

    rcut: float
    rcut_smth: float
    sel: tuple[int, ...]
    ntypes: int
    exclude_types: tuple[tuple[int, int], ...] = ()
    set_davg_zero: bool = False
    components: int = 4
    env_protection: float = 0.0


def environment_statistics(
    samples: Iterable[tuple[System, Batch]], spec: EnvSpec, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`statistics_of_frames` of samples from :meth:`deepmd_tf.data.dataset.DataSet.sample`."""
    frames = (
        (batch[keys.COORD], batch[keys.TYPE], batch[keys.BOX] if system.pbc else None) for system, batch in samples
    )
    return statistics_of_frames(frames, spec, workers)


def statistics_of_frames(
    frames: Iterable[tuple], spec: EnvSpec, workers: int | None = None, unseen: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Mean and scale of the rows :math:`(s, c_1, c_2, c_3)` of the environment matrix, per type of the centre.

    Over all ``n`` slots of all atoms of a type, the empty and the excluded ones as zeros,

    .. math:: \mu_r = \frac{\sum s}{n}, \quad \sigma_r^2 = \frac{\sum s^2}{n} - \mu_r^2, \quad
              \sigma_a^2 = \frac{\sum \overline{c^2}}{n} - \Bigl(\frac{\sum \bar c}{n}\Bigr)^2,

    where the bar is the mean of the three components. A scale below 0.01 becomes 0.01. The mean of the directional
    components is taken as 0.

    Parameters
    ----------
    frames : iterable of (coord [nf, N*3], types int32 [nf, N], box [nf, 9] or None)
        Å; open boundaries where there is no box.
    spec : EnvSpec
    workers : int, optional
        Threads; the result does not depend on it.
    unseen : float, optional
        Scale of a type without atoms; 1/rcut unless given.

    Returns
    -------
    davg, dstd : float64 [ntypes, nnei*components]
    """
    sums = np.zeros((5, spec.ntypes))  # n, s, s^2, mean c, mean c^2
    for part in ordered_map(lambda piece: _sums(*piece, spec), _pieces(frames, sum(spec.sel)), workers):
        sums += part
    n, s, s2, c, c2 = sums
    mean = np.zeros((spec.ntypes, 4))
    if not spec.set_davg_zero:
        mean[:, 0] = s / (n + 1e-15)
    scale = np.empty((spec.ntypes, 4))
    unseen = 1.0 / spec.rcut if unseen is None else unseen
    scale[:, 0] = _scale(n, s, s2, unseen)
    scale[:, 1:] = _scale(n, c, c2, unseen)[:, None]
    nnei, row = sum(spec.sel), slice(spec.components)
    return np.tile(mean[:, row], (1, nnei)), np.tile(scale[:, row], (1, nnei))


def _scale(n: np.ndarray, total: np.ndarray, squares: np.ndarray, unseen: float) -> np.ndarray:
    safe = np.maximum(n, 1)
    # Rounding may leave a variance of -1e-18 where all values are equal.
    scale = np.sqrt(np.maximum(squares / safe - (total / safe) ** 2, 0.0))
    return np.where(n == 0, unseen, np.maximum(scale, _SMALLEST_SCALE))


def _pieces(frames: Iterable[tuple], nnei: int) -> Iterator[tuple]:
    for coord, types, box in frames:
        step = max(1, _BYTES_PER_PIECE // (types.shape[1] * max(1, nnei) * 4 * 8))
        for start in range(0, len(coord), step):
            part = slice(start, start + step)
            yield coord[part], types[part], None if box is None else box[part]


def _sums(coord: np.ndarray, types: np.ndarray, box: np.ndarray | None, spec: EnvSpec) -> np.ndarray:
    """The five sums of one piece, [5, ntypes]."""
    listed = np.ascontiguousarray(types)
    if len(spec.sel) == 1 and spec.ntypes > 1:
        listed = np.where(types < 0, -1, 0).astype(np.int32)
    env = core.env_mat(
        coord, listed, box, rcut=spec.rcut, rcut_smth=spec.rcut_smth, sel=list(spec.sel), derivative=False
    )
    rows = env.descrpt  # [nf, N, nnei, 4]
    if spec.env_protection:
        r = np.sqrt(np.einsum("...x,...x", env.rij, env.rij))[..., None]
        rows = rows * (r / (r + spec.env_protection)) ** np.array([1, 2, 2, 2])
    if spec.exclude_types:
        rows = rows * _kept(types, env.nlist, spec)[..., None]
    # Sums over slots as products with ones: several times faster than reductions over so short an axis.
    ones = np.ones(rows.shape[2])
    first, second = ones @ rows, ones @ (rows * rows)  # [nf, N, 4]
    per_atom = (
        np.full(types.shape, ones.sum()),
        first[..., 0],
        second[..., 0],
        first[..., 1:].mean(-1),
        second[..., 1:].mean(-1),
    )
    real = types >= 0
    return np.stack([np.bincount(types[real], value[real], minlength=spec.ntypes) for value in per_atom])


def _kept(types: np.ndarray, nlist: np.ndarray, spec: EnvSpec) -> np.ndarray:
    """False for the slots of excluded pairs of types, [nf, N, nnei]."""
    seen = np.ones((spec.ntypes + 1, spec.ntypes + 1), bool)
    for a, b in spec.exclude_types:
        seen[a, b] = seen[b, a] = False
    neighbors = np.take_along_axis(types, nlist.reshape(len(nlist), -1), 1).reshape(
        nlist.shape
    )  # empty slots: any type
    return seen[types[:, :, None], neighbors] | (nlist < 0)
