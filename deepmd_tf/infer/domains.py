"""A large frame in pieces: domain decomposition, as molecular dynamics programs do it.

Models are local: the energy of an atom depends on atoms within the cutoff. So a frame can be evaluated domain by
domain, each with copies of the atoms around it, and memory depends on the size of a domain, not on that of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Atoms just outside the cutoff change nothing, an atom that rounding leaves out does.
SLACK = 1e-6


@dataclass(frozen=True)
class Domain:
    """Atoms that are evaluated together, and all that lie within the cutoff of them.

    Attributes
    ----------
    count : int
        Atoms of the domain itself: the first ones, in the order of the frame. The others are its surroundings.
    owner : ndarray of int [n]
        Atom of the frame that each is a copy of.
    coord : ndarray [n, 3]
        Positions, Å; images of a periodic frame lie at places of their own.
    """

    count: int
    owner: np.ndarray
    coord: np.ndarray


def domains(coord: np.ndarray, cell: np.ndarray | None, rcut: float, most: int) -> Iterator[Domain]:
    """Cut a frame into domains of about equal numbers of atoms.

    Parameters
    ----------
    coord : ndarray [N, 3]
        Positions, Å.
    cell : ndarray [3, 3] or None
        Lattice vectors as rows, Å; None for open boundaries.
    rcut : float
        Cutoff, Å.
    most : int
        Atoms of a domain, at most.
    """
    places, heights = coord, np.ones(3)
    if cell is not None:
        places = np.linalg.solve(cell.T, coord.T).T
        places = places - np.floor(places)  # in units of the lattice vectors
        heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)  # Å between opposite faces
    reach = rcut * (1 + SLACK) / heights
    for centers in _bisected(places * heights, np.arange(len(coord)), math.ceil(len(coord) / most)):
        own = places[centers]
        owner, image = _between(places, own.min(axis=0) - reach, own.max(axis=0) + reach, cell is not None)
        is_center = np.zeros(len(coord), bool)
        is_center[centers] = True
        around = ~is_center[owner] | image.any(axis=1)
        owner = np.concatenate([centers, owner[around]])
        copies = np.concatenate([own, places[owner[len(centers) :]] + image[around]])
        yield Domain(len(centers), owner, copies if cell is None else copies @ cell)


def _bisected(places: np.ndarray, index: np.ndarray, parts: int) -> Iterator[np.ndarray]:
    """Halve along the longest side, again and again."""
    if parts <= 1:
        yield np.sort(index)
        return
    own = places[index]
    left = parts // 2
    middle = len(index) * left // parts
    order = index[np.argpartition(own[:, np.ptp(own, axis=0).argmax()], middle)]
    yield from _bisected(places, order[:middle], left)
    yield from _bisected(places, order[middle:], parts - left)


def _between(places: np.ndarray, lower: np.ndarray, upper: np.ndarray, periodic: bool):
    """Atoms [n] and images [n, 3], in cells, with places in a box; axis by axis, as most fall out at the first."""
    index, image = np.arange(len(places)), np.zeros((len(places), 3))
    for axis in range(3):
        shifts = range(math.floor(lower[axis]), math.floor(upper[axis]) + 1) if periodic else (0,)
        along = places[index, axis]
        found = [np.flatnonzero((along + shift >= lower[axis]) & (along + shift <= upper[axis])) for shift in shifts]
        image = np.concatenate([image[kept] + shift * np.eye(3)[axis] for kept, shift in zip(found, shifts)])
        index = np.concatenate([index[kept] for kept in found])
    return index, image
