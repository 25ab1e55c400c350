"""Where the arrays of a system lie: the interface that folders, raw text and HDF5 share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from deepmd_tf.errors import DataError


class Source(ABC):
    """One system on disk, unchecked: file names, shapes and rows.

    Attributes
    ----------
    path : str
        As the user wrote it, for messages.
    sets : tuple of str
        The sets in order of name.
    pbc : bool
        False where an entry called ``nopbc`` stands.
    """

    path: str
    sets: tuple[str, ...]
    pbc: bool

    @abstractmethod
    def types(self) -> np.ndarray:
        """The integers of ``type.raw``, int64 [N], in the order of the file."""

    @abstractmethod
    def type_names(self) -> tuple[str, ...] | None:
        """The names of ``type_map.raw``, or None where there is none."""

    @abstractmethod
    def names(self, set_name: str) -> frozenset[str]:
        """The arrays of a set, without suffix."""

    @abstractmethod
    def place(self, set_name: str, name: str) -> str:
        """The file that holds an array, as messages name it."""

    @abstractmethod
    def shape(self, set_name: str, name: str) -> tuple[int, ...]:
        """The stored shape of an array, without reading its values."""

    @abstractmethod
    def rows(self, set_name: str, name: str, nframes: int, width: int, frames: np.ndarray) -> np.ndarray:
        """The rows ``frames`` of an array stored as ``nframes`` times ``width`` values, [len(frames), width]."""

    @abstractmethod
    def fingerprint(self) -> list:
        """Names, sizes and change times of what the system consists of; equal as long as nothing changed."""


def check_shape(place: str, shape: tuple[int, ...], nframes: int, width: int, natoms: int | None = None) -> None:
    """Refuse a stored shape that is not ``nframes`` times ``width`` values.

    Besides one row per frame, of any rank, an array may be stored flat: as one row, or as rank 1.
    """
    size = int(np.prod(shape))
    flat = len(shape) <= 1 or shape[0] == 1
    if size == nframes * width and (flat or shape[0] == nframes):
        return
    per_atom = f" ({width // natoms} x {natoms} atoms)" if natoms and width % natoms == 0 and width >= natoms else ""
    if flat or shape[0] == nframes or nframes == 0:
        found = f"{size // nframes} values per frame" if nframes and size % nframes == 0 else f"{size} values"
        hint = "Is the number of atoms in type.raw right?" if per_atom else None
        raise DataError.at(
            place, expected=f"{width} values per frame{per_atom} in {nframes} frames", found=f"{found}, shape {shape}", hint=hint
        )
    raise DataError.at(place, expected=f"{nframes} frames, as in coord", found=f"{shape[0]} frames, shape {shape}")


def check_dtype(place: str, dtype: np.dtype) -> None:
    """Refuse what is not a plain number: pickled objects, text, complex values."""
    if dtype.kind not in "fiu":
        hint = "Objects are not unpickled, since that may run code." if dtype.hasobject else None
        raise DataError.at(place, expected="real or integer numbers", found=f"dtype {dtype}", hint=hint)
