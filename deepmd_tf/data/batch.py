"""The arrays of one step, and frames of several systems merged into one batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from deepmd_tf import keys


class Batch(dict):
    """Arrays by key, see :mod:`deepmd_tf.keys`, with where their frames come from.

    coord [nf, N*3], box [nf, 9], type [nf, N], natoms [2+ntypes], mesh, each label [nf, width] and ``find_<key>``.

    Attributes
    ----------
    system : int or list of int
        Index into the systems of the data set; one per frame in a merged batch.
    set : int or list of int
        Index into the sets of the system.
    frames : int [nf]
        Frames of the set.
    """

    def __init__(self, arrays: dict, system, set_index, frames: np.ndarray):
        super().__init__(arrays)
        for key, value in arrays.items():
            if key.startswith("find_"):
                self[key] = np.float32(value)
        self.system = system
        self.set = set_index
        self.frames = frames

    @property
    def nframes(self) -> int:
        return len(self.frames)

    @property
    def natoms(self) -> float:
        """Real atoms of a frame, on average."""
        return np.count_nonzero(self[keys.TYPE] >= 0) / self.nframes


def merge(batches: Sequence[Batch], atomic: Collection[str]) -> Batch:
    """Frames of several systems as one batch of mixed type, filled up at the end with virtual atoms (type -1, zeros).

    Parameters
    ----------
    batches : sequence of Batch
        With the same keys.
    atomic : collection of str
        The keys of arrays with one entry per atom.
    """
    natoms = max(int(b[keys.NATOMS][0]) for b in batches)
    merged = {}
    for key, first in batches[0].items():
        if key.startswith("find_"):
            merged[key] = first
        elif key == keys.MESH:
            merged[key] = np.zeros(len(first) | 1, np.int32)  # one more than of frames of one composition
        elif key == keys.NATOMS:
            merged[key] = np.array([natoms, natoms, natoms, *[0] * (len(first) - 3)], np.int32)
        elif key in atomic:
            merged[key] = np.concatenate([_pad(b[key], b, natoms, -1 if key == keys.TYPE else 0) for b in batches])
        else:
            merged[key] = np.concatenate([b[key] for b in batches])
    origin = [(b.system, b.set) for b in batches for _ in range(b.nframes)]
    systems, sets = map(list, zip(*origin))
    return Batch(merged, systems, sets, np.concatenate([b.frames for b in batches]))


def _pad(array: np.ndarray, batch: Batch, natoms: int, fill: int) -> np.ndarray:
    own = int(batch[keys.NATOMS][0])
    width = array.shape[1] // own
    return np.pad(array, ((0, 0), (0, (natoms - own) * width)), constant_values=fill)
