"""A trained model, settings, weights and tables as floats, becomes codes of the device.

Source: NVNMD format, cfg, fps / bps, tables, header.
"""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ModelFormatError
from nvnmd.config import Config
from nvnmd.device_file.layout import BIAS_BITS, EXPONENT_BITS, HIDDEN, NODES, SEGMENTS, WEIGHT_BITS, WIDTH, Layout
from nvnmd.device_file.model import DeviceModel, empty_arrays
from nvnmd.device_file.overflow import Overflow
from nvnmd.device_file.padding import empty_slot_products
from nvnmd.formats import fixed_codes, fixed_limits, float_codes

TABLES = {
    "switch_table": ("s", "h"), "switch_gradient_table": ("s_grad", "h_grad"),
    "feature_table": ("g",), "feature_gradient_table": ("g_grad",),
}  # fmt: skip
FIXED = 23  # fraction bits of all fixed-point numbers but weights
WEIGHT_FRACTION = 16
GREATEST_EXPONENT = fixed_limits(EXPONENT_BITS, signed=False)[1]


def encode(
    config: Config, weights: dict, tables: dict, layout: Layout | None = None, overflow: Overflow | None = None
) -> DeviceModel:
    """Codes of a trained model.

    Parameters
    ----------
    config : Config
        Settings.
    weights : dict of str to array
        Weights by name, as training programs save them in ``weight.npy``.
    tables : dict
        Tables, as in ``map.npy``.
    layout : Layout, optional
        Where everything shall stand; what training programs write, if left out.
    overflow : Overflow, optional
        What to do with numbers that do not fit; an error, if left out.

    Raises
    ------
    ModelFormatError
        A weight or table is missing or has another shape.
    ConfigError
        A number does not fit its format.
    """
    layout = layout or config.layout
    overflow = overflow or Overflow()
    arrays = empty_arrays(layout)
    networks = [f"_type_{index}" for index in range(config.ntypes)] if config.version == 0 else [""]
    for index, suffix in enumerate(networks):
        _encode_network(_one_network(arrays, index), weights, suffix, overflow)
        _encode_tables(arrays, tables, index, overflow)
    if config.version == 0:
        products = empty_slot_products(tables, config.ntypes)
        codes = _fixed(products, 32, "empty_slots", overflow)
        arrays["empty_slots"][: config.ntypes, : config.ntypes] = codes
    else:
        _encode_types(arrays, weights, tables, config.ntypes, overflow)
    shifts, exponent = _shifts(weights, networks, config.ntypes) if layout.header_words == 128 else ((), 0)
    return DeviceModel(
        layout=layout,
        rcut=round(config.rcut * 2**FIXED),
        sel=config.sel,
        shifts=shifts,
        shift_exponent=exponent,
        log2_nix=config.log2_nix,
        first_index=_first_index(config, tables, overflow),
        **arrays,
    )


