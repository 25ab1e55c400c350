"""The atoms of a system: types in the model's numbering, and the order that sorts them by type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deepmd_tf.errors import DataError
from deepmd_tf.registry import did_you_mean


@dataclass(frozen=True)
class AtomLayout:
    """Types and order of the atoms.

    Attributes
    ----------
    types : int32 [N]
        Model types in memory order, ascending.
    order : int [N] or None
        ``order[k]`` is the place in the file of the atom that stands at ``k``; None if that is ``k`` for all.
    lookup : int32 or None
        Model type of each type of the data, -2 for a name the model does not know; None if they are equal.
    """

    types: np.ndarray
    order: np.ndarray | None
    lookup: np.ndarray | None


def atom_layout(
    path: str, stored: np.ndarray, names: tuple[str, ...] | None, type_map: tuple[str, ...] | None, mixed: bool
) -> AtomLayout:
    """Check the types of a system and bring them into the model's numbering.

    Parameters
    ----------
    path : str
        The system, for messages.
    stored : int64 [N]
        The content of type.raw; of the mixed format only its length counts.
    names : tuple of str or None
        The content of type_map.raw.
    type_map : tuple of str or None
        The model's, or None to keep the numbering of the data.
    mixed : bool
        Whether the types stand in real_atom_types.npy instead; the order of the file is then kept.

    Raises
    ------
    DataError
        No atoms, a negative type, a type without a name, a name that the model does not know.
    """
    try:
        return _layout(stored.tobytes(), names, type_map, mixed)
    except _Fault as fault:
        raise DataError(f"{path}/{fault.message}", fault.hint) from None


class _Fault(DataError):
    """A fault whose message still lacks the path, so that the work can be shared by equal systems."""


@lru_cache(maxsize=4096)
def _layout(content: bytes, names, type_map, mixed: bool) -> AtomLayout:
    stored = np.frombuffer(content, np.int64)
    if not stored.size:
        raise _Fault("type.raw: expected one type per atom, found no atoms")
    lookup = _lookup(names, type_map)
    if mixed:
        return AtomLayout(np.zeros(stored.size, np.int32), None, lookup)
    types = _remap(stored, names, type_map, lookup)
    order = np.argsort(types, kind="stable")
    in_order = bool((order == np.arange(order.size)).all())
    types = types[order]
    types.flags.writeable = False
    return AtomLayout(types, None if in_order else order, lookup)


def _lookup(names, type_map) -> np.ndarray | None:
    if names is None or type_map is None or names == type_map[: len(names)]:
        return None
    index = {name: i for i, name in enumerate(type_map)}
    return np.array([index.get(name, -2) for name in names], np.int32)


def _remap(stored: np.ndarray, names, type_map, lookup) -> np.ndarray:
    known = names if names is not None else type_map
    if stored.min() < 0:
        atom = int(np.argmax(stored < 0))
        raise _Fault(f"type.raw, atom {atom}: expected a type of 0 or more, found {stored[atom]}")
    if known is not None and stored.max() >= len(known):
        what = "type_map.raw" if names is not None else "the model's type_map"
        atom = int(np.argmax(stored >= len(known)))
        raise _Fault(
            f"type.raw, atom {atom}: expected a type below {len(known)}, the length of {what} {list(known)}, "
            f"found {stored[atom]}"
        )
    if stored.max() >= np.iinfo(np.int32).max:
        raise _Fault(f"type.raw: expected types that count from 0, found {stored.max()}")
    if lookup is None:
        return stored.astype(np.int32)
    types = lookup[stored]
    if types.min() < 0:
        raise _Fault(*unknown_element(names[stored[int(np.argmin(types))]], type_map))
    return types


def unknown_element(name: str, type_map: tuple[str, ...]) -> tuple[str, str]:
    """Message and hint for an element of the data that the model does not have."""
    return (
        f"type_map.raw: element {name!r} is not in the model's type_map {list(type_map)}",
        did_you_mean(name, type_map) + " Otherwise add it to model/type_map.",
    )
