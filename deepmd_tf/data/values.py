"""Checks of the values of a batch, with the frame and the atom named."""

from __future__ import annotations

import numpy as np

from deepmd_tf.data.layout import unknown_element
from deepmd_tf.errors import DataError


def not_finite(place: str, key: str, frames: np.ndarray, rows: np.ndarray, natoms: int) -> DataError:
    """The error for the first value of ``rows`` [nf, width] that is infinite or not a number."""
    row, column = np.argwhere(~np.isfinite(rows))[0]
    width = rows.shape[1]
    where = f"value {column}"
    if width % natoms == 0 and width >= 3 * natoms:
        where = f"atom {column // (width // natoms)}, component {column % (width // natoms)}"
    return DataError.at(
        place, frame=int(frames[row]), field=key, expected="finite numbers", found=f"{rows[row, column]} ({where})"
    )


def check_box(place: str, frames: np.ndarray, box: np.ndarray) -> None:
    """Hold that the lattice vectors, rows of ``box`` [nf, 9], span a right-handed cell."""
    cells = box.reshape(-1, 3, 3)
    volume = np.linalg.det(cells)
    scale = np.linalg.norm(cells, axis=2).prod(axis=1)
    bad = volume <= 1e-8 * scale
    if not bad.any():
        return
    row = int(np.argmax(bad))
    hint = "For a system without periodicity add an empty file 'nopbc' beside type.raw."
    if volume[row] < -1e-8 * scale[row]:
        hint = "The vectors are left-handed: swap two of them."
    raise DataError.at(
        place,
        frame=int(frames[row]),
        field="box",
        expected="three lattice vectors as rows with a positive volume",
        found=f"volume {volume[row]:.6g} A^3",
        hint=hint,
    )


def check_copies(place: str, copies: np.ndarray) -> np.ndarray:
    """The numbers of copies as int64; each has to be an integer from 0 on, one of them at least 1."""
    numbers = np.asarray(copies, np.float64)
    bad = ~np.isfinite(numbers) | (numbers < 0) | (numbers != np.rint(numbers))
    if bad.any():
        frame = int(np.argmax(bad))
        raise DataError.at(place, frame=frame, expected="an integer of 0 or more", found=f"{numbers[frame]:g}")
    if not numbers.any():
        raise DataError.at(place, expected="at least one frame with a copy", found="0 for all frames")
    return numbers.astype(np.int64)


def real_types(place: str, frames: np.ndarray, rows: np.ndarray, names, lookup, type_map) -> np.ndarray:
    """Model types of the mixed format, int32 [nf, N]; -1 marks a virtual atom.

    Raises
    ------
    DataError
        A type below -1 or beyond ``names``, no integer, an element the model does not know, or a frame without atoms.
    """
    with np.errstate(invalid="ignore"):
        stored = rows.astype(np.int64)
    bad = (stored != rows) | (stored < -1) | (stored >= len(names))
    if bad.any():
        row, atom = np.argwhere(bad)[0]
        raise DataError.at(
            place,
            frame=int(frames[row]),
            field=f"atom {atom}",
            expected=f"-1 or a type below {len(names)}, the number of names in type_map.raw",
            found=str(rows[row, atom]),
        )
    empty = (stored < 0).all(axis=1)
    if empty.any():
        raise DataError.at(
            place,
            frame=int(frames[np.argmax(empty)]),
            expected="a type of 0 or more for one atom at least",
            found=f"-1, a virtual atom, for all {rows.shape[1]}",
        )
    if lookup is None:
        return stored.astype(np.int32)
    types = np.append(lookup, np.int32(-1))[stored]  # index -1 is the appended entry
    if (types == -2).any():
        row, atom = np.argwhere(types == -2)[0]
        message, hint = unknown_element(names[stored[row, atom]], type_map)
        raise DataError(f"{place}, frame {frames[row]}, atom {atom}: {message}", hint)
    return types
