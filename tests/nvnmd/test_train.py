"""``dp train-nvnmd``: what the two steps write and read, what they refuse, and that they train."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.infer import DeepPot
from nvnmd.config_file import read_config, write_config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.read import read_model
from nvnmd.dictionaries import read_dictionary
from nvnmd.train import steps
from nvnmd.train.plan import Plan
from tests.support.systems import random_frames, write_system
from tests.support.training import write_input

FIRST = (
    "frozen_model.pb",
    "config.npy",
    "weight.npy",
    "map.npy",
    "train.json",
    "train.log",
    "lcurve.out",
    "checkpoint",
)
SECOND = (*FIRST[:3], "model.pb", *FIRST[4:])

TYPES = [0, 1, 0, 0, 1, 1, 0, 1] * 2


def content(version: int = 0, *, steps: int = 4, rate: float = 1e-3, **changes) -> dict:
    """An input of the field over the data of the working folder."""
    section = {"version": version, "sel": [20, 24] if version == 0 else 44, "rcut": 4.0, "rcut_smth": 0.5}
    return {
        "nvnmd": {**section, "net_size": 128, "type_map": ["O", "H"], **changes},
        "learning_rate": {"type": "exp", "start_lr": rate, "stop_lr": rate / 100, "decay_steps": 10},
        "loss": {"start_pref_e": 0.1, "limit_pref_e": 1, "start_pref_f": 100, "limit_pref_f": 1},
        "training": {
            "seed": 1, "stop_batch": steps, "disp_file": "lcurve.out", "disp_freq": 2, "save_freq": 100,
            "save_ckpt": "model.ckpt", "training_data": {"systems": ["training"], "batch_size": 1},
        },
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with data."""
    monkeypatch.chdir(tmp_path)
    write_system(tmp_path / "training", types=TYPES, nframes=4)
    return tmp_path


@pytest.fixture
def train(folder, dp):
    """Run the command with an input; return exit code and text."""

    def run(content: dict, *options) -> tuple[int, str]:
        return dp("train-nvnmd", write_input(folder, content).name, *options)

    return run


@pytest.mark.parametrize("version", [0, 1])
def test_both_steps_leave_what_the_field_expects(folder, train, version):
    code, text = train(content(version), "-s", "s1")
    assert code == 0, text
    assert {*FIRST} <= {path.name for path in (folder / "nvnmd_cnn").iterdir()}
    code, text = train(content(version, steps=2, rate=1e-6), "-s", "s2")
    assert code == 0 and "energies equal to the bit" in text, text
    assert {*SECOND} <= {path.name for path in (folder / "nvnmd_qnn").iterdir()}
    assert not (folder / "nvnmd_qnn/map.npy").exists() and (folder / "out.json").exists()
    config, weights = read_config("nvnmd_qnn/config.npy"), read_dictionary("nvnmd_qnn/weight.npy")
    tables = read_dictionary("nvnmd_cnn/map.npy")
    assert read_model("nvnmd_qnn/model.pb") == encode(config, weights, tables)
    assert any(config.section_shape) and config.measured and config.ntypes == 2
    assert not any(name.startswith("filter_type") for name in weights)
    assert any(name.startswith("filter_type") for name in read_dictionary("nvnmd_cnn/weight.npy"))
    assert "2 steps" in (folder / "nvnmd_qnn/train.log").read_text()


def test_newer_hardware(folder, train):
    """SUB_VERSION 2: 64 slices for 256 neighbours, tables with coarser segments, from training to the model file."""
    given = content(1, steps=2, max_nnei=256, sub_version=2)
    code, text = train(given, "-s", "all")
    assert code == 0 and "energies equal to the bit" in text, text
    layout = read_model("nvnmd_qnn/model.pb").layout
    assert (layout.sub_version, layout.max_nnei, layout.slices) == (2, 256, 64)
    assert read_dictionary("nvnmd_cnn/map.npy")["cfg_s2g"][1][:3] == [0.0, 32.0, 1 / 8]
    code, text = train(content(sub_version=2), "-s", "s1")
    assert code == 2 and "nvnmd/sub_version: expected 1, or 2 in version 1 with 256 neighbours, found 2" in text


