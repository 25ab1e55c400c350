"""Which numbers a section holds, in which order and with how many bits: one description, for writing and reading.

A field is a view of an array of the model, its axes in the order of the file, so that writing takes numbers from the
view and reading puts them into it. Source: NVNMD format, cfg, fps / bps, tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvnmd.device_file.layout import BIAS_BITS, EXPONENT_BITS, FLOATS, HIDDEN, NODES, WEIGHT_BITS, WORD, Layout
from nvnmd.device_file.model import DeviceModel, empty_arrays
from nvnmd.formats import from_bits, pack_rows, to_bits, unpack_rows


@dataclass(frozen=True)
class Field:
    """Numbers of one width in a section.

    Attributes
    ----------
    name : str
        Array of the model.
    view : array
        Its numbers, the last axis fastest; the first axes count the blocks of the section.
    width, room : int
        Bits of a number; bits it takes.
    signed : bool
        Whether it is two's complement.
    """

    name: str
    view: np.ndarray
    width: int
    signed: bool = True
    room: int = 0


@dataclass(frozen=True)
class Stream:
    """Fields of a section, block by block; each block fills whole rows.

    Attributes
    ----------
    fields : list of Field
        In the order of the file.
    blocks : tuple of int
        Leading axes of the views.
    """

    fields: list[Field]
    blocks: tuple[int, ...] = ()

    def pack(self, rows: int, width: int) -> bytes:
        """The section as it stands in the file."""
        parts = [to_bits(one.view.reshape(*self.blocks, -1), one.width, one.room) for one in self.fields]
        bits = np.concatenate(parts, axis=-1)
        if self.blocks:
            missing = -bits.shape[-1] % width
            bits = np.pad(bits, [(0, 0)] * len(self.blocks) + [(0, missing)])
        return pack_rows(bits.reshape(-1), rows, width)

    def unpack(self, data: bytes, rows: int, width: int) -> None:
        """Fill the views with what the section holds."""
        bits = unpack_rows(data, rows, width).reshape(*self.blocks, -1)
        start = 0
        for one in self.fields:
            number = int(np.prod(one.view.shape[len(self.blocks) :]))
            end = start + number * (one.room or one.width)
            codes = from_bits(bits[..., start:end], one.width, one.room, signed=one.signed)
            one.view[...] = codes.reshape(one.view.shape)
            start = end


def working_arrays(layout: Layout, model: DeviceModel | None = None) -> dict[str, np.ndarray]:
    """Arrays that the fields are views of: those of the model, or zeros, and its single numbers of section cfg."""
    arrays = empty_arrays(layout)
    arrays |= {"first_index": np.zeros(1, np.int64), "sel": np.zeros(layout.types, np.int64)}
    arrays["log2_nix"] = np.zeros(1, np.int64)
    if model is not None:
        for name in empty_arrays(layout):
            arrays[name] = np.array(getattr(model, name), np.int64)
        arrays["first_index"][0] = model.first_index
        arrays["sel"][: len(model.sel)] = model.sel
        arrays["log2_nix"][0] = -model.log2_nix
    return arrays


def streams(layout: Layout, arrays: dict[str, np.ndarray]) -> dict[str, Stream]:
    """The stream of each section over these arrays."""
    found = {
        "cfg": _settings(layout, arrays),
        "fps": _network(layout, arrays, "forward"),
        "bps": _network(layout, arrays, "backward"),
        "swt": _table(layout, arrays, "switch_table"),
        "dsw": _table(layout, arrays, "switch_gradient_table"),
        "fea": _table(layout, arrays, "feature_table"),
        "gra": _table(layout, arrays, "feature_gradient_table"),
    }
    if layout.version == 1:
        factors = arrays["type_factors"]
        # Even channels first, then the odd ones.
        halves = np.moveaxis(factors.reshape(*factors.shape[:-1], -1, 2), -1, -2)
        found["std"] = Stream([Field("scales", arrays["scales"], FLOATS, False, WORD)])
        found["gtt"] = Stream([Field("type_factors", halves, FLOATS, False, WORD)])
        found["avc"] = Stream([Field("type_vectors", arrays["type_vectors"], BIAS_BITS, True, WORD)])
    return found


def _settings(layout: Layout, arrays: dict) -> Stream:
    fields = [Field("log2_nix", arrays["log2_nix"], 8)]
    if layout.version == 0:
        fields[:0] = [
            Field("first_index", arrays["first_index"], 9, False),
            Field("sel", arrays["sel"], layout.sel_bits, False),
            Field("empty_slots", arrays["empty_slots"], 32),
        ]
    return Stream(fields)


def _network(layout: Layout, arrays: dict, direction: str) -> Stream:
    """Slice c owns the output nodes (forward) or the inputs (backward) c*nodes to (c+1)*nodes-1 of each layer."""
    blocks = (layout.networks, layout.slices)
    weights, exponents = arrays[direction], arrays[f"{direction}_exponents"]
    if direction == "forward":
        weights = weights.swapaxes(2, 3)
    fields = []
    for layer in range(HIDDEN):
        owned = weights[:, layer].reshape(*blocks, layout.nodes, NODES)
        fields += [
            Field(direction, owned, WEIGHT_BITS),
            Field(f"{direction}_exponents", exponents[:, layer].reshape(*blocks, -1), EXPONENT_BITS, False),
            Field("biases", arrays["biases"][:, layer].reshape(*blocks, -1), BIAS_BITS),
        ]
    fields += [
        Field("final", arrays["final"].reshape(*blocks, -1), WEIGHT_BITS),
        Field("final_exponent", _repeated(arrays["final_exponent"], layout.slices), EXPONENT_BITS, False),
        Field("final_bias", _repeated(arrays["final_bias"], layout.slices), BIAS_BITS),
    ]
    return Stream(fields, blocks)


def _table(layout: Layout, arrays: dict, name: str) -> Stream:
    """Coefficients a and b of everything (version 0) or of a segment (version 1), then c and d."""
    table = arrays[name]
    halves = table.reshape(*table.shape[:-1], 2, 2)  # [table, segment, channel, half, coefficient]
    if layout.version == 0:
        return Stream([Field(name, halves.transpose(3, 0, 1, 2, 4), FLOATS, False)])
    return Stream([Field(name, halves.transpose(0, 1, 3, 2, 4), FLOATS, False, WORD)])


def _repeated(array: np.ndarray, times: int) -> np.ndarray:
    """View [n, times] of array [n]; unlike a broadcast one it can be written to, and the last number stays."""
    strides = (*array.strides, 0)
    return np.lib.stride_tricks.as_strided(array, (len(array), times), strides)
