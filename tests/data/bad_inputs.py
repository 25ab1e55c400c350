"""Malformed data systems, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TITLE = "Data"
SYSTEM = "data"


@dataclass(frozen=True)
class Row:
    """A fault of the system ``data``: six atoms O and H, three frames with energy and force.

    Attributes
    ----------
    what : str
        The fault in words, for the manual.
    damage : callable
        Makes it, given the folder of the sound system.
    message : str
        All that the user is told.
    """

    what: str
    damage: Callable[[Path], None]
    message: str


def changed(key: str, change: Callable) -> Callable[[Path], None]:
    """Replace an array of the set by what ``change`` makes of it."""

    def damage(folder: Path) -> None:
        file = folder / f"set.000/{key}.npy"
        np.save(file, change(np.load(file)), allow_pickle=True)

    return damage


def put(key: str, index, value) -> Callable[[Path], None]:
    """Set one entry of an array."""

    def change(array):
        array[index] = value
        return array

    return changed(key, change)


def typed(change: Callable, names: str = "O H") -> Callable[[Path], None]:
    """Make the system one of the mixed type, with types [3, 6] and names as given."""

    def damage(folder: Path) -> None:
        np.save(folder / "set.000/real_atom_types.npy", change(np.tile([1, 0, 0, 1, 0, -1], (3, 1))))
        (folder / "type_map.raw").write_text(names)

    return damage


def with_type(frame: int, atom, value) -> Callable:
    """One type of a frame, or all, set to ``value``."""

    def change(types):
        types = types.astype(float)
        types[frame, atom] = value
        return types

    return change


def text(name: str, content: str) -> Callable[[Path], None]:
    """Replace a text file."""
    return lambda folder: (folder / name).write_text(content) and None


def gone(name: str) -> Callable[[Path], None]:
    """Delete a file."""
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    """Leave half of a file, as an interrupted copy does."""
    file = folder / "set.000/coord.npy"
    file.write_bytes(file.read_bytes()[:200])


ROWS = [
    Row(
        "a force that is not a number",
        put("force", (2, 7), np.nan),
        "data/set.000/force.npy, frame 2, force: expected finite numbers, found nan (atom 2, component 1)",
    ),
    Row(
        "an infinite energy",
        put("energy", 1, np.inf),
        "data/set.000/energy.npy, frame 1, energy: expected finite numbers, found inf (value 0)",
    ),
    Row(
        "one force column too few",
        changed("force", lambda f: f[:, :-1]),
        "data/set.000/force.npy: expected 18 values per frame (3 x 6 atoms) in 3 frames, found 17 values per frame. Is the number of atoms in type.raw right?",
    ),
    Row(
        "fewer energies than frames",
        changed("energy", lambda e: e[:2]),
        "data/set.000/energy.npy: expected 1 values per frame in 3 frames, found 2 values, shape (2,)",
    ),
    Row(
        "coordinates for another number of atoms",
        changed("coord", lambda c: c[:, :15]),
        "data/set.000/coord.npy: expected 18 values per frame (3 x 6 atoms) in 3 frames, found 15 values per frame. Is the number of atoms in type.raw right?",
    ),
    Row(
        "a cell without volume",
        put("box", (1, slice(6, 9)), 0.0),
        "data/set.000/box.npy, frame 1, box: expected three lattice vectors as rows with a positive volume, found volume 0 A^3. For a system without periodicity add an empty file 'nopbc' beside type.raw.",
    ),
    Row(
        "no cell, and no file nopbc",
        gone("set.000/box.npy"),
        "data/set.000/box.npy: expected a file with 'box', found none. For a system without periodicity add an empty file 'nopbc' beside type.raw.",
    ),
    Row(
        "a file cut short",
        cut,
        "data/set.000/coord.npy: expected 560 bytes for shape (3, 18), float64, found 200 bytes: it is truncated",
    ),
    Row(
        "pickled objects instead of numbers",
        changed("energy", lambda e: np.array([{}, {}, {}], dtype=object)),
        "data/set.000/energy.npy: expected real or integer numbers, found dtype object. Objects are not unpickled, since that may run code.",
    ),
    Row(
        "text instead of numbers",
        changed("energy", lambda e: np.array(["a", "b", "c"])),
        "data/set.000/energy.npy: expected real or integer numbers, found dtype <U1",
    ),
    Row(
        "a type that type_map.raw does not name",
        text("type.raw", "0 0 1 1 2 0\n"),
        "data/type.raw, atom 4: expected a type below 2, the length of type_map.raw ['O', 'H'], found 2",
    ),
    Row(
        "a negative type",
        text("type.raw", "0 0 1 1 -2 0\n"),
        "data/type.raw, atom 4: expected a type of 0 or more, found -2",
    ),
    Row(
        "a word among the types",
        text("type.raw", "0 0 1 one 0 0\n"),
        "data/type.raw: expected integers, one per atom, found 'one'",
    ),
    Row(
        "an element that the model does not know",
        text("type_map.raw", "O\nHe\n"),
        "data/type_map.raw: element 'He' is not in the model's type_map ['O', 'H']. Did you mean 'H'? Otherwise add it to model/type_map.",
    ),
    Row(
        "no coordinates", gone("set.000/coord.npy"), "data/set.000/coord.npy: expected a file with 'coord', found none"
    ),
    Row(
        "no frame in the set",
        changed("coord", lambda c: c[:0]),
        "data/set.000/coord.npy: expected at least one frame, found shape (0, 18)",
    ),
    Row(
        "mixed type: types for another number of atoms",
        typed(lambda types: types[:, :5]),
        "data/set.000/real_atom_types.npy: expected 6 values per frame (1 x 6 atoms) in 3 frames, found 5 values per frame. Is the number of atoms in type.raw right?",
    ),
    Row(
        "mixed type: types for another number of frames",
        typed(lambda types: types[:2]),
        "data/set.000/real_atom_types.npy: expected 3 frames, as in coord, found 2 frames, shape (2, 6)",
    ),
    Row(
        "mixed type: a type that type_map.raw does not name",
        typed(with_type(1, 4, 2)),
        "data/set.000/real_atom_types.npy, frame 1, atom 4: expected -1 or a type below 2, the number of names in type_map.raw, found 2.0",
    ),
    Row(
        "mixed type: a type that is no integer",
        typed(with_type(2, 0, np.nan)),
        "data/set.000/real_atom_types.npy, frame 2, atom 0: expected -1 or a type below 2, the number of names in type_map.raw, found nan",
    ),
    Row(
        "mixed type: an element that the model does not know",
        typed(lambda types: np.where(np.arange(3)[:, None] == 2, types, 0), "O He"),
        "data/set.000/real_atom_types.npy, frame 2, atom 0: type_map.raw: element 'He' is not in the model's type_map ['O', 'H']. Did you mean 'H'? Otherwise add it to model/type_map.",
    ),
    Row(
        "mixed type: a frame of virtual atoms alone",
        typed(with_type(1, slice(None), -1)),
        "data/set.000/real_atom_types.npy, frame 1: expected a type of 0 or more for one atom at least, found -1, a virtual atom, for all 6",
    ),
]
