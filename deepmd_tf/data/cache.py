"""What stays open between two batches, bounded: arrays and file handles least recently used are let go."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import contextmanager

import h5py
import numpy as np

# Below this many bytes one read of the whole is cheaper than a map or a selection, and keeps no file open.
SMALL_ARRAY = 1 << 20
# A memory map costs no memory of ours but a file descriptor, of which a process has about 1000.
_COST_OF_A_MAP = 1 << 20


class ArrayCache:
    """Arrays by key, dropped in the order of last use once their cost passes ``budget`` bytes.

    An array that is dropped while another thread reads it stays valid until that thread is done.
    """

    def __init__(self, budget: int = 1 << 28):
        self.budget = budget
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._cost = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array under ``key``; ``make()`` builds it when it is not here."""
        array = self.find(key)
        if array is not None:
            return array
        array = make()
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._cost += _cost(array)
            while self._cost > self.budget and len(self._arrays) > 1:
                self._cost -= _cost(self._arrays.popitem(last=False)[1])
        return array

    def find(self, key: Hashable) -> np.ndarray | None:
        """The array under ``key``, if it is here."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        return None

    def __len__(self) -> int:
        return len(self._arrays)


def _cost(array: np.ndarray) -> int:
    return _COST_OF_A_MAP if isinstance(array, np.memmap) else array.nbytes


class Hdf5Files:
    """Open HDF5 files, a few at a time; the HDF5 library is entered by one thread at a time anyway."""

    def __init__(self, limit: int = 32):
        self.limit = limit
        self._files: OrderedDict[str, h5py.File] = OrderedDict()
        self._lock = threading.RLock()

    @contextmanager
    def opened(self, path: str):
        """The file at ``path``, open for reading while the context lasts."""
        with self._lock:
            if path not in self._files:
                self._files[path] = h5py.File(path, "r")
            self._files.move_to_end(path)
            yield self._files[path]
            while len(self._files) > self.limit:
                self._files.popitem(last=False)[1].close()


HDF5_FILES = Hdf5Files()