@pytest.mark.parametrize("version", [0, 1])
def test_the_second_step_begins_with_the_model_of_the_first(folder, train, version):
    """Energies and forces of both, before any training in the numbers of the device."""
    assert train(content(version, steps=20), "-s", "s1")[0] == 0
    assert train(content(version, steps=0), "-s", "s2")[0] == 0
    coord, box = (np.load(f"training/set.000/{name}.npy")[:2] for name in ("coord", "box"))
    types = np.loadtxt("training/type.raw", int)
    energy, force, _ = DeepPot("nvnmd_cnn/frozen_model.pb").eval(coord, box, types)
    found, forces, _ = DeepPot("nvnmd_qnn/frozen_model.pb").eval(coord, box, types)
    assert 0 < np.abs(found - energy).max() / len(types) < 2e-3
    assert 0 < np.abs(forces - force).max() < 2e-2


def test_a_device_that_differs_from_the_network_is_told(folder, train, monkeypatch):
    """Of the legacy format it is known; of the device's own it is an error, and no file is written."""
    assert train(content(steps=20), "-s", "s1")[0] == 0
    code, text = train(content(steps=1, weight_format="legacy"), "-s", "s2")
    assert code == 0 and "energies within" in text and (folder / "nvnmd_qnn/model.pb").exists()
    monkeypatch.setattr(steps, "encode", lambda *given: encode(given[0], shifted(given[1]), given[2]))
    code, text = train(content(steps=1), "-s", "s2")
    assert code == 1 and "the device would differ from it" in text and not (folder / "nvnmd_qnn/model.pb").exists()


def shifted(weights: dict) -> dict:
    """One weight is another."""
    return {**weights, "layer_1_type_0.bias": weights["layer_1_type_0.bias"] + 1e-3}


def test_one_command_does_both(folder, train):
    given = content(steps=20)
    given["nvnmd"]["second_step"] = {
        "training": {"numb_steps": 3},
        "learning_rate": {"start_lr": 1e-5, "stop_lr": 1e-6},
    }
    code, text = train(given, "-s", "all")
    assert code == 0, text
    written = json.loads((folder / "nvnmd_qnn/train.json").read_text())
    assert written["training"]["numb_steps"] == 3 and written["learning_rate"]["start_lr"] == 1e-5
    assert written["model"]["fitting_net"]["weight_format"] == "device"
    del given["nvnmd"]["second_step"]
    code, text = train(given, "-s", "all")
    assert code == 0 and "second step: numb_steps 1, learning rate from 1.0e-04 to 1.0e-05" in text
    loss = json.loads((folder / "nvnmd_qnn/train.json").read_text())["loss"]
    assert loss["start_pref_f"] == loss["limit_pref_f"] == 1


def test_training_in_the_numbers_of_the_device_lowers_the_error(folder, train):
    """From weights that were hardly trained; in both formats. Labels that can be learned: no forces at all."""
    zeros = {"force": np.zeros((4, 48)), "energy": np.zeros(4)}
    write_system(folder / "training", types=TYPES, nframes=4, arrays=zeros)
    assert train(content(steps=1), "-s", "s1")[0] == 0
    for name in ("device", "legacy"):
        given = content(steps=150, rate=2e-3, weight_format=name)
        given["training"]["disp_freq"] = 150
        assert train(given, "-s", "s2")[0] == 0
        first, last = np.loadtxt("nvnmd_qnn/lcurve.out")
        assert last[3] < 0.5 * first[3], (name, first, last)


def test_a_run_goes_on_exactly(folder, train):
    """Six steps at once, and three with three after a restart: the same weights, in the second step."""
    assert train(content(), "-s", "s1")[0] == 0
    whole = content(steps=6)
    whole["training"]["save_freq"] = 3
    assert train(whole, "-s", "s2")[0] == 0
    expected = find_checkpoint("nvnmd_qnn/model.ckpt-6").values()
    assert train(whole, "-s", "s2", "-r", "nvnmd_qnn/model.ckpt-3")[0] == 0
    found = find_checkpoint("nvnmd_qnn/model.ckpt-6").values()
    assert expected.keys() == found.keys() and all(np.array_equal(expected[name], found[name]) for name in found)
    assert train(content(steps=1), "-s", "s2", "--init-model", "nvnmd_qnn/model.ckpt-6")[0] == 0
    for name in ("layer_0_type_0/matrix", "final_layer_type_1/bias"):
        assert 0 < np.abs(find_checkpoint("nvnmd_qnn").values()[name] - found[name]).max() < 0.01


