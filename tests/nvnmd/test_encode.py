"""Trained models become codes: against the format's formulas in plain integers and fractions."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, ModelFormatError
from nvnmd.config import Config
from nvnmd.device_file.encode import encode, weight_codes
from nvnmd.device_file.overflow import Overflow
from nvnmd.device_file.read import from_bytes
from nvnmd.device_file.write import to_bytes
from nvnmd.fixed_point.floats import flt
from nvnmd.fixed_point.table import map_table
from nvnmd.formats import float_values
from tests.nvnmd.device_models import trained

CONFIG = Config(0, (30, 20, 50), 6.0, 0.5).with_range(1.5, -0.3, 9.0)
CONFIG_1 = Config(1, (100,), 6.5, 1.0, type_map=("A", "B", "C")).with_range(1.5, 0.0, 9.0)
CONFIGS = {"version 0": CONFIG, "version 1": CONFIG_1}


@pytest.fixture(scope="module", params=CONFIGS)
def case(request):
    config = CONFIGS[request.param]
    weights, tables = trained(config)
    return config, weights, tables, encode(config, weights, tables)


def expected_weights(values):
    """Mantissas and exponent of weights that share one."""
    largest, exponent = max(abs(Fraction(value)) for value in values), 0
    while largest >= Fraction(2) ** (exponent + 1):
        exponent += 1
    return [int(Fraction(value) * 2**16 / 2**exponent) for value in values], exponent


def test_weights_and_biases(case):
    config, weights, _, model = case
    rng = np.random.default_rng(1)
    for net in range(3 if config.version == 0 else 1):
        suffix = f"_type_{net}" if config.version == 0 else ""
        for layer in range(3):
            name = f"layer_{layer}{suffix}"
            matrix = weights[f"{name}.matrix_1" if f"{name}.matrix_1" in weights else f"{name}.matrix"]
            for j in rng.integers(0, 128, 4):
                codes, exponent = expected_weights(matrix[:, j])
                assert list(model.forward[net, layer, :, j]) == codes
                assert model.forward_exponents[net, layer, j] == exponent
                codes, exponent = expected_weights(matrix[j])
                assert list(model.backward[net, layer, j]) == codes
                assert model.backward_exponents[net, layer, j] == exponent
            rounded = [round(Fraction(bias) * 2**23) for bias in weights[f"{name}.bias"]]
            assert list(model.biases[net, layer]) == rounded
        codes, exponent = expected_weights(weights[f"final_layer{suffix}.matrix"][:, 0])
        assert list(model.final[net]) == codes and model.final_exponent[net] == exponent
    assert model.forward_exponents.max() > 2 and not model.final_bias.any()


def test_types_that_are_not_there_are_zero(case):
    config, _, _, model = case
    if config.version == 0:
        arrays = [model.forward, model.backward, model.biases, model.final, model.switch_table, model.feature_table]
        arrays += [model.switch_gradient_table, model.feature_gradient_table, model.empty_slots]
        assert all(array[:3].any() and not array[3:].any() for array in arrays)
        assert not model.empty_slots[:, 3:].any()
    else:
        assert all(a[:3].any() and not a[3:].any() for a in (model.scales, model.type_factors, model.type_vectors))
        assert not model.type_factors[:, 3:].any()


def test_tables(case):
    config, _, tables, model = case
    for net in range(3 if config.version == 0 else 1):
        for array, names in (("switch_table", ["s", "h"]), ("switch_gradient_table", ["s_grad", "h_grad"])):
            for channel, name in enumerate(names):
                found = float_values(getattr(model, array)[net, :, channel])
                np.testing.assert_array_equal(found, flt(tables[name][net]))
        for array, name in (("feature_table", "g"), ("feature_gradient_table", "g_grad")):
            found = float_values(getattr(model, array)[net]).reshape(512, 128)
            np.testing.assert_array_equal(found, flt(tables[name][net]))


def test_header(case):
    config, weights, _, model = case
    assert model.rcut == config.rcut * 2**23 and model.sel == config.sel and model.ntypes == 3
    assert model.log2_nix == 7 and model.first_index == (78 if config.version == 0 else 0)  # floor(-0.3*256-1) = -78
    nets = [f"_type_{i}" for i in range(3)] if config.version == 0 else [""] * 3
    for t, suffix in enumerate(nets):
        shift = Fraction(weights["t_bias_atom_e"][t]) + Fraction(weights[f"final_layer{suffix}.bias"][0])
        assert abs(Fraction(model.shifts[t]) * 2**model.shift_exponent / 2**23 - shift) <= Fraction(2) ** -22
    largest = max(abs(energy) for energy in model.energy_shifts)
    assert model.shift_exponent == max(math.ceil(math.log2(largest)) - 8, 0)


def test_types_of_version_1():
    weights, tables = trained(CONFIG_1)
    model = encode(CONFIG_1, weights, tables)
    factors = tables["gt"].reshape(4, 4, 32)[:3, :3]
    np.testing.assert_array_equal(float_values(model.type_factors[:3, :3]), flt(factors))
    np.testing.assert_array_equal(float_values(model.scales[:3]), flt(tables["dstd_inv"][:, :2]))
    for t, node in np.random.default_rng(0).integers(0, (3, 128), (20, 2)):
        vector = sum(Fraction(a) * Fraction(b) for a, b in zip(tables["t_ebd"][t], weights["layer_0.tweight"][:, node]))
        assert abs(int(model.type_vectors[t, node]) - vector * 2**23) < 0.5001


def short(value: Fraction, bits: int = 20) -> Fraction:
    """Towards zero to so many bits after the leading one."""
    if not value:
        return value
    exponent = math.frexp(float(value))[1] - 1
    unit = Fraction(2) ** (exponent - bits)
    return Fraction(int(abs(value) / unit)) * unit * (1 if value > 0 else -1)


def added(x: Fraction, y: Fraction) -> Fraction:
    """Sum of numbers of 20 bits, aligned to the larger exponent first."""
    x, y = short(x), short(y)
    if not x and not y:
        return Fraction(0)
    exponent = max(math.frexp(float(one))[1] - 1 for one in (x, y) if one)
    unit = Fraction(2) ** (exponent - 20)
    return short(sum(Fraction(int(abs(one) / unit)) * unit * (1 if one > 0 else -1) for one in (x, y)))


def horner(coefficients, t: Fraction) -> Fraction:
    a, b, c, d = (Fraction(float(one)) for one in coefficients)
    t = short(t, 16)
    y = added(b, short(short(a) * t))
    y = added(c, short(y * t))
    return added(d, short(y * t))


def test_products_of_empty_slots():
    """s(u=0) in the fine and the coarse segments, at an edge, and outside of the tables on either side."""
    weights, tables = trained(CONFIG)
    start = CONFIG.s_start
    model_of = {}
    for s in (-0.2987, 0.0012345, 0.61, start + 1.0, 5.4321, start + 16.0, start - 0.01, 20.0):
        for t in range(3):
            tables["s"][t][0] = [3.3, -1.7, 0.9, s * (1 + t / 64)]
        model_of[s] = encode(CONFIG, weights, tables).empty_slots
        for t, n in ((0, 0), (1, 2), (2, 1)):
            x = short(Fraction(float(tables["s"][t][0][3])))
            group = 0 if Fraction(start) <= x <= Fraction(start) + 1 else 1
            width = Fraction(1, 256) if group == 0 else Fraction(1, 16)
            k, offset = divmod(x - Fraction(start), width)
            if k < 0:
                k, offset = 0, Fraction(0)
            elif k > 255:
                k, offset = 255, width
            row = tables["g"][n][256 * group + int(k)]
            for c in (0, 7, 31):
                expected = round(x * horner(row[4 * c : 4 * c + 4], offset) * 2**23)
                assert model_of[s][t, n, c] == expected, (s, t, n, c)


def test_offsets_within_a_segment_keep_16_bits():
    rng, width = np.random.default_rng(5), Fraction(1, 8)
    table = rng.normal(size=(8, 12)) * 100
    for x in rng.uniform(0, 1, 30):
        k, offset = divmod(Fraction(x), width)
        expected = [horner(table[int(k), 4 * c : 4 * c + 4], offset) for c in range(3)]
        assert [Fraction(float(y)) for y in map_table([[x]], table, [0.0, 1.0, 1 / 8, 0, 8])[0, 0]] == expected


@pytest.mark.parametrize(
    ("largest", "exponent", "mantissa"),
    [(0.0, 0, 0), (1e-30, 0, 0), (0.999999, 0, 65535), (1.0, 0, 65536), (2 - 1e-9, 0, 131071), (2.0, 1, 65536),
     (255.9999, 7, 131071), (-255.9999, 7, -131071), (300.0, 7, 131071), (-1e9, 7, -131071)],
)  # fmt: skip
def test_corners_of_weights(largest, exponent, mantissa):
    weights = np.zeros((4, 3))
    weights[2, 1] = largest
    codes, exponents = weight_codes(weights, 0)
    assert codes[2, 1] == mantissa and list(exponents) == [0, exponent, 0] and np.count_nonzero(codes) <= 1
    codes, exponents = weight_codes(weights, 1)
    assert codes[2, 1] == mantissa and list(exponents) == [0, 0, exponent, 0]


@pytest.mark.parametrize(
    ("energy", "exponent"), [(0.0, 0), (255.9, 0), (256.0, 1), (-256.0, 1), (257.0, 1), (2.0**20, 13), (1e-9, 0)]
)
def test_energies_take_the_least_exponent_with_which_they_fit(energy, exponent):
    weights, tables = trained(CONFIG)
    for t in range(3):
        weights[f"final_layer_type_{t}.bias"][:] = 0
    weights["t_bias_atom_e"] = np.array([0, energy, 1.0])
    model = encode(CONFIG, weights, tables)
    assert model.shift_exponent == exponent
    np.testing.assert_allclose(model.energy_shifts[1], energy, rtol=0, atol=2.0 ** (exponent - 24))


PLACES = {
    "layer_1_type_2.matrix": (lambda w, t: w["layer_1_type_2.matrix"], (3, 4), "weights below 256"),
    "final_layer_type_0.matrix": (lambda w, t: w["final_layer_type_0.matrix"], (127, 0), "weights below 256"),
    "layer_0_type_1.bias": (lambda w, t: w["layer_0_type_1.bias"], (9,), "values below 32"),
    "h_grad[1]": (lambda w, t: t["h_grad"][1], (511, 3), r"0 or a magnitude from 2\^-128 to 2\^128"),
    "g[0]": (lambda w, t: t["g"][0], (0, 127), r"0 or a magnitude from 2\^-128 to 2\^128"),
}
WRONG = {"weights": [256.0, -1e300, np.inf], "values": [32.0, -1e300], "0 or": [1e39, -np.inf, 1e-39]}


@pytest.mark.parametrize("name", PLACES)
def test_numbers_that_do_not_fit_are_named_or_counted(name):
    weights, tables = trained(CONFIG)
    place, index, expected = PLACES[name]
    clean = encode(CONFIG, weights, tables)
    text = rf"{name}\[{','.join(map(str, index))}\]: expected {expected}".replace("g[0]", r"g\[0\]")
    text = text.replace("h_grad[1]", r"h_grad\[1\]")
    for value in next(values for key, values in WRONG.items() if expected.startswith(key)):
        place(weights, tables)[index] = value
        with pytest.raises(ConfigError, match=rf"{text}.* found .*--on-overflow count"):
            encode(CONFIG, weights, tables)
        overflow = Overflow("count")
        model = encode(CONFIG, weights, tables, overflow=overflow)
        assert overflow.counts == {name: 1} and model != clean
        assert from_bytes(to_bytes(model)) == model
    place(weights, tables)[index] = np.nan
    for choice in ("error", "count"):
        with pytest.raises(ConfigError, match=rf"{text}.* found nan"):
            encode(CONFIG, weights, tables, overflow=Overflow(choice))


def test_the_first_of_several_is_named():
    weights, tables = trained(CONFIG)
    weights["layer_0_type_0.bias"][[5, 70]] = 40, -50
    with pytest.raises(ConfigError, match=r"layer_0_type_0.bias\[5\]: expected .*, found 40, and 1 more"):
        encode(CONFIG, weights, tables)
    overflow = Overflow("count")
    model = encode(CONFIG, weights, tables, overflow=overflow)
    assert list(model.biases[0, 0, [5, 70]]) == [2**28 - 1, -(2**28) + 1]
    assert overflow.counts == {"layer_0_type_0.bias": 2}
    with pytest.raises(ConfigError, match="on_overflow: expected error or count, found 'wrap'"):
        Overflow("wrap")


def without(dictionary, name):
    return {key: value for key, value in dictionary.items() if key != name}


def test_what_is_missing_or_of_another_shape_is_named():
    weights, tables = trained(CONFIG)
    weights_1, tables_1 = trained(CONFIG_1)
    for config, w, t, text in (
        (CONFIG, without(weights, "layer_2_type_1.bias"), tables, "weights, layer_2_type_1.bias: missing"),
        (CONFIG, weights | {"layer_2_type_1.bias": np.zeros(3)}, tables, r"expected shape \(128,\), found \(3,\)"),
        (CONFIG, weights | {"t_bias_atom_e": np.zeros(2)}, tables, r"t_bias_atom_e: expected shape \(3,\)"),
        (CONFIG, weights | {"t_bias_atom_e": [0, np.nan, 0]}, tables, "t_bias_atom_e and .*: expected numbers"),
        (CONFIG, weights, without(tables, "g_grad"), "tables, g_grad: missing of type 0"),
        (CONFIG, weights, tables | {"h": tables["h"][:2]}, "tables, h: missing of type 2"),
        (CONFIG, weights, without(tables, "cfg_u2s"), "expected cfg_u2s, found none"),
        (CONFIG, weights, without(tables, "cfg_s2g"), "cfg_s2g"),
        (CONFIG_1, without(weights_1, "layer_0.tweight"), tables_1, "layer_0.tweight: missing"),
        (CONFIG_1, weights_1, without(tables_1, "gt"), "tables, gt: missing"),
        (CONFIG_1, weights_1, tables_1 | {"cfg_s2g": tables["cfg_s2g"]}, "start at 0 in version 1, found -0.30"),
    ):
        with pytest.raises(ModelFormatError, match=text):
            encode(config, w, t)


def test_missing_energies_of_atoms_are_zero():
    weights, tables = trained(CONFIG)
    model = encode(CONFIG, without(weights, "t_bias_atom_e"), tables)
    expected = [weights[f"final_layer_type_{t}.bias"][0] for t in range(3)]
    np.testing.assert_allclose(model.energy_shifts, expected, rtol=0, atol=2.0**-24)


def test_hardware_in_use():
    weights, tables = trained(CONFIG)
    config = CONFIG.deployed()
    model = encode(config, weights, tables, config.layout.deployed())
    assert model.layout.size == 3435324 and model.layout.sel_bits == 8 and model.shifts == ()
    assert from_bytes(to_bytes(model)) == model
    newer = replace(CONFIG_1, max_nnei=256).deployed()
    weights, tables = trained(newer)
    model = encode(newer, weights, tables, newer.layout.deployed())
    assert to_bytes(model)[:4].hex() == "01020001" and model.layout.size == 1007872 and model.layout.coarse == 1 / 8
    with pytest.raises(ModelFormatError, match=r"coarse segments of 0.0625, found 1, 32 and 0.125. Make the tables"):
        encode(replace(newer, sub_version=1), weights, tables)
