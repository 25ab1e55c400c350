"""Systems as groups of an HDF5 file: groups stand for folders, datasets for files, under the same names."""

from __future__ import annotations

import os
from contextlib import contextmanager

import h5py
import numpy as np

from deepmd_tf.data.cache import HDF5_FILES, SMALL_ARRAY, ArrayCache
from deepmd_tf.data.source import FrameShape, Source, check_dtype
from deepmd_tf.errors import DataError


def split_path(path: str) -> tuple[str, str] | None:
    """``file`` and ``/group`` of "file.hdf5#/group" or "file.hdf5"; None if ``path`` is no HDF5 file.

    >>> split_path("data.hdf5#/water")
    ('data.hdf5', '/water')
    """
    file, _, group = path.partition("#")
    if file.endswith((".hdf5", ".h5")) and not os.path.isdir(file):
        return file, "/" + group.strip("/")
    return None


@contextmanager
def reading(place: str, file: str):
    """The open HDF5 file; what the library raises becomes a :class:`DataError` that names ``place``."""
    try:
        with HDF5_FILES.opened(file) as handle:
            yield handle
    except FileNotFoundError as error:
        raise DataError(f"{file}: there is no such file") from error
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise DataError(f"{place}: cannot be read as HDF5 ({error})") from error


class Hdf5Group(Source):
    """The system in ``group`` of the HDF5 file ``file``."""

    def __init__(self, file: str, group: str, cache: ArrayCache):
        self.path = f"{file}#{group}"
        self.file = file
        self.group = group
        self.cache = cache
        self._names: dict[str, frozenset[str]] = {}
        with reading(self.path, file) as handle:
            node = handle.get(group)
            if not isinstance(node, h5py.Group):
                raise DataError.at(self.path, expected="a group", found="nothing" if node is None else "a dataset")
            entries = set(node)
            self.sets = tuple(
                sorted(n for n in entries if n.startswith("set.") and isinstance(node.get(n), h5py.Group))
            )
            for name in self.sets:
                self._names[name] = frozenset(key[:-4] for key in node[name] if key.endswith(".npy"))
        self.pbc = "nopbc" not in entries
        self._has_map = "type_map.raw" in entries
        self._has_types = "type.raw" in entries

    def types(self) -> np.ndarray:
        if not self._has_types:
            raise DataError.at(self.path, expected="a dataset 'type.raw'", found="none")
        values = np.atleast_1d(self._read("type.raw")).ravel()
        if values.dtype.kind not in "iu":
            raise DataError.at(
                f"{self.path}/type.raw", expected="integers, one per atom", found=f"dtype {values.dtype}"
            )
        return values.astype(np.int64)

    def type_names(self) -> tuple[str, ...] | None:
        if not self._has_map:
            return None
        values = np.atleast_1d(self._read("type_map.raw")).ravel()
        words = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.tolist()]
        return tuple(" ".join(words).split())

    def names(self, set_name: str) -> frozenset[str]:
        return self._names[set_name]

    def place(self, set_name: str, name: str) -> str:
        return f"{self.path.rstrip('/')}/{set_name}/{name}.npy"

    def shape(self, set_name: str, name: str) -> tuple[int, ...]:
        place = self.place(set_name, name)
        with reading(place, self.file) as handle:
            return self._dataset(handle, set_name, name).shape

    def rows(self, set_name: str, name: str, expected: FrameShape, frames: np.ndarray) -> np.ndarray:
        place = self.place(set_name, name)
        cached = self.cache.find(place)
        if cached is None:
            with reading(place, self.file) as handle:
                dataset = self._dataset(handle, set_name, name)
                expected.check(place, dataset.shape)
                if dataset.nbytes > SMALL_ARRAY and dataset.ndim > 1 and dataset.shape[0] == expected.nframes:
                    return _selected(dataset, expected.width, frames)
                cached = self.cache.get(place, lambda: dataset[()])
        expected.check(place, cached.shape)
        return cached.reshape(expected.nframes, expected.width)[frames]

    def fingerprint(self) -> list:
        status = os.stat(self.file)
        return [os.path.abspath(self.file), self.group, status.st_size, status.st_mtime_ns]

    def _dataset(self, handle: h5py.File, set_name: str, name: str) -> h5py.Dataset:
        place = self.place(set_name, name)
        dataset = handle[f"{self.group}/{set_name}/{name}.npy"]
        if not isinstance(dataset, h5py.Dataset):
            raise DataError.at(place, expected="a dataset", found="a group")
        check_dtype(place, dataset.dtype)
        return dataset

    def _read(self, name: str):
        with reading(f"{self.path}/{name}", self.file) as handle:
            node = handle[f"{self.group}/{name}"]
            if not isinstance(node, h5py.Dataset):
                raise DataError.at(f"{self.path}/{name}", expected="a dataset", found="a group")
            return node[()]


def _selected(dataset: h5py.Dataset, width: int, frames: np.ndarray) -> np.ndarray:
    # The library selects rows in ascending order without repetition only.
    unique, inverse = np.unique(frames, return_inverse=True)
    return dataset[unique].reshape(len(unique), width)[inverse]
