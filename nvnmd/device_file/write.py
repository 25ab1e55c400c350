"""Write a model file of the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.files import write_atomic
from nvnmd.device_file.layout import HEADER_WORDS
from nvnmd.device_file.model import DeviceModel, array_shapes
from nvnmd.device_file.streams import Field, streams, working_arrays


def write_model(path: str | Path, model: DeviceModel) -> None:
    """Write a model file; the old file or the new is there, never a part.

    Raises
    ------
    ModelFormatError
        See :func:`to_bytes`.
    SaveError
        The disk does not take it.
    """
    write_atomic(path, to_bytes(model))


def to_bytes(model: DeviceModel) -> bytes:
    """The content of a model file.

    Raises
    ------
    ModelFormatError
        An array has another shape than the layout says, or a number does not fit its bits: a misplaced bit would
        spoil all that follows.
    """
    for name, shape in array_shapes(model.layout).items():
        if np.shape(getattr(model, name)) != shape:
            raise ModelFormatError(f"{name}: expected shape {shape}, found {np.shape(getattr(model, name))}")
    if len(model.sel) > (model.layout.types if model.layout.version == 0 else 1):
        raise ModelFormatError(f"sel: expected at most {model.layout.types} numbers, found {len(model.sel)}")
    arrays = working_arrays(model.layout, model)
    found = streams(model.layout, arrays)
    parts = [header(model)]
    for section in model.layout.sections:
        for field in found[section.name].fields:
            _check(field, arrays[field.name])
        parts.append(found[section.name].pack(section.rows, section.width))
    return b"".join(parts)


def header(model: DeviceModel) -> bytes:
    """The words before the sections.

    Raises
    ------
    ModelFormatError
        A number does not fit a word.
    """
    layout = model.layout
    words = [*layout.shape_words, model.rcut]
    if layout.header_words == HEADER_WORDS:
        sel = [*model.sel, *[0] * model.ntypes][: model.ntypes] if layout.version == 0 else [model.sel[0]]
        words = [layout.version_word, HEADER_WORDS, *words, model.ntypes, *sel, *model.shifts, model.shift_exponent]
    elif model.shifts or model.shift_exponent:
        raise ModelFormatError(f"shifts: expected none in a header of {layout.header_words} words, found some")
    words += [0] * (layout.header_words - len(words))
    for index, word in enumerate(words):
        if not -(2**31) <= word < 2**32:
            raise ModelFormatError(f"header, word {index}: expected a number of 32 bits, found {word}")
    return np.array([word % 2**32 for word in words], "<u4").tobytes()


def _check(field: Field, array: np.ndarray) -> None:
    """Refuse numbers that do not fit; the least number of two's complement is allowed, files may hold it."""
    least, greatest = (-(1 << field.width - 1), (1 << field.width - 1) - 1) if field.signed else (0, 2**field.width - 1)
    outside = np.argwhere((array < least) | (array > greatest))
    if len(outside):
        index = tuple(outside[0])
        raise ModelFormatError(
            f"{field.name}[{','.join(map(str, index))}]: expected a code of {field.width} bits, "
            f"{least} to {greatest}, found {array[index]}"
        )
