"""Neighbour statistics of a data set: the smallest distance and the largest number of neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf import __version__, keys
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.ops import core
from deepmd_tf.stat import cache as results
from deepmd_tf.stat.parallel import ordered_map

# Atoms handed to the native search at once: large enough to hide the call, small enough to share out.
_ATOMS_PER_PIECE = 20000
# What the field's programs report where no two atoms lie within the cutoff, in Å.
_NO_PAIR = 100.0
# Å; positions stored as float32 do not tell less apart, least of all across the cell boundary.
_SAME_PLACE = 1e-4


class Place(NamedTuple):
    """An atom of a frame of a data set; frame and atom count from 0 as in the files."""

    system: str
    set: str
    frame: int
    atom: int

    def __str__(self) -> str:
        where = f"{self.system}{'/' if self.set else ''}{self.set}"
        return f"frame {self.frame} of {where}, atom {self.atom}"


class NeighborStatistics(NamedTuple):
    """Result of :func:`neighbor_statistics`.

    Attributes
    ----------
    min_distance : float
        Smallest distance of two atoms, images included, in Å; 100 where no pair lies within the cutoff.
    max_neighbors : tuple of int
        Per type, the most neighbours of that type that an atom has; one number of all types if mixed.
    worst : tuple of Place or None
        The first atom that has so many; None where there are none.
    """

    min_distance: float
    max_neighbors: tuple[int, ...]
    worst: tuple[Place | None, ...]


def neighbor_statistics(
    systems: Sequence[System],
    rcut: float,
    ntypes: int,
    mixed: bool = False,
    cache: bool = True,
    workers: int | None = None,
) -> NeighborStatistics:
    """Search every frame of every system for neighbours within ``rcut``.

    Parameters
    ----------
    systems : sequence of System
    rcut : float
        Cutoff in Å.
    ntypes : int
        Types of the model.
    mixed : bool
        Count the neighbours of all types together.
    cache : bool
        Reuse the result of an earlier run over the same files (name, size, change time) with the same settings.
    workers : int, optional
        Threads; all cores if left out. The result does not depend on it.

    Raises
    ------
    ConfigError
        A cutoff that is no positive number.
    DataError
        Two atoms at one place; the message names the frame and both. Or any fault of the data.
    """
    if not (math.isfinite(rcut) and rcut > 0):
        raise ConfigError(f"rcut: expected a positive length in Å, found {rcut}")
    settings = [__version__, float(rcut), int(ntypes), bool(mixed), _NO_PAIR]
    key = results.content_key("neighbor", [settings, [[s.type_map, s.fingerprint()] for s in systems]]) if cache else ""
    stored = _decode(results.load(key), 1 if mixed else ntypes) if cache else None
    if stored is not None:
        return stored

    def search(piece: _Piece) -> _Found:
        return _search(systems[piece.system], piece, float(rcut), ntypes, mixed)

    statistics = _gather(systems, ordered_map(search, _pieces(systems), workers), 1 if mixed else ntypes)
    if cache:
        results.store(key, statistics._asdict())
    return statistics


class _Piece(NamedTuple):
    system: int
    set: int
    frames: np.ndarray


class _Found(NamedTuple):
    piece: _Piece
    min_distance: float
    counts: np.ndarray  # [ntypes] or [1]
    worst: list[tuple[int, int]]  # (frame of the piece, atom) per entry of counts


def _pieces(systems: Sequence[System]) -> Iterator[_Piece]:
    for index, system in enumerate(systems):
        step = max(1, _ATOMS_PER_PIECE // system.natoms)
        for set_index, (_, nframes) in enumerate(system.sets):
            for start in range(0, nframes, step):
                yield _Piece(index, set_index, np.arange(start, min(start + step, nframes)))


def _search(system: System, piece: _Piece, rcut: float, ntypes: int, mixed: bool) -> _Found:
    arrays = system.load(piece.set, piece.frames)
    found = core.neighbor_stat(
        arrays[keys.COORD],
        np.ascontiguousarray(arrays[keys.TYPE]),
        arrays[keys.BOX] if system.pbc else None,
        rcut=rcut,
        ntypes=ntypes,
        mixed=mixed,
    )
    if found.min_distance < _SAME_PLACE:
        raise _coincident(system, piece, *found.min_pair)
    return _Found(piece, float(found.min_distance), np.asarray(found.max_neighbors), list(found.worst))


def _coincident(system: System, piece: _Piece, frame: int, i: int, j: int) -> DataError:
    first, second = sorted((system.file_atom(int(i)), system.file_atom(int(j))))
    place = system.frame_place(piece.set, int(piece.frames[frame]))
    return DataError(
        f"{place}: atoms {first} and {second} are at the same place",
        "Remove the frame, or the atom that stands there twice; images across the cell boundary count as well.",
    )


def _gather(systems: Sequence[System], pieces, nentries: int) -> NeighborStatistics:
    nearest = _NO_PAIR
    most = np.zeros(nentries, np.int64)
    worst: list[Place | None] = [None] * nentries
    for found in pieces:
        nearest = min(nearest, found.min_distance)
        for entry in np.flatnonzero(found.counts > most):
            most[entry] = found.counts[entry]
            frame, atom = found.worst[entry]
            system, name = systems[found.piece.system], systems[found.piece.system].sets[found.piece.set].name
            worst[entry] = Place(system.path, name, int(found.piece.frames[frame]), system.file_atom(int(atom)))
    return NeighborStatistics(nearest, tuple(int(n) for n in most), tuple(worst))


def _decode(stored: dict | None, nentries: int) -> NeighborStatistics | None:
    """The result that was kept, or None if it does not have the form it must have."""
    try:
        worst = tuple(None if w is None else Place(str(w[0]), str(w[1]), int(w[2]), int(w[3])) for w in stored["worst"])
        most = tuple(int(n) for n in stored["max_neighbors"])
        nearest = float(stored["min_distance"])
    except (TypeError, KeyError, ValueError, IndexError):
        return None
    return NeighborStatistics(nearest, most, worst) if len(most) == len(worst) == nentries else None
