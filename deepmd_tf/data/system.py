"""One data system: where its frames lie, and checked arrays of any frames of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data import values
from deepmd_tf.data.cache import ArrayCache
from deepmd_tf.data.hdf5 import Hdf5Group, split_path
from deepmd_tf.data.layout import AtomLayout, atom_layout
from deepmd_tf.data.npy import Folder
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.source import FrameShape, Source
from deepmd_tf.data.text import TextFolder
from deepmd_tf.errors import DataError

# Numbers read at once where all frames are looked through.
_TYPES_AT_ONCE = 1 << 20


class SetInfo(NamedTuple):
    """A set of frames: its name ("" for raw text) and the number of frames stored in it."""

    name: str
    nframes: int


class System:
    """Frames of one list of atoms, or of one number of atoms in the mixed-type format.

    Opening a system reads the types and the header of each ``coord.npy``; all else is read, and checked, when
    a batch asks for it.

    Attributes
    ----------
    path : str
        As the user named it.
    natoms : int
        Atoms per frame, N.
    atom_types : int32 [N]
        Model types in memory order, ascending; zeros for the mixed-type format, whose frames bring their own.
    type_map : tuple of str or None
        Names of the types.
    pbc, mixed : bool
        Whether the frames are periodic; whether each has types of its own.
    sets : tuple of SetInfo
    nframes : int
        Frames of all sets.
    """

    __slots__ = ("_layout", "_names", "mixed", "natoms", "nframes", "sets", "source", "type_map")

    def __init__(self, source: Source, type_map: tuple[str, ...] | None):
        self.source = source
        names = source.type_names()
        self.type_map = type_map if type_map is not None else names
        self._names = names if names is not None else type_map
        stored = source.types()
        self.natoms = len(stored)
        self.mixed = _is_mixed(source)
        self._layout: AtomLayout = atom_layout(source.path, stored, names, type_map, self.mixed)
        if self.mixed and self.type_map is None:
            raise DataError(
                f"{source.path}: the mixed-type format needs names for its types",
                "Add type_map.raw, or set model/type_map.",
            )
        self.sets = tuple(SetInfo(name, _count_frames(source, name, self.natoms)) for name in source.sets)
        self.nframes = sum(s.nframes for s in self.sets)

    @classmethod
    def open(cls, path: str, type_map: Sequence[str] | None = None, cache: ArrayCache | None = None) -> System:
        """Open the system at ``path``.

        Parameters
        ----------
        path : str
            A folder, "file.hdf5" or "file.hdf5#/group".
        type_map : list of str, optional
            The model's names of types; the numbering of the data if left out.
        cache : ArrayCache, optional
            Shared by the systems of a data set.

        Raises
        ------
        DataError
            What is wrong with types or frames, and in which file.
        """
        source = open_source(os.fspath(path), ArrayCache() if cache is None else cache)
        return cls(source, None if type_map is None else tuple(type_map))

    @property
    def path(self) -> str:
        """As the user named it."""
        return self.source.path

    @property
    def pbc(self) -> bool:
        """Whether the frames are periodic."""
        return self.source.pbc

    @property
    def atom_types(self) -> np.ndarray:
        """Model types in memory order, int32 [N]; zeros for the mixed-type format."""
        return self._layout.types

    def natoms_vec(self, ntypes: int) -> np.ndarray:
        """The ``natoms`` array, int32 [2+ntypes]; the mixed format counts every atom under type 0."""
        counts = np.bincount(self.atom_types, minlength=ntypes)
        return np.concatenate([[self.natoms, self.natoms], counts]).astype(np.int32)

    def observed_types(self) -> np.ndarray:
        """The model types that real atoms have, ascending; of the mixed-type format every frame is read for it."""
        if not self.mixed:
            return np.unique(self.atom_types)
        step = max(1, _TYPES_AT_ONCE // self.natoms)
        found = [
            np.unique(self._types(index, np.arange(start, min(start + step, one.nframes))))
            for index, one in enumerate(self.sets)
            for start in range(0, one.nframes, step)
        ]
        types = np.unique(np.concatenate(found))
        return types[types >= 0]

    def file_atom(self, atom: int) -> int:
        """Where the atom that stands at ``atom`` in memory stands in the files."""
        return int(atom if self._layout.order is None else self._layout.order[atom])

    def has(self, set_index: int, key: str) -> bool:
        """Whether a set holds the array ``key``."""
        return not self.source.names(self.sets[set_index].name).isdisjoint(keys.file_names(key))

    def frame_place(self, set_index: int, frame: int) -> str:
        """How messages name a frame."""
        name = self.sets[set_index].name
        return f"{self.path}{'/' if name else ''}{name}, frame {frame}"

    def fingerprint(self) -> list:
        """What tells a changed system from an unchanged one, as plain JSON: names, sizes and change times."""
        return self.source.fingerprint()

    def numb_copy(self, set_index: int) -> np.ndarray | None:
        """How often each frame of a set stands in an epoch, int64 [nframes], or None for once each."""
        if not self.has(set_index, keys.NUMB_COPY):
            return None
        name, nframes = self.sets[set_index]
        copies = self._rows(set_index, keys.NUMB_COPY, 1, np.arange(nframes)).ravel()
        place = self.source.place(name, keys.NUMB_COPY)
        return values.check_copies(place, copies)

    def load(self, set_index: int, frames: np.ndarray, requirements: Sequence[DataRequirement] = ()) -> dict:
        """Read frames of one set and check their values.

        Parameters
        ----------
        set_index : int
            Index into :attr:`sets`.
        frames : int [nf]
            Frames of that set, in any order.
        requirements : sequence of DataRequirement
            The labels and parameters to read besides the geometry.

        Returns
        -------
        dict
            coord float64 [nf, N*3], box float64 [nf, 9] (zeros if not periodic), type int32 [nf, N], each label
            float64 [nf, width] and ``find_<key>`` 1.0 or 0.0. Atoms in memory order.

        Raises
        ------
        DataError
            A missing array, a wrong shape, a value that is not finite, a box without volume; with file and frame.
        """
        frames = np.asarray(frames, np.int64)
        name = self.sets[set_index].name
        out = {keys.COORD: self._atomic(self._finite(set_index, keys.COORD, 3 * self.natoms, frames), 3)}  # [nf, N*3]
        if self.pbc:
            out[keys.BOX] = self._finite(set_index, keys.BOX, 9, frames)  # [nf, 9]
            values.check_box(self.source.place(name, keys.BOX), frames, out[keys.BOX])
        else:
            out[keys.BOX] = np.zeros((len(frames), 9))
        out[keys.TYPE] = self._types(set_index, frames)  # [nf, N]
        for requirement in requirements:
            self._label(set_index, frames, requirement, out)
        return out

    def _label(self, set_index: int, frames: np.ndarray, want: DataRequirement, out: dict) -> None:
        found = self.has(set_index, want.key)
        out[keys.find(want.key)] = float(found)
        if found:
            rows = self._finite(set_index, want.key, want.stored_width(self.natoms), frames)
            rows = self._atomic(rows, want.ndof) if want.atomic else rows
            out[want.key] = np.repeat(rows, want.repeat, axis=1) if want.repeat > 1 else rows
        elif want.must:
            raise self.missing(set_index, want.key)
        else:
            out[want.key] = np.full((len(frames), want.width(self.natoms)), want.default)

    def missing(self, set_index: int, key: str) -> DataError:
        """The error for an array that a set must hold and does not."""
        name = self.sets[set_index].name
        held = sorted(self.source.names(name))
        return DataError.at(
            self.source.place(name, key), expected=f"a file with {key!r}", found=f"only {', '.join(held)}"
        )

    def _types(self, set_index: int, frames: np.ndarray) -> np.ndarray:
        if not self.mixed:
            return np.broadcast_to(self.atom_types, (len(frames), self.natoms))
        rows = self._rows(set_index, keys.REAL_ATOM_TYPES, self.natoms, frames)
        place = self.source.place(self.sets[set_index].name, keys.REAL_ATOM_TYPES)
        return values.real_types(place, frames, rows, self._names, self._layout.lookup, self.type_map)

    def _atomic(self, rows: np.ndarray, width: int) -> np.ndarray:
        order = self._layout.order
        if order is None:
            return rows
        return rows.reshape(len(rows), self.natoms, width)[:, order].reshape(rows.shape)

    def _finite(self, set_index: int, key: str, width: int, frames: np.ndarray) -> np.ndarray:
        rows = np.asarray(self._rows(set_index, key, width, frames), np.float64)
        if not np.isfinite(rows).all():
            raise values.not_finite(self._place(set_index, key), key, frames, rows, self.natoms)
        return rows

    def _rows(self, set_index: int, key: str, width: int, frames: np.ndarray) -> np.ndarray:
        name, nframes = self.sets[set_index]
        file_name = self._file_name(set_index, key)
        return self.source.rows(name, file_name, FrameShape(nframes, width, self.natoms), frames)

    def _place(self, set_index: int, key: str) -> str:
        return self.source.place(self.sets[set_index].name, self._file_name(set_index, key))

    def _file_name(self, set_index: int, key: str) -> str:
        held = self.source.names(self.sets[set_index].name)
        hits = [name for name in keys.file_names(key) if name in held]
        if not hits:
            raise self.missing(set_index, key)
        if len(hits) > 1:
            place = self.source.place(self.sets[set_index].name, hits[0])
            raise DataError(
                f"{place}: {hits[0]} and {hits[1]} mean the same array and both are here", "Remove one of them."
            )
        return hits[0]


def open_source(path: str, cache: ArrayCache) -> Source:
    """The storage at ``path``: HDF5, a folder with sets, or a folder of raw text."""
    hdf5 = split_path(path)
    if hdf5:
        source: Source = Hdf5Group(*hdf5, cache)
    else:
        try:
            with os.scandir(path) as listing:
                entries = {e.name: e.is_dir() for e in listing}
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        if "type.raw" not in entries:
            raise DataError.at(path, expected="a file type.raw", found="none")
        source = Folder(path, entries, cache)
        if not source.sets and "coord.raw" in entries:
            source = TextFolder(path, entries, cache)
    if not source.sets:
        raise DataError.at(path, expected="frames in set.*/coord.npy or coord.raw", found="neither")
    return source


def _is_mixed(source: Source) -> bool:
    mixed = {name: keys.REAL_ATOM_TYPES in source.names(name) for name in source.sets}
    if len(set(mixed.values())) == 2:
        without = next(name for name, has in mixed.items() if not has)
        raise DataError.at(
            source.place(without, keys.REAL_ATOM_TYPES), expected="this file, as in other sets", found="none"
        )
    return all(mixed.values())


def _count_frames(source: Source, set_name: str, natoms: int) -> int:
    """Frames of a set, from the shape of coord; also holds that box is there where it has to be."""
    names = source.names(set_name)
    for key in (keys.COORD, keys.BOX) if source.pbc else (keys.COORD,):
        if key not in names:
            hint = (
                "For a system without periodicity add an empty file 'nopbc' beside type.raw."
                if key == keys.BOX
                else None
            )
            raise DataError.at(source.place(set_name, key), expected=f"a file with {key!r}", found="none", hint=hint)
    place = source.place(set_name, keys.COORD)
    shape = source.shape(set_name, keys.COORD)
    nframes = 1 if len(shape) <= 1 else shape[0]
    if nframes == 0 or 0 in shape:
        raise DataError.at(place, expected="at least one frame", found=f"shape {shape}")
    FrameShape(nframes, 3 * natoms, natoms).check(place, shape)
    return nframes
