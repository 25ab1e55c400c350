"""Where the arrays of a system lie: the interface that folders, raw text and HDF5 share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from deepmd_tf.errors import DataError


class FrameShape(NamedTuple):
    """The shape that an array must have: ``nframes`` times ``width`` values, of a system of ``natoms`` atoms."""

    nframes: int
    width: int
    natoms: int

    def check(self, place: str, shape: tuple[int, ...]) -> None:
        """Refuse another shape. Besides one row per frame an array may be stored flat, as one row or as rank 1."""
        nframes, width, natoms = self
        size = math.prod(shape)
        flat = len(shape) <= 1 or shape[0] == 1
        if not flat and shape[0] != nframes:
            raise DataError.at(
                place, expected=f"{nframes} frames, as in coord", found=f"{shape[0]} frames, shape {shape}"
            )
        if size == nframes * width:
            return
        atomic = width % natoms == 0 and width >= natoms > 1
        factors = f" ({width // natoms} x {natoms} atoms)" if atomic else ""
        raise DataError.at(
            place,
            expected=f"{width} values per frame{factors} in {nframes} frames",
            found=f"{size // nframes} values per frame" if size % nframes == 0 else f"{size} values, shape {shape}",
            hint="Is the number of atoms in type.raw right?" if atomic else None,
        )


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
    def rows(self, set_name: str, name: str, expected: FrameShape, frames: np.ndarray) -> np.ndarray:
        """The rows ``frames`` of an array of the expected shape, [len(frames), expected.width]."""

    @abstractmethod
    def fingerprint(self) -> list:
        """Names, sizes and change times of what the system consists of; equal as long as nothing changed."""


def check_dtype(place: str, dtype: np.dtype) -> None:
    """Refuse what is not a plain number: pickled objects, text, complex values."""
    if dtype.kind not in "fiu":
        hint = "Objects are not unpickled, since that may run code." if dtype.hasobject else None
        raise DataError.at(place, expected="real or integer numbers", found=f"dtype {dtype}", hint=hint)