def test_nothing_of_an_earlier_run_is_lost(folder, train):
    assert train(content(), "-s", "s1")[0] == 0
    before = {name: (folder / "nvnmd_cnn" / name).read_bytes() for name in FIRST[:4]}
    assert train(content(steps=3), "-s", "s1")[0] == 0
    kept = folder / "nvnmd_cnn/previous.1"
    assert all((kept / name).read_bytes() == value for name, value in before.items())


def test_settings_of_an_earlier_run_do_not_count(folder, train):
    """The first step asks the input alone; the second refuses tables that were made with other settings."""
    assert train(content(), "-s", "s1")[0] == 0
    assert train(content(max_nnei=256), "-s", "s1")[0] == 0
    assert read_config("nvnmd_cnn/config.npy").max_nnei == 256
    code, text = train(content(), "-s", "s2")
    assert (
        code == 2 and "nvnmd/max_nnei: expected 256, as nvnmd_cnn/config.npy says of the first step, found 128" in text
    )
    code, text = train(content(max_nnei=256, sel=[20, 23]), "-s", "s2")
    assert code == 2 and "nvnmd/sel: expected (20, 24)" in text
    assert not (folder / "nvnmd_qnn/checkpoint").exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sel": [100, 60]}, "nvnmd/sel: expected a sum of at most max_nnei = 128, found 160: [100, 60]"),
        ({"rcut": 8.5}, "nvnmd/rcut: expected a length above 0 and up to 8 Å, found 8.5"),
        ({"max_nnei": 100}, "nvnmd/max_nnei: expected 128 or 256, found 100"),
        ({"version": 2}, "nvnmd/version: expected 0 or 1, found 2"),
        ({"net_size": 64}, "nvnmd/net_size: expected 128"),
        ({"weight_format": "devise"}, "nvnmd/weight_format: expected device or legacy, found 'devise'"),
        ({"rcut_smoth": 1}, "nvnmd/rcut_smoth: unknown key. Did you mean 'rcut_smth'"),
        ({"second_step": {"trainings": {}}}, "nvnmd/second_step/trainings: unknown section. Did you mean 'training'"),
    ],
)
def test_limits_are_checked_before_training(folder, train, change, text):
    code, found = train(content(**change))
    assert code == 2 and "input.json: " + text in found
    assert not (folder / "nvnmd_cnn/checkpoint").exists()


def test_atoms_too_close_for_the_tables_are_told_before_training(folder, train):
    arrays = random_frames(len(TYPES), 4)
    arrays["coord"][:, 3:6] = arrays["coord"][:, :3] + [0.1, 0.0, 0.0]
    write_system(folder / "training", types=TYPES, nframes=4, arrays={"coord": arrays["coord"]})
    code, text = train(content(rcut_smth=0.05))
    assert code == 2 and "input.json: nvnmd/s: expected a range within" in text and "smallest distance" in text
    assert not (folder / "nvnmd_cnn/checkpoint").exists()


def test_faults_of_the_command(folder, train, dp):
    assert train(content(), "-s", "s2")[0] == 2
    code, text = train(content(), "-s", "all", "-r", "model.ckpt")
    assert code == 2 and "--restart: belongs to one step" in text
    code, text = train({**content(), "trainning": {}})
    assert code == 2 and "trainning: unknown section. Did you mean 'training'" in text
    code, text = dp("train-nvnmd", "none.json")
    assert code == 2 and "none.json: no such input file" in text
    without = content()
    del without["nvnmd"]
    code, text = train(without)
    assert code == 2 and "nvnmd: missing, expected a section" in text


def test_without_neighbour_statistics_the_range_is_not_checked(folder, train):
    code, text = train(content(), "-s", "s1", "--skip-neighbor-stat")
    assert code == 0 and "not known without neighbour statistics" in text
    assert read_config("nvnmd_cnn/config.npy").dmin == 0
    write_config("nvnmd_cnn/config.npy", read_config("nvnmd_cnn/config.npy"))


def test_the_example_can_be_trained():
    """Its input is complete for both steps, and its page tells the command."""
    folder = Path(__file__).resolve().parents[2] / "examples/copper_alloy_nvnmd"
    plan = Plan.read(str(folder / "train.json")).with_second_step()
    lengths = [plan.training_input(step)["training"]["numb_steps"] for step in ("s1", "s2")]
    assert lengths == [10000, 500]
    assert "dp train-nvnmd train.json -s all" in (folder / "README.md").read_text(encoding="utf-8")
