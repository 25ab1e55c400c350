"""From the entry ``systems`` of the input file to the paths of the systems."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import h5py

from deepmd_tf.data.hdf5 import reading, split_path
from deepmd_tf.errors import DataError

log = logging.getLogger(__name__)

_MOST_NAMED = 8


def find_systems(systems: str | Sequence[str], rglob_patterns: Sequence[str] | None = None) -> list[str]:
    """The systems below each entry: what holds a ``type.raw``.

    Parameters
    ----------
    systems : str or list of str
        Folders, "file.hdf5" or "file.hdf5#/group". Their order is kept.
    rglob_patterns : list of str, optional
        Keep only the systems below an entry that match one of the patterns, such as "water/*".

    Returns
    -------
    list of str
        In each entry by name, the entry itself last. A system named twice counts twice; that is logged.

    Raises
    ------
    DataError
        An entry does not exist or holds no system.
    """
    entries = [systems] if isinstance(systems, (str, os.PathLike)) else list(systems)
    if not entries:
        raise DataError("systems: the list is empty", "Name at least one folder that holds a type.raw.")
    found: list[str] = []
    for entry in map(os.fspath, entries):
        found += _below(entry, rglob_patterns)
    repeated = [path for path, times in Counter(map(_identity, found)).items() if times > 1]
    if repeated:
        more = f" and {len(repeated) - _MOST_NAMED} more" if len(repeated) > _MOST_NAMED else ""
        log.warning(
            "systems: listed more than once, their frames count as often: %s%s", ", ".join(repeated[:_MOST_NAMED]), more
        )
    return found


def _identity(path: str) -> str:
    return path if "#" in path else os.path.normpath(path)


def _below(entry: str, patterns: Sequence[str] | None) -> list[str]:
    hdf5 = split_path(entry)
    if hdf5:
        paths = _in_file(entry, *hdf5, patterns)
    elif os.path.isdir(entry):
        paths = _in_folder(entry, patterns)
    elif os.path.exists(entry):
        raise DataError.at(entry, expected="a folder or an HDF5 file (.hdf5, .h5)", found="another file")
    else:
        raise DataError(f"{entry}: there is no such file or folder", "Paths count from the folder dp is started in.")
    if not paths:
        below = f" matches {list(patterns)}" if patterns else ""
        raise DataError.at(entry, expected="a folder with a type.raw" + below, found="none")
    return paths


def _in_folder(entry: str, patterns: Sequence[str] | None) -> list[str]:
    if patterns:
        hits = {str(hit) for pattern in patterns for hit in Path(entry).rglob(pattern)}
        return sorted(hit for hit in hits if os.path.isfile(os.path.join(hit, "type.raw")))
    return [*sorted(path for path in _walk(entry, ()) if path != entry), *([entry] if _is_system(entry) else [])]


def _is_system(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "type.raw"))


def _walk(folder: str, above: tuple[str, ...]) -> Iterator[str]:
    """Folders with a type.raw; links are followed unless they lead back to a folder above."""
    try:
        with os.scandir(folder) as entries:
            listing = list(entries)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from error
    if any(e.name == "type.raw" for e in listing):
        yield folder
    for e in listing:
        if e.name.startswith("set.") or not e.is_dir():
            continue
        if e.is_symlink() and os.path.realpath(e.path) in (os.path.realpath(a) for a in (*above, folder)):
            continue
        yield from _walk(e.path, (*above, folder))


def _in_file(entry: str, file: str, group: str, patterns: Sequence[str] | None) -> list[str]:
    with reading(entry, file) as handle:
        top = handle.get(group)
        if not isinstance(top, h5py.Group):
            raise DataError.at(entry, expected="a group", found="nothing" if top is None else "a dataset")
        below = sorted(_groups(top))
    if patterns:
        below = [name for name in below if name and any(PurePosixPath(name).match(p) for p in patterns)]
    names = [name for name in below if name] + [name for name in below if not name]
    base = group.rstrip("/")
    return [f"{file}#{base}/{name}".rstrip("/") if name or base else f"{file}#/" for name in names]


def _groups(group: h5py.Group, prefix: str = "") -> Iterator[str]:
    if "type.raw" in group:
        yield prefix
    for name in group:
        if not name.startswith("set.") and isinstance(group.get(name), h5py.Group):
            yield from _groups(group[name], f"{prefix}/{name}".lstrip("/"))
