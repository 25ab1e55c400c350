"""Read a model file of the device, of any of its generations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from nvnmd.device_file.layout import HEADER_WORDS, LIMIT_OF_TYPES, NAMES, OLD_HEADER_WORDS, Layout
from nvnmd.device_file.model import DeviceModel, empty_arrays, nix_exponent
from nvnmd.device_file.streams import streams, working_arrays
from nvnmd.device_file.write import to_bytes

SLICES = (64, 128, 32)


def read_model(path: str | Path, *, check: bool = True) -> DeviceModel:
    """Read a model file; see :func:`from_bytes`.

    Raises
    ------
    ModelFormatError
        It cannot be read, or is no model file.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFormatError(f"{path}: cannot be read ({error.strerror or error})") from error
    return from_bytes(data, path, check=check)


def from_bytes(data: bytes, name: str | Path = "model file", *, check: bool = True) -> DeviceModel:
    """The model that a file holds; sizes are taken from its header.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : path
        What messages call it.
    check : bool
        Whether to make sure that nothing is lost: numbers that the file holds several times must agree, and bits
        that mean nothing must be zero.

    Raises
    ------
    ModelFormatError
        Wrong size, sizes in the header that do not fit each other, or see ``check``.
    """
    layout, words = _layout(data, name)
    arrays = _arrays(layout, data)
    header = _header(layout, words, arrays, name)
    if layout.version == 0:
        layout, arrays = _with_sel_bits(layout, data, arrays, header["sel"])
    header["sel"] = header["sel"] or _without_zeros(arrays["sel"])
    model = DeviceModel(
        layout=layout,
        first_index=int(arrays["first_index"][0]),
        log2_nix=-int(arrays["log2_nix"][0]),
        **header,
        **{key: arrays[key] for key in empty_arrays(layout)},
    )
    if check:
        _compare(to_bytes(model), data, layout, name)
    return model


def _layout(data: bytes, name) -> tuple[Layout, list[int]]:
    """Layout that the header describes, and the words of the header."""
    if len(data) < 4 * HEADER_WORDS:
        raise ModelFormatError(f"{name}: expected a model file of the device, found {len(data)} bytes")
    words = [int(word) for word in np.frombuffer(data, "<u4", HEADER_WORDS)]
    if words[1] == HEADER_WORDS:
        version, sub_version, max_nnei = words[0] & 255, words[0] >> 8 & 255, words[0] >> 16
        found, settings = words[2:], dict(sub_version=sub_version)
    else:
        # Without a version, which only version 0 can be; neighbours are not told either, slices stand for them.
        version, max_nnei, found = 0, None, words
        settings = dict(header_words=OLD_HEADER_WORDS, sel_bits=8)
    if version not in NAMES:
        raise ModelFormatError(f"{name}: expected version 0 or 1, found {version}")
    count = 2 * len(NAMES[version])
    candidates = [Layout(version, max_nnei or 2 * slices, slices, **settings) for slices in SLICES]
    layout = next((one for one in candidates if one.shape_words == found[:count]), None)
    if layout is None:
        raise ModelFormatError(f"{name}: {_difference(candidates, found, version)}")
    if len(data) != layout.size:
        raise ModelFormatError(f"{name}: expected {layout.size} bytes as its header says, found {len(data)}")
    return layout, words


def _difference(candidates: list[Layout], found: list[int], version: int) -> str:
    """The first rows or widths of the header that no layout has."""
    names = [f"{kind} of {section}" for kind in ("rows", "width") for section in NAMES[version]]
    for index, what in enumerate(names):
        known = sorted({layout.shape_words[index] for layout in candidates})
        if found[index] not in known:
            return f"header, {what}: expected {' or '.join(map(str, known))}, found {found[index]}"
    return "header: the rows of the sections fps and bps do not fit each other"


def _arrays(layout: Layout, data: bytes) -> dict[str, np.ndarray]:
    arrays = working_arrays(layout)
    found, offsets = streams(layout, arrays), layout.offsets
    for section in layout.sections:
        start = offsets[section.name]
        found[section.name].unpack(data[start : start + section.size], section.rows, section.width)
    return arrays


def _header(layout: Layout, words: list[int], arrays: dict, name) -> dict:
    """The single numbers of a model that stand in its header."""
    if layout.header_words == OLD_HEADER_WORDS:
        return dict(rcut=words[14], sel=(), shifts=(), shift_exponent=0)
    rest = words[2 + len(layout.shape_words) :]
    rcut, ntypes = rest[:2]
    if not 1 <= ntypes <= LIMIT_OF_TYPES[layout.version]:
        raise ModelFormatError(f"{name}: expected 1 to {LIMIT_OF_TYPES[layout.version]} types, found {ntypes}")
    after = 2 + (ntypes if layout.version == 0 else 1)
    shifts = tuple(word - (word >> 31 << 32) for word in rest[after : after + ntypes])
    return dict(rcut=rcut, sel=tuple(rest[2:after]), shifts=shifts, shift_exponent=rest[after + ntypes])


def _with_sel_bits(layout: Layout, data: bytes, arrays: dict, sel: tuple) -> tuple[Layout, dict]:
    """The width of the neighbour numbers stands nowhere; with the right one they agree with other numbers."""
    other = replace(layout, sel_bits=17 - layout.sel_bits)
    others = _arrays(other, data)
    return (other, others) if _agreements(others, sel) > _agreements(arrays, sel) else (layout, arrays)


def _agreements(arrays: dict, sel: tuple) -> int:
    """How often the neighbour numbers agree: with those of the header, where it has them, and with NIX."""
    total = int(arrays["sel"].sum())
    fits = total > 0 and nix_exponent(total) == -int(arrays["log2_nix"][0])
    return fits + (bool(sel) and _without_zeros(arrays["sel"]) == _without_zeros(sel))


def _without_zeros(sel) -> tuple[int, ...]:
    """The numbers without those of the types that are not there, at the end."""
    return tuple(int(number) for number in np.trim_zeros(np.asarray(sel), "b"))


def _compare(written: bytes, data: bytes, layout: Layout, name) -> None:
    if written == data:
        return
    different = np.frombuffer(written, np.uint8) != np.frombuffer(data, np.uint8)
    position = int(different.argmax())
    inside = [section for section, start in layout.offsets.items() if start <= position]
    place = f"section {inside[-1]}" if inside else "header"
    raise ModelFormatError(
        f"{name}, {place}, byte {position}: expected {written[position]:#04x}, found {data[position]:#04x}; numbers "
        "that stand there several times do not agree, or there are bits that mean nothing",
        "The file is damaged, or of a kind that this program does not know",
    )
