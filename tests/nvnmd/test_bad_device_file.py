"""What cannot be a model file is refused by name, when written and when read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deepmd_tf.errors import ModelFormatError
from nvnmd.device_file.read import from_bytes, read_model
from nvnmd.device_file.write import to_bytes
from tests.nvnmd.device_models import LAYOUTS, WIDTHS, changed, random_model


@pytest.mark.parametrize("name", WIDTHS)
def test_numbers_that_do_not_fit_are_refused(name):
    layout = LAYOUTS["version 0, 128" if name == "empty_slots" else "version 1, 128"]
    model, (width, signed) = random_model(layout, 12), WIDTHS[name]
    index = tuple(length - 1 for length in getattr(model, name).shape)
    for code in (2 ** (width - 1) if signed else 2**width, -(2 ** (width - 1)) - 1 if signed else -1):
        with pytest.raises(ModelFormatError) as error:
            to_bytes(changed(model, name, index, code))
        assert f"{name}[{','.join(map(str, index))}]: expected a code of {width} bits" in str(error.value)
        assert f"found {code}" in str(error.value)


def test_numbers_of_the_header_that_do_not_fit_are_refused():
    model = random_model(LAYOUTS["version 0, 128"], 13)
    for changes, text in (
        (dict(first_index=512), r"first_index\[0\]: expected a code of 9 bits"),
        (dict(sel=(512,)), r"sel\[0\]: expected a code of 9 bits"),
        (dict(sel=(1,) * 5), r"sel: expected at most 4 numbers, found 5"),
        (dict(log2_nix=129), r"log2_nix\[0\]: expected a code of 8 bits"),
        (dict(shifts=(2**32,) * model.ntypes), r"header, word \d+: expected a number of 32 bits"),
        (dict(forward=model.forward[:2]), r"forward: expected shape \(4, 3, 128, 128\), found \(2, "),
    ):
        with pytest.raises(ModelFormatError, match=text):
            to_bytes(replace(model, **changes))
    old = random_model(LAYOUTS["version 0 in use"], 13)
    with pytest.raises(ModelFormatError, match="shifts: expected none in a header of 32 words"):
        to_bytes(replace(old, shifts=(1,)))


def spoiled(data: bytes, position: int, value: bytes) -> bytes:
    return data[:position] + value + data[position + len(value) :]


def test_bad_files_are_named(tmp_path):
    data = to_bytes(random_model(LAYOUTS["version 1, 128"], 14))
    for found, text in (
        (b"", "expected a model file of the device, found 0 bytes"),
        (b"\n\x0c\n\x01a" * 200, "header, rows of cfg: expected 229, found"),
        (data[:-4], "expected 1007872 bytes as its header says, found 1007868"),
        (data + bytes(4), "expected 1007872 bytes as its header says, found 1007876"),
        (spoiled(data, 0, b"\x02"), "expected version 0 or 1, found 2"),
        (spoiled(data, 12, b"\x01"), "header, rows of fps: expected .*12544.*, found 12545"),
        (spoiled(data, 48, b"\x10"), "header, width of cfg: expected 18, found 16"),
        (spoiled(data, 12, (12672).to_bytes(4, "little")), "header: the rows of .* fps and bps do not fit"),
        (spoiled(data, 92, b"\x21"), "expected 1 to 32 types, found 33"),
        (spoiled(data, 508, b"\x01"), "header, byte 508: expected 0x00, found 0x01"),
        (spoiled(data, 1000, b"\x01"), "section cfg, byte 1000: expected 0x00, found 0x01"),
    ):
        with pytest.raises(ModelFormatError, match=f"x.pb.*{text}"):
            from_bytes(found, "x.pb")
    with pytest.raises(ModelFormatError, match=r"none\.pb: cannot be read"):
        read_model(tmp_path / "none.pb")


def test_repeated_numbers_must_agree():
    model = random_model(LAYOUTS["version 1, 128"], 15)
    data = to_bytes(model)
    other = to_bytes(changed(model, "biases", (0, 1, 5), 77))
    offsets = model.layout.offsets
    mixed = data[: offsets["bps"]] + other[offsets["bps"] :]
    with pytest.raises(ModelFormatError, match=r"section fps.*several times do not agree"):
        from_bytes(mixed, "x.pb")
    assert from_bytes(mixed, "x.pb", check=False).biases[0, 1, 5] == 77