def weight_codes(weights, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mantissas and common exponents: value = mantissa 2^(exponent-16), truncated towards zero.

    Parameters
    ----------
    weights : array [inputs, outputs]
        Weights of a layer; what is 256 or more in magnitude is saturated.
    axis : int
        Axis along which weights share an exponent: 0 for an exponent of each column, 1 of each row.

    Returns
    -------
    mantissas : array [inputs, outputs]
        18 bits, signed.
    exponents : array [outputs] or [inputs]
        floor(log2(max |w|)), but 0 at least and 7 at most.
    """
    exponents = np.frexp(np.abs(weights).max(axis=axis))[1].astype(np.int64) - 1
    exponents = np.clip(exponents, 0, GREATEST_EXPONENT)
    scale = np.ldexp(1.0, WEIGHT_FRACTION - np.expand_dims(exponents, axis))
    return fixed_codes(np.trunc(weights * scale), WEIGHT_BITS)[0], exponents


def look_up(weights: dict, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight by its name, or by the name that TensorFlow gives where that is taken.

    Raises
    ------
    ModelFormatError
        It is not there, or has another shape.
    """
    found = weights.get(name, weights.get(f"{name}_1"))
    if found is None:
        raise ModelFormatError(f"weights, {name}: missing", "Give the weights of the quantised network")
    return _shaped(found, shape, f"weights, {name}")


def _shaped(value, shape: tuple[int, ...], place: str) -> np.ndarray:
    value = np.asarray(value, np.float64)
    if value.shape != shape:
        raise ModelFormatError(f"{place}: expected shape {shape}, found {value.shape}")
    return value


def _table(tables: dict, name: str, index: int | None, shape: tuple[int, ...]) -> np.ndarray:
    try:
        found = tables[name] if index is None else tables[name][index]
    except (KeyError, IndexError) as error:
        raise ModelFormatError(f"tables, {name}: missing{'' if index is None else f' of type {index}'}") from error
    return _shaped(found, shape, f"tables, {name}")


def _fixed(values, bits: int, tensor: str, overflow: Overflow) -> np.ndarray:
    """Codes with 23 fraction bits, rounded half to even."""
    codes, outside = fixed_codes(np.rint(np.asarray(values) * 2.0**FIXED), bits)
    overflow.note(tensor, values, outside, f"values below {2.0 ** (bits - 1 - FIXED):g} in magnitude")
    return codes


def _floats(values, tensor: str, overflow: Overflow) -> np.ndarray:
    codes, outside = float_codes(values)
    overflow.note(tensor, values, outside, "0 or a magnitude from 2^-128 to 2^128")
    return codes.astype(np.int64)


def _one_network(arrays: dict, index: int) -> dict[str, np.ndarray]:
    names = ("forward", "forward_exponents", "backward", "backward_exponents", "biases", "final", "final_exponent")
    return {name: arrays[name][index : index + 1] for name in names}


def _matrix(weights: dict, name: str, shape: tuple[int, ...], overflow: Overflow) -> np.ndarray:
    """Weights of a layer, looked over for those that do not fit."""
    matrix, limit = look_up(weights, name, shape), 2.0 ** (GREATEST_EXPONENT + 1)
    overflow.note(name, matrix, ~(np.abs(matrix) < limit), f"weights below {limit:g} in magnitude")
    return matrix


def _encode_network(target: dict, weights: dict, suffix: str, overflow: Overflow) -> None:
    for layer in range(HIDDEN):
        name = f"layer_{layer}{suffix}"
        matrix = _matrix(weights, f"{name}.matrix", (NODES, NODES), overflow)
        for axis, direction in enumerate(("forward", "backward")):
            codes, exponents = weight_codes(matrix, axis)
            target[direction][0, layer], target[f"{direction}_exponents"][0, layer] = codes, exponents
        biases = look_up(weights, f"{name}.bias", (NODES,))
        target["biases"][0, layer] = _fixed(biases, BIAS_BITS, f"{name}.bias", overflow)
    name = f"final_layer{suffix}.matrix"
    codes, exponents = weight_codes(_matrix(weights, name, (NODES, 1), overflow), 0)
    target["final"][0], target["final_exponent"][0] = codes[:, 0], exponents[0]


def _encode_tables(arrays: dict, tables: dict, index: int, overflow: Overflow) -> None:
    for name, parts in TABLES.items():
        channels = arrays[name].shape[2] // len(parts)
        for position, part in enumerate(parts):
            codes = _floats(_table(tables, part, index, (SEGMENTS, 4 * channels)), f"{part}[{index}]", overflow)
            view = arrays[name][index, :, position * channels : (position + 1) * channels]
            view[...] = codes.reshape(SEGMENTS, channels, 4)


def _encode_types(arrays: dict, weights: dict, tables: dict, ntypes: int, overflow: Overflow) -> None:
    """Version 1: scale of s and h by type, factor by pair of types, share of a type in the first layer."""
    width = len(np.atleast_2d(tables.get("t_ebd", 0))[0])
    scales = _table(tables, "dstd_inv", None, (ntypes, 4))[:, :2]
    arrays["scales"][:ntypes] = _floats(scales, "dstd_inv", overflow)
    factors = _table(tables, "gt", None, ((ntypes + 1) ** 2, WIDTH)).reshape(ntypes + 1, ntypes + 1, WIDTH)
    arrays["type_factors"][:ntypes, :ntypes] = _floats(factors[:ntypes, :ntypes], "gt", overflow)
    vectors = _table(tables, "t_ebd", None, (ntypes + 1, width)) @ look_up(weights, "layer_0.tweight", (width, NODES))
    arrays["type_vectors"][:ntypes] = _fixed(vectors[:ntypes], BIAS_BITS, "t_ebd layer_0.tweight", overflow)


def _shifts(weights: dict, networks: list[str], ntypes: int) -> tuple[tuple[int, ...], int]:
    """Energies of the types with as many bits after the binary point as 32 bits have room for."""
    final = np.array([look_up(weights, f"final_layer{suffix}.bias", (1,))[0] for suffix in networks])
    atoms = np.zeros(ntypes)
    if "t_bias_atom_e" in weights:
        atoms = _shaped(np.ravel(weights["t_bias_atom_e"]), (ntypes,), "weights, t_bias_atom_e")
    shifts, exponent = final + atoms, 0
    if not np.isfinite(shifts).all():
        raise ModelFormatError(f"weights, t_bias_atom_e and final_layer.bias: expected numbers, found {shifts}")
    while fixed_codes(np.rint(np.ldexp(shifts, FIXED - exponent)), 32)[1].any():
        exponent += 1
    return tuple(int(code) for code in np.rint(np.ldexp(shifts, FIXED - exponent))), exponent


def _first_index(config: Config, tables: dict, overflow: Overflow) -> int:
    """Where the feature tables begin; they must be those of these settings."""
    try:
        (start, end, *_), (_, last, step, *_) = tables["cfg_s2g"]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFormatError("tables, cfg_s2g: expected the two groups of segments of the features") from error
    found, expected = (float(end - start), float(last - start), float(step)), (1.0, config.s_span, config.layout.coarse)
    if found != expected:
        raise ModelFormatError(
            f"tables, cfg_s2g: expected groups of length {expected[0]:g} and {expected[1]:g} with coarse segments of "
            f"{expected[2]:g}, found {found[0]:g}, {found[1]:g} and {found[2]:g}",
            "Make the tables with the same settings",
        )
    if config.version == 1:
        if start != 0:
            raise ModelFormatError(f"tables, cfg_s2g: expected a start at 0 in version 1, found {start:g}")
        return 0
    codes, outside = fixed_codes(np.rint(-np.asarray([start]) * 256), 9, signed=False)
    overflow.note("cfg_s2g", [start], outside, "a start from -511/256 to 0")
    return int(codes[0])
