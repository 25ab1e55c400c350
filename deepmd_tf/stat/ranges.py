"""Which numbers an embedding network can be given: the ranges that tables of it have to cover."""

from __future__ import annotations

import numpy as np


def switch(distance: float, rcut: float, rcut_smth: float) -> float:
    """The smooth switch at a distance in Å: 1 below ``rcut_smth``, 0 from ``rcut`` on."""
    u = min(max((distance - rcut_smth) / (rcut - rcut_smth), 0.0), 1.0)
    return u**3 * (-6.0 * u**2 + 15.0 * u - 10.0) + 1.0


def radial_ranges(
    mean: np.ndarray, scale: np.ndarray, nearest: float, rcut: float, rcut_smth: float, width: int = 4
) -> np.ndarray:
    r"""Range of the first column of the environment matrix, for each type of the centre.

    From an empty slot, :math:`-\mu/\sigma`, to the nearest neighbour, :math:`(s(d_\text{min}) - \mu)/\sigma`,
    rounded outwards to whole numbers (contract G.2). The upper end is at least 1.

    Parameters
    ----------
    mean, scale : [ntypes, nnei*width]
        Statistics of the matrix.
    nearest : float
        Smallest distance of two atoms in the training data, Å.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    width : int
        Numbers per slot: 4, or 1 in a matrix of distances alone.

    Returns
    -------
    ndarray [ntypes, 2]
        Lower and upper end.
    """
    mean, scale = (np.asarray(x, np.float64).reshape(len(x), -1, width)[:, :, 0] for x in (mean, scale))
    closest = switch(nearest, rcut, rcut_smth) / nearest
    lower = np.floor((-mean / scale).min(axis=1))
    upper = np.maximum(np.ceil(((closest - mean) / scale).max(axis=1)), 1.0)
    # Adding zero turns -0 into 0.
    return np.stack([np.minimum(lower, 0.0) + 0.0, upper], axis=1)


def angular_ranges(scale: np.ndarray, nearest: float, rcut: float, rcut_smth: float) -> np.ndarray:
    r"""Range of the products of directional columns, :math:`\pm(s(d_\text{min})/\sigma)^2`, per type of the centre.

    Parameters are those of :func:`radial_ranges`; returns [ntypes, 2]. The upper end is at least 1.
    """
    scale = np.asarray(scale, np.float64).reshape(len(scale), -1, 4)[:, :, 1:]
    largest = switch(nearest, rcut, rcut_smth) / (nearest * scale.min(axis=(1, 2)))
    upper = np.maximum(np.ceil(largest**2), 1.0)
    return np.stack([-upper, upper], axis=1)


def net_range(ranges: np.ndarray, key: tuple[int, int], excluded=()) -> tuple[float, float]:
    """Range of the network ``key``: that of the type of its centre, or of every centre that a one-sided one serves.

    Parameters
    ----------
    ranges : [ntypes, 2]
        By type of the centre.
    key : (int, int)
        Types of centre and neighbour; the first is -1 for a one-sided network.
    excluded : collection of (int, int)
        Pairs of types that do not see each other, in any order.
    """
    center, neighbor = key
    if center >= 0:
        return tuple(ranges[center])
    pairs = {tuple(pair) for pair in excluded}
    served = [c for c in range(len(ranges)) if not {(c, neighbor), (neighbor, c)} & pairs]
    # A network that serves no centre sees the zeros of masked rows alone.
    return any_center(ranges[served] if served else ranges)


def any_center(ranges: np.ndarray) -> tuple[float, float]:
    """What covers the ranges [ntypes, 2] of all centres: the range of a network of two neighbours."""
    return ranges[:, 0].min(), ranges[:, 1].max()
