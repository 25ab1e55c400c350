"""Systems as folders: ``set.*/NAME.npy``, read through memory maps."""

from __future__ import annotations

import io
import math
import os
from functools import lru_cache

import numpy as np

from deepmd_tf.data.cache import SMALL_ARRAY, ArrayCache
from deepmd_tf.data.source import FrameShape, Source, check_dtype
from deepmd_tf.errors import DataError


class Folder(Source):
    """``type.raw``, ``type_map.raw`` and ``nopbc`` of a folder; the arrays in the sets below it."""

    def __init__(self, path: str, entries: dict[str, bool], cache: ArrayCache):
        self.path = path
        self.cache = cache
        self.pbc = "nopbc" not in entries
        self.sets = tuple(sorted(name for name, is_dir in entries.items() if is_dir and name.startswith("set.")))
        self._has_map = "type_map.raw" in entries
        self._names: dict[str, frozenset[str]] = {}

    def types(self) -> np.ndarray:
        file = os.path.join(self.path, "type.raw")
        return _locate(file, _integers, read_bytes(file))

    def type_names(self) -> tuple[str, ...] | None:
        if not self._has_map:
            return None
        file = os.path.join(self.path, "type_map.raw")
        return _locate(file, _words, read_bytes(file))

    def names(self, set_name: str) -> frozenset[str]:
        if set_name not in self._names:
            with os.scandir(os.path.join(self.path, set_name)) as entries:
                self._names[set_name] = _shared(frozenset(e.name[:-4] for e in entries if e.name.endswith(".npy")))
        return self._names[set_name]

    def place(self, set_name: str, name: str) -> str:
        return os.path.join(self.path, set_name, f"{name}.npy")

    def shape(self, set_name: str, name: str) -> tuple[int, ...]:
        file = self.place(set_name, name)
        try:
            with open(file, "rb", buffering=0) as stream:
                head = stream.read(1024)
                return _header(head, file, os.fstat(stream.fileno()).st_size)[0]
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror})") from error

    def rows(self, set_name: str, name: str, expected: FrameShape, frames: np.ndarray) -> np.ndarray:
        file = self.place(set_name, name)
        array = self.cache.get(file, lambda: _open(file))
        expected.check(file, array.shape)
        return array.reshape(expected.nframes, expected.width)[frames]

    def fingerprint(self) -> list:
        found = [file_status(self.path, "type.raw"), file_status(self.path, "type_map.raw"), self.pbc]
        for set_name in self.sets:
            folder = os.path.join(self.path, set_name)
            found += [file_status(folder, f"{name}.npy") for name in ("coord", "box", "real_atom_types")]
        return found


def read_bytes(file: str) -> bytes:
    """The content of a small file; a :class:`DataError` that names it if it cannot be read."""
    try:
        with open(file, "rb", buffering=0) as stream:
            return stream.readall()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error


def file_status(folder: str, name: str) -> tuple[str, int, int]:
    """Path, size and change time of a file, size -1 where there is none."""
    file = os.path.join(folder, name)
    try:
        status = os.stat(file)
        return os.path.abspath(file), status.st_size, status.st_mtime_ns
    except FileNotFoundError:
        return os.path.abspath(file), -1, 0


def _open(file: str) -> np.ndarray:
    """The array of an npy file: read at once if small, mapped otherwise."""
    try:
        with open(file, "rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.readall() if size <= SMALL_ARRAY else stream.read(1024)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error
    shape, fortran, dtype, offset = _header(content, file, size)
    order = "F" if fortran else "C"
    if size <= SMALL_ARRAY:
        return np.frombuffer(content, dtype, offset=offset).reshape(shape, order=order)
    return np.memmap(file, dtype, "r", offset, shape, order)


def _header(head: bytes, file: str, size: int) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, Fortran order, dtype and data offset of the npy file that starts with ``head``."""
    end = 10 + int.from_bytes(head[8:10], "little")
    if head[:6] == b"\x93NUMPY" and head[6] > 1:
        end = 12 + int.from_bytes(head[8:12], "little")
    try:
        shape, fortran, dtype = _parse_header(head[:end])
    except Exception as error:
        raise DataError(f"{file}: is no npy file ({error})", "Write it anew with numpy.save") from error
    check_dtype(file, dtype)
    need = end + math.prod(shape) * dtype.itemsize
    if size != need:
        what = "truncated" if size < need else "followed by other data"
        raise DataError.at(
            file, expected=f"{need} bytes for shape {shape}, {dtype}", found=f"{size} bytes: it is {what}"
        )
    return shape, fortran, dtype, end


@lru_cache(maxsize=4096)
def _parse_header(head: bytes):
    # Systems of equal size share their headers byte for byte, so thousands of them are parsed once.
    stream = io.BytesIO(head)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


def _locate(file: str, parse, content: bytes):
    try:
        return parse(content)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error


@lru_cache(maxsize=1024)
def _integers(content: bytes) -> np.ndarray:
    try:
        values = np.array(content.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected integers, one per atom, found {_first_bad(content)}") from error
    values.flags.writeable = False
    return values


def _first_bad(content: bytes) -> str:
    for word in content.split():
        try:
            np.array([word], dtype=np.int64)
        except (ValueError, OverflowError):
            return repr(word[:40].decode("utf-8", "replace"))
    return "none"


@lru_cache(maxsize=1024)
def _words(content: bytes) -> tuple[str, ...]:
    try:
        return tuple(content.decode("utf-8").split())
    except UnicodeDecodeError as error:
        raise ValueError("expected names of elements as UTF-8 text, found other bytes") from error


@lru_cache(maxsize=1024)
def _shared(names: frozenset[str]) -> frozenset[str]:
    # Thousands of sets hold the same few names; one frozenset serves them all.
    return names
