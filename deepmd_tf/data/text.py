"""Systems as folders of raw text: ``NAME.raw`` beside ``type.raw``, one frame per line."""

from __future__ import annotations

import os

import numpy as np

from deepmd_tf.data.cache import ArrayCache
from deepmd_tf.data.npy import Folder, file_status, read_bytes
from deepmd_tf.data.source import FrameShape
from deepmd_tf.errors import DataError

_NO_ARRAYS = frozenset(("type", "type_map"))


class TextFolder(Folder):
    """A folder without ``set.*``: its text files are one set, whose name is empty.

    Text has to be parsed as a whole, so the arrays in use stand in memory; ``set.*/*.npy`` are mapped instead.
    """

    def __init__(self, path: str, entries: dict[str, bool], cache: ArrayCache):
        super().__init__(path, entries, cache)
        self.sets = ("",)
        self._names[""] = frozenset(name[:-4] for name in entries if name.endswith(".raw")) - _NO_ARRAYS

    def place(self, set_name: str, name: str) -> str:
        return os.path.join(self.path, f"{name}.raw")

    def shape(self, set_name: str, name: str) -> tuple[int, ...]:
        return self._array(name).shape

    def rows(self, set_name: str, name: str, expected: FrameShape, frames: np.ndarray) -> np.ndarray:
        array = self._array(name)
        expected.check(self.place(set_name, name), array.shape)
        return array.reshape(expected.nframes, expected.width)[frames]

    def fingerprint(self) -> list:
        names = ("type", "type_map", "coord", "box", "real_atom_types")
        return [self.pbc, *(file_status(self.path, f"{name}.raw") for name in names)]

    def _array(self, name: str) -> np.ndarray:
        file = self.place("", name)
        return self.cache.get(file, lambda: _parse(file))


def _parse(file: str) -> np.ndarray:
    """The numbers of a text file, [lines, numbers per line]; blank lines do not count."""
    lines = [(at, line.split()) for at, line in enumerate(read_bytes(file).splitlines(), 1) if line.strip()]
    if not lines:
        return np.empty((0, 0))
    width = len(lines[0][1])
    for at, words in lines:
        if len(words) != width:
            raise DataError.at(
                f"{file}, line {at}",
                expected=f"{width} numbers as in line {lines[0][0]}",
                found=str(len(words)),
                hint="Each line of a raw file holds one frame.",
            )
    try:
        return np.array([words for _, words in lines], dtype=np.float64)
    except ValueError as error:
        raise _not_a_number(file, lines) from error


def _not_a_number(file: str, lines: list) -> DataError:
    for at, words in lines:
        for word in words:
            try:
                float(word)
            except ValueError:
                return DataError.at(
                    f"{file}, line {at}", expected="numbers", found=repr(word[:40].decode("utf-8", "replace"))
                )
    return DataError.at(file, expected="numbers", found="text")
