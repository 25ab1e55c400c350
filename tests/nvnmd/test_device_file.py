"""Model files: sizes, offsets and the place of each number by the format's formulas; reading undoes writing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nvnmd.device_file.layout import Layout
from nvnmd.device_file.model import array_shapes
from nvnmd.device_file.read import from_bytes, read_model
from nvnmd.device_file.write import header, to_bytes, write_model
from tests.nvnmd.device_models import LAYOUTS, WIDTHS, changed, random_model

OFFSETS = {
    "version 0, 128": (
        dict(cfg=512, fps=3260, bps=605372, swt=1207484, dsw=1273020, fea=1338556, gra=2387132),
        3435708,
    ),
    "version 0, 256": (
        dict(cfg=512, fps=3260, bps=611516, swt=1219772, dsw=1285308, fea=1350844, gra=2399420),
        3447996,
    ),
    "version 1, 128": (
        dict(cfg=512, fps=2048, bps=152576, swt=303104, dsw=319488, std=335872, fea=336128, gra=598272, gtt=860416,
             avc=991488),
        1007872,
    ),
    "version 1, 256": (
        dict(cfg=512, fps=2048, bps=154112, swt=306176, dsw=322560, std=338944, fea=339200, gra=601344, gtt=863488,
             avc=994560),
        1010944,
    ),
}  # fmt: skip
# Rows, then hexadecimal digits of a row.
SHAPE_WORDS = {
    "version 0, 128": [229, 50176, 50176, 4096, 4096, 32768, 32768, 18, 18, 18, 29, 29, 58, 58],
    "version 1, 128": [128, 12544, 12544, 4096, 4096, 64, 65536, 65536, 32768, 4096, 18, 18, 18] + [8] * 7,
}


@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_and_sizes(name):
    layout, (offsets, size) = LAYOUTS[name], OFFSETS[name]
    assert layout.offsets == offsets and layout.size == size
    assert len(to_bytes(random_model(layout, 0))) == size


def test_sizes_of_hardware_in_use():
    assert LAYOUTS["version 0 in use"].size == 3435324
    newer = LAYOUTS["version 1, newer"]
    assert newer.size == 1007872 and newer.version_word == 0x01000201 and newer.sections[1].rows == 12544


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("version 0, 128", 0x00800100),
        ("version 0, 256", 0x01000100),
        ("version 1, 128", 0x00800101),
        ("version 1, 256", 0x01000101),
    ],
)
def test_words_of_the_header(name, word):
    model = random_model(LAYOUTS[name], 3)
    words = [int(one) for one in np.frombuffer(header(model), "<u4")]
    shapes = words[2 : 2 + 2 * len(OFFSETS[name][0])]
    assert len(words) == 128 and words[:2] == [word, 128] and shapes == SHAPE_WORDS.get(name, shapes)
    rest = words[2 + len(shapes) :]
    assert rest[:2] == [model.rcut, model.ntypes] and tuple(rest[2 : 2 + len(model.sel)]) == model.sel
    after = 2 + len(model.sel)
    assert rest[after : after + model.ntypes] == [shift % 2**32 for shift in model.shifts]
    assert rest[after + model.ntypes] == model.shift_exponent and not any(rest[after + model.ntypes + 1 :])


def test_worked_header():
    shifts = tuple(int.from_bytes(bytes.fromhex(word), "little", signed=True) for word in ("900cd0ad", "4e03ecac"))
    model = replace(
        random_model(LAYOUTS["version 0, 128"], 0),
        rcut=50331648, sel=(60, 60), shifts=shifts, shift_exponent=0, first_index=80, log2_nix=7,
    )  # fmt: skip
    expected = (
        "00018000 80000000 e5000000 00c40000 00c40000 00100000 00100000 00800000 00800000 12000000 12000000 12000000 "
        "1d000000 1d000000 3a000000 3a000000 00000003 02000000 3c000000 3c000000 900cd0ad 4e03ecac 00000000"
    )
    assert header(model).hex(" ", 4).startswith(expected)
    np.testing.assert_allclose(model.energy_shifts, [-164.3746, -166.1561], rtol=0, atol=5e-5)
    model = changed(model, "empty_slots", ..., 0)
    data = to_bytes(model)
    assert data[512:524].hex() == "5078f0000000000000000000"
    # Stream bit 16429 is bit 13 of row 228: 8 bits of -7 above it.
    assert int.from_bytes(data[512 + 228 * 12 :][:12], "little") == 0xF9 << 13


def test_worked_header_of_hardware_in_use():
    model = replace(random_model(LAYOUTS["version 0 in use"], 0), rcut=50331648, sel=(60, 60), first_index=80)
    words = [int(one) for one in np.frombuffer(header(model), "<u4")]
    assert words == SHAPE_WORDS["version 0, 128"] + [50331648] + [0] * 17
    assert int.from_bytes(to_bytes(model)[128:140], "little") & (1 << 41) - 1 == 80 | 60 << 9 | 60 << 17


class File:
    """The bits of a file, found by plain integers."""

    def __init__(self, model):
        self.data, self.layout = to_bytes(model), model.layout

    def row(self, section: str, row: int) -> int:
        """A row as a whole number."""
        shape = {one.name: one for one in self.layout.sections}[section]
        size = (shape.width + 31) // 32 * 4
        start = self.layout.offsets[section] + row * size
        return int.from_bytes(self.data[start : start + size], "little")

    def stream(self, section: str, first: int, rows: int, start: int, bits: int, signed: bool) -> int:
        """A number of a stream of 72-bit rows."""
        whole = sum(self.row(section, first + i) << 72 * i for i in range(start // 72, (start + bits - 1) // 72 + 1))
        assert (start + bits - 1) // 72 < rows
        return number(whole >> start, bits, signed)


def number(whole: int, bits: int, signed: bool) -> int:
    code = whole & (1 << bits) - 1
    return code - (1 << bits) if signed and code >> (bits - 1) else code


@pytest.mark.parametrize("sel_bits", [8, 9])
def test_settings_of_version_0(sel_bits):
    model = random_model(Layout(0, sel_bits=sel_bits), 5)
    file = File(model)
    assert file.stream("cfg", 0, 229, 0, 9, False) == model.first_index
    for index, neighbors in enumerate((*model.sel, 0, 0, 0)[:4]):
        assert file.stream("cfg", 0, 229, 9 + sel_bits * index, sel_bits, False) == neighbors
    base = 9 + 4 * sel_bits
    for t, n, c in np.random.default_rng(0).integers(0, (4, 4, 32), (40, 3)).tolist():
        assert file.stream("cfg", 0, 229, base + 32 * ((t * 4 + n) * 32 + c), 32, True) == model.empty_slots[t, n, c]
    assert file.stream("cfg", 0, 229, base + 16384, 8, True) == -model.log2_nix


def test_settings_of_version_1():
    model = random_model(LAYOUTS["version 1, 128"], 5)
    model = replace(model, log2_nix=7)
    assert to_bytes(model)[512:516].hex() == "f9000000"
    assert [File(model).row("cfg", i) for i in range(1, 128)] == [0] * 127


@pytest.mark.parametrize("name", ["version 0, 128", "version 0, 256", "version 1, 128", "version 1, newer"])
def test_weights(name):
    model, rng = random_model(LAYOUTS[name], 6), np.random.default_rng(1)
    file, slices = File(model), model.layout.slices
    rows, own = {64: (196, 2), 128: (99, 1)}[slices]
    hidden = own * (128 * 18 + 3 + 29)

    def found(section, slot, start, bits, signed=True):
        return file.stream(section, slot * rows, rows, start, bits, signed)

    for _ in range(40):
        t, layer, c, k, r = rng.integers(0, (model.layout.networks, 3, slices, own, 128)).tolist()
        slot, start, j = t * slices + c, layer * hidden, c * own + k
        assert found("fps", slot, start + 18 * (k * 128 + r), 18) == model.forward[t, layer, r, j]
        assert found("bps", slot, start + 18 * (k * 128 + r), 18) == model.backward[t, layer, j, r]
        start += 18 * 128 * own
        assert found("fps", slot, start + 3 * k, 3, False) == model.forward_exponents[t, layer, j]
        assert found("bps", slot, start + 3 * k, 3, False) == model.backward_exponents[t, layer, j]
        start += 3 * own
        for section in ("fps", "bps"):
            assert found(section, slot, start + 29 * k, 29) == model.biases[t, layer, j]
            assert found(section, slot, 3 * hidden + 18 * k, 18) == model.final[t, j]
            assert found(section, slot, 3 * hidden + 18 * own, 3, False) == model.final_exponent[t]
            assert found(section, slot, 3 * hidden + 18 * own + 3, 29) == model.final_bias[t]


TABLES = dict(swt="switch_table", dsw="switch_gradient_table", fea="feature_table", gra="feature_gradient_table")


@pytest.mark.parametrize("section", TABLES)
def test_tables_of_version_0(section):
    model, rng = random_model(LAYOUTS["version 0, 128"], 7), np.random.default_rng(2)
    file, table = File(model), getattr(model, TABLES[section])
    for t, k, c, i in rng.integers(0, (4, 512, table.shape[2], 4), (60, 4)).tolist():
        row = (i // 2 * 4 + t) * 512 + k
        place = 2 * c + i % 2
        if section in ("fea", "gra"):
            row, place = row * 8 + c // 4, 2 * (c % 4) + i % 2
        assert number(file.row(section, row) >> 29 * place, 29, False) == table[t, k, c, i]


@pytest.mark.parametrize("section", TABLES)
def test_tables_of_version_1(section):
    model, rng = random_model(LAYOUTS["version 1, 256"], 8), np.random.default_rng(3)
    file, table = File(model), getattr(model, TABLES[section])
    channels = table.shape[2]
    for k, c, i in rng.integers(0, (512, channels, 4), (60, 3)).tolist():
        assert file.row(section, k * 4 * channels + i // 2 * 2 * channels + 2 * c + i % 2) == table[0, k, c, i]


def test_types_of_version_1():
    model, rng = random_model(LAYOUTS["version 1, 128"], 9), np.random.default_rng(4)
    file = File(model)
    for t, n, c, node in rng.integers(0, (32, 32, 32, 128), (60, 4)).tolist():
        assert [file.row("std", 2 * t), file.row("std", 2 * t + 1)] == list(model.scales[t])
        position = c // 2 if c % 2 == 0 else 16 + c // 2
        assert file.row("gtt", (t * 32 + n) * 32 + position) == model.type_factors[t, n, c]
        assert file.row("avc", t * 128 + node) == model.type_vectors[t, node] % 2**29


@pytest.mark.parametrize("name", LAYOUTS)
def test_reading_undoes_writing(name, tmp_path):
    """A thousand models of all layouts together."""
    for seed in range(143):
        model = random_model(LAYOUTS[name], seed)
        found = from_bytes(to_bytes(model))
        assert found == model and found.layout == model.layout and found.ntypes == model.ntypes
    write_model(tmp_path / "model.pb", model)
    assert read_model(tmp_path / "model.pb") == model != random_model(LAYOUTS[name], 0)


def test_the_largest_and_least_numbers_survive():
    for name in ("version 0, 128", "version 1, 128"):
        model = random_model(LAYOUTS[name], 11)
        for array in array_shapes(model.layout):
            width, signed = WIDTHS[array]
            codes = [-(2 ** (width - 1)) + 1, 2 ** (width - 1) - 1] if signed else [0, 2**width - 1]
            if getattr(model, array).size > 1:
                model = changed(model, array, ..., np.resize(codes, getattr(model, array).shape))
        assert model.forward.max() == 131071 and model.forward_exponents.max() == 7
        assert from_bytes(to_bytes(model)) == model
