"""dp nvnmd-wrap and dp nvnmd-info, through the parser of ``dp``."""

from __future__ import annotations

import importlib
import re

import pytest

from deepmd_tf.export.files import write_atomic
from nvnmd.config import Config
from nvnmd.config_file import read_config, write_config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.read import read_model
from nvnmd.device_file.write import to_bytes
from nvnmd.dictionaries import write_dictionary
from tests.nvnmd.conftest import COMMANDS
from tests.nvnmd.device_models import trained

CONFIG = Config(0, (60, 60), 6.0, 0.5, type_map=("Ge", "Te")).with_range(2.2, -0.3, 9.0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights, tables = trained(CONFIG)
    write_config("config.npy", CONFIG)
    write_dictionary("weight.npy", weights)
    write_dictionary("map.npy", tables)
    return tmp_path


def test_every_command_is_announced_under_its_name():
    assert set(COMMANDS) >= {"nvnmd-wrap", "nvnmd-info", "train-nvnmd"}
    for name, module in COMMANDS.items():
        found = importlib.import_module(module)
        assert name == found.NAME


def test_wrap_writes_the_file_and_info_shows_it(folder, dp):
    code, text = dp("nvnmd-wrap")
    assert code == 0 and "version 0, SUB_VERSION 1, 128 neighbours, 2 types, 3435708 bytes" in text
    expected = encode(CONFIG, *trained(CONFIG))
    assert (folder / "model.pb").read_bytes() == to_bytes(expected)
    assert not any(read_config("config.npy").section_shape)
    code, text = dp("nvnmd-info", "model.pb")
    energies = " ".join(f"{energy:.8g}" for energy in expected.energy_shifts)
    for line in (
        "version: 0, SUB_VERSION 1", "types: 2 of 4", "sel: 60 60 (9 bits)", "NIX: 128", "rcut: 6 Å",
        "from s = -0.304688", energies,
    ):  # fmt: skip
        assert line in text
    assert re.search(r"^fea +32768 +232 +1338556 +1048576$", text, re.M) and re.search(r"^file +3435708$", text, re.M)


def test_the_file_of_settings_takes_the_sizes_of_the_sections(folder, dp):
    assert dp("nvnmd-wrap", "--update-config")[0] == 0
    assert read_config("config.npy") == CONFIG.with_sections(CONFIG.layout)


def test_hardware_in_use(folder, dp):
    code, text = dp("nvnmd-wrap", "--deployed", "-o", "small.pb")
    assert code == 0 and "3435324 bytes" in text and "no place for the energies" in text
    assert read_model("small.pb").layout.sel_bits == 8
    code, text = dp("nvnmd-info", "small.pb")
    assert code == 0 and "not told by the header" in text and "sel: 60 60 (8 bits)" in text


def test_numbers_that_do_not_fit(folder, dp):
    weights, _ = trained(CONFIG)
    weights["layer_0_type_0.matrix"][1, 2] = -1000
    write_dictionary("weight.npy", weights)
    code, text = dp("nvnmd-wrap")
    assert code == 2 and "layer_0_type_0.matrix[1,2]: expected weights below 256 in magnitude, found -1000" in text
    assert not (folder / "model.pb").exists()
    code, text = dp("nvnmd-wrap", "--on-overflow", "count")
    assert code == 0 and "model.pb: 1 numbers are saturated" in text
    model = read_model("model.pb")
    assert model.forward[0, 0, 1, 2] == -131071 and model.forward_exponents[0, 0, 2] == 7
    assert "1 of 196608 at the limit" in dp("nvnmd-info", "model.pb")[1]


def test_bad_files_and_options(folder, dp):
    for arguments, text in (
        (["-c", "none.npy"], "none.npy: cannot be read"),
        (["-o", "weight.npy"], "--output weight.npy: is the file of --weight, which would be lost"),
        (["-o", "new/model.pb"], "--output new/model.pb: there is no folder new. Create it first"),
        (["-w", "map.npy"], "weights, layer_0_type_0.matrix: missing"),
    ):
        code, found = dp("nvnmd-wrap", *arguments)
        assert code == 2 and text in found
    assert not (folder / "model.pb").exists()
    code, found = dp("nvnmd-info", "map.npy")
    assert code == 2 and "map.npy: header, rows of cfg: expected 229, found" in found


def test_info_of_a_file_with_bits_that_mean_nothing(folder, dp):
    data = bytearray(to_bytes(encode(CONFIG, *trained(CONFIG))))
    data[511] = 1
    write_atomic("model.pb", bytes(data))
    code, text = dp("nvnmd-info", "model.pb")
    assert code == 2 and "model.pb, header, byte 511: expected 0x00, found 0x01" in text
    assert dp("nvnmd-info", "model.pb", "--no-check")[0] == 0
