"""Check what a caller gives to a model and bring it into one form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import DataError


@dataclass(frozen=True)
class Frames:
    """Frames of equal atom number, checked.

    Attributes
    ----------
    coords : ndarray [nf, N, 3]
        Positions in Å.
    cells : ndarray [nf, 9] or None
        Rows are the lattice vectors in Å; None means open boundaries.
    types : ndarray int32 [nf, N]
        Atom types; -1 is a virtual atom, which takes no part.
    fparam : ndarray [nf, dim_fparam]
        Frame parameters.
    aparam : ndarray [nf, N, dim_aparam]
        Atomic parameters.
    """

    coords: np.ndarray
    cells: np.ndarray | None
    types: np.ndarray
    fparam: np.ndarray
    aparam: np.ndarray

    @classmethod
    def check(
        cls, coords, cells, types, *, fparam=None, aparam=None, mixed=False, ntypes: int, dim_fparam=0, dim_aparam=0
    ) -> Frames:
        """Build from the arguments of :meth:`DeepPot.eval <deepmd_tf.infer.DeepPot.eval>`.

        Raises
        ------
        DataError
            An array has another size than the others call for, a number is not finite, a type is
            unknown to the model, a cell has no volume, or a parameter is missing.
        """
        types = _types(types, mixed, ntypes)
        natoms = types.shape[1]
        coords = _numbers("coords", coords)
        nframes = _nframes(coords, natoms, len(types), mixed)
        types = np.broadcast_to(types, (nframes, natoms))
        return cls(
            coords=_shaped("coords", coords, (nframes, natoms, 3)),
            cells=None if cells is None else _cells(cells, nframes),
            types=types,
            fparam=_parameters("fparam", fparam, (nframes, dim_fparam)),
            aparam=_parameters("aparam", aparam, (nframes, natoms, dim_aparam)),
        )

    def by_composition(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (frames [n], order [n, nreal]) for frames with equal numbers of atoms of each type.

        ``order`` lists the real atoms of each frame sorted by type, stable by index: the order in which
        a graph wants them, and in which all frames of one composition share one ``natoms``.
        """
        if not len(self.types):
            return
        order = np.argsort(self.types, axis=1, kind="stable")
        sorted_types = np.take_along_axis(self.types, order, axis=1)
        _, groups = np.unique(sorted_types, axis=0, return_inverse=True)
        for group in range(groups.max() + 1):
            frames = np.flatnonzero(groups.reshape(-1) == group)
            nvirtual = int(np.count_nonzero(sorted_types[frames[0]] < 0))
            yield frames, order[frames, nvirtual:]


def _types(types, mixed: bool, ntypes: int) -> np.ndarray:
    given = np.asarray(types)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise DataError(f"atom_types: expected integers, found {given.dtype}")
    shape = "[nframes, natoms] because mixed_type is set" if mixed else "[natoms]"
    if given.ndim != (2 if mixed else 1):
        hint = None if mixed else "Set mixed_type=True to give each frame types of its own"
        raise DataError(f"atom_types: expected the shape {shape}, found {list(given.shape)}", hint)
    outside = given[(given < -1) | (given >= ntypes)]
    if outside.size:
        raise DataError(f"atom_types: expected types 0 to {ntypes - 1} of the model, or -1, found {outside[0]}")
    return np.atleast_2d(given.astype(np.int32))


def _nframes(coords: np.ndarray, natoms: int, rows: int, mixed: bool) -> int:
    if mixed:
        return rows
    if natoms == 0:
        return coords.shape[0] if coords.ndim > 1 else 1
    if coords.size % (3 * natoms):
        raise DataError(f"coords: expected 3 values for each of {natoms} atoms, found the shape {list(coords.shape)}")
    return coords.size // (3 * natoms)


def _numbers(name: str, values) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: expected an array of numbers, found {type(values).__name__}: {error}") from error


def _shaped(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.size != np.prod(shape):
        raise DataError(f"{name}: expected the shape {list(shape)}, found {list(values.shape)}")
    values = values.reshape(shape)
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        place = ", ".join(f"{axis} {index}" for axis, index in zip(("frame", "atom"), bad[0][: values.ndim - 1]))
        raise DataError(f"{name}, {place}: expected a finite number, found {values[tuple(bad[0])]}")
    return values


def _cells(cells, nframes: int) -> np.ndarray:
    cells = _shaped("cells", _numbers("cells", cells), (nframes, 9))
    lengths = np.linalg.norm(cells.reshape(-1, 3, 3), axis=2)  # [nf, 3]
    flat = np.abs(np.linalg.det(cells.reshape(-1, 3, 3))) <= 1e-10 * lengths.prod(axis=1)
    if flat.any():
        raise DataError(
            f"cells, frame {np.argmax(flat)}: the cell has no volume", "Give cells=None for open boundaries"
        )
    return cells


def _parameters(name: str, values, shape: tuple[int, ...]) -> np.ndarray:
    if shape[-1] == 0:
        if values is not None and np.size(values):
            raise DataError(f"{name}: this model takes none, found {np.size(values)} values")
        return np.zeros(shape)
    if values is None:
        raise DataError(
            f"{name}: this model needs {shape[-1]} values per {'frame' if len(shape) == 2 else 'atom'}, none given"
        )
    values = _numbers(name, values)
    # One set of values may serve all atoms, and one row of atoms all frames.
    for leading in range(len(shape)):
        if values.size == np.prod(shape[leading:]):
            return _shaped(name, np.broadcast_to(values.reshape(shape[leading:]), shape), shape)
    raise DataError(f"{name}: expected the shape {list(shape)}, found {list(values.shape)}")
