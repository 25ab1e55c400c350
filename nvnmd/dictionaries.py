"""Dictionaries of settings, weights and tables on disk: NumPy object arrays of shape (1,), or JSON.

An object array is a pickle, and a pickle may run any program when it is read. The unpickler of this module knows the
few functions that build arrays and numbers, and refuses all else. Source: NVNMD format, files and when they appear.
"""

from __future__ import annotations

import io
import json
import pickle
import re
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.files import write_atomic

# What NumPy itself writes into a pickle. Its module "numpy.core" became "numpy._core"; either reads the other's files.
CORE = np.float64().__reduce__()[0].__module__.rpartition(".")[0]
ALLOWED = {
    "numpy": ("ndarray", "dtype"),
    f"{CORE}.multiarray": ("_reconstruct", "scalar"),
    f"{CORE}.numeric": ("_frombuffer",),
}
SCALARS = (str, int, float, bool, type(None), np.number, np.bool_)


def read_dictionary(path: str | Path) -> dict:
    """Read a dictionary of settings, weights or tables.

    Parameters
    ----------
    path : path
        ``.json`` is JSON; any other suffix a NumPy object array of shape (1,).

    Returns
    -------
    dict
        Of arrays, numbers, strings, None, and lists, tuples and dictionaries of these.

    Raises
    ------
    ModelFormatError
        The file cannot be read, is not of this form, or holds something else.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFormatError(f"{path}: cannot be read ({error.strerror or error})") from error
    found = _from_json(content, path) if path.suffix == ".json" else _from_npy(content, path)
    if not isinstance(found, dict):
        raise ModelFormatError(f"{path}: expected a dictionary, found {type(found).__name__}")
    try:
        _check(found, path, "")
    except RecursionError as error:
        raise ModelFormatError(f"{path}: is nested too deeply, or holds itself") from error
    return found


def write_dictionary(path: str | Path, dictionary: dict) -> None:
    """Write a dictionary as :func:`read_dictionary` reads it; the old file or the new is there, never a part.

    Raises
    ------
    ModelFormatError
        The dictionary holds something that the format has no place for.
    SaveError
        The disk does not take it.
    """
    path = Path(path)
    _check(dictionary, path, "")
    if path.suffix == ".json":
        write_atomic(path, (json.dumps(dictionary, indent=4, default=_plain) + "\n").encode())
        return
    holder = np.empty(1, object)
    holder[0] = dictionary
    buffer = io.BytesIO()
    np.save(buffer, holder, allow_pickle=True)
    write_atomic(path, buffer.getvalue())


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        """Only what builds arrays and numbers."""
        current = re.sub(r"^numpy\._?core\b", CORE, module)
        if name not in ALLOWED.get(current, ()):
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(current, name)


def _from_npy(content: bytes, path: Path):
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = header(stream)
    except (ValueError, KeyError, EOFError) as error:
        raise ModelFormatError(f"{path}: expected a .npy file, found something else ({error})") from error
    if shape != (1,) or dtype.kind != "O":
        raise ModelFormatError(f"{path}: expected an object array of shape (1,), found {dtype} of shape {shape}")
    try:
        holder = _Unpickler(stream).load()
    except Exception as error:  # a broken pickle raises almost anything
        raise ModelFormatError(
            f"{path}: expected a dictionary of arrays, numbers and strings, but {error}",
            "Only files that hold nothing else are opened: others could run programs",
        ) from error
    return holder[0] if isinstance(holder, np.ndarray) and holder.shape == (1,) else holder


def _from_json(content: bytes, path: Path):
    try:
        return json.loads(content)
    except ValueError as error:
        raise ModelFormatError(f"{path}: is not JSON ({error})") from error


def _check(value, path: Path, place: str) -> None:
    """Raise unless the value consists of arrays, numbers, strings, None, lists, tuples and dictionaries."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ModelFormatError(f"{path}{place}: expected names as keys, found {key!r}")
            _check(item, path, f"{place}, {key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, path, f"{place}[{index}]")
    elif isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufU":
            raise ModelFormatError(f"{path}{place}: expected an array of numbers, found {value.dtype}")
    elif not isinstance(value, SCALARS):
        raise ModelFormatError(f"{path}{place}: expected a number, text or array, found {type(value).__name__}")


def _plain(value):
    """NumPy's arrays and numbers as JSON's lists and numbers."""
    return value.tolist()
