"""The neighbours of each atom, as training takes them: sorted by type, distance and index, the nearest of each type.

Source: NVNMD format, environment-matrix ops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepmd_tf.ops import core
from nvnmd.simulate.numbers import Numbers


class Neighbors(NamedTuple):
    """Slots of one frame; m is their number for each atom."""

    rij: np.ndarray  # [N, m, 3], Å; 0 in an empty slot
    nlist: np.ndarray  # int32 [N, m], -1 in an empty slot


def neighbors_of(numbers: Numbers, coord: np.ndarray, box: np.ndarray | None, atype: np.ndarray) -> Neighbors:
    """Neighbours of the atoms of one frame.

    Parameters
    ----------
    numbers : Numbers
        Cutoff and slots.
    coord : array [N, 3]
        Positions, Å.
    box : array [3, 3] or None
        Lattice vectors as rows, Å; None for open boundaries.
    atype : int array [N]
        Types; negative for virtual atoms.

    Raises
    ------
    DataError
        A type is unknown, a position not finite, the box without volume.
    """
    # Version 1 has slots for all types together.
    sorted_by = atype if numbers.version == 0 else np.minimum(atype, 0)
    box = None if box is None else np.reshape(box, (1, 9))
    found = core.env_mat(
        np.reshape(coord, (1, -1)), sorted_by[None], box, rcut=numbers.rcut, rcut_smth=numbers.rcut,
        sel=numbers.slots, derivative=False,
    )  # fmt: skip
    return Neighbors(found.rij[0], found.nlist[0])
