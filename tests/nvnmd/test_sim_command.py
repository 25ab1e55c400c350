"""dp nvnmd-sim, through the parser of ``dp``."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from nvnmd.device_file.write import write_model
from nvnmd.simulate.device import Device
from tests.nvnmd.simulated import smooth_model, structure

FRAMES = 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model file, and a system whose types are numbered in the other order and not sorted."""
    monkeypatch.chdir(tmp_path)
    write_model("model.pb", smooth_model(0))
    coord, box, types = structure()
    (tmp_path / "data/set.000").mkdir(parents=True)
    np.savetxt("data/type.raw", 1 - types, fmt="%d")
    (tmp_path / "data/type_map.raw").write_text("Te\nGe\n")
    moved = coord + np.random.default_rng(0).normal(scale=0.05, size=(FRAMES, *coord.shape))
    np.save("data/set.000/coord.npy", moved.reshape(FRAMES, -1))
    np.save("data/set.000/box.npy", np.tile(box.ravel(), (FRAMES, 1)))
    return tmp_path


def expected(**options):
    _, box, types = structure()
    return Device("model.pb", **options).evaluate(
        np.load("data/set.000/coord.npy"), np.tile(box, (FRAMES, 1, 1)), types
    )


@pytest.fixture
def sim(dp):
    """Run the command; return exit code and text."""
    return lambda *arguments: dp("nvnmd-sim", *arguments)


def test_the_arrays_are_those_of_the_device_in_the_order_of_the_file(folder, sim):
    code, text = sim("model.pb", "-s", "data", "-o", "out.npz", "--type-map", "Ge", "Te")
    assert code == 0, text
    found, wanted = np.load("out.npz"), expected()
    shapes = dict(energy=(FRAMES,), force=(FRAMES, 48, 3), virial=(FRAMES, 9), atom_ener=(FRAMES, 48))
    assert {name: found[name].shape for name in found} == shapes
    np.testing.assert_array_equal(found["atom_ener"], wanted.atom_energy)
    np.testing.assert_allclose(found["energy"], wanted.energy, rtol=1e-15)
    np.testing.assert_allclose(found["force"], wanted.force, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found["virial"], wanted.virial, rtol=0, atol=1e-12)
    assert re.search(r"contributions of empty slots: .* differ by up to \d\.\d+e-08", text)
    assert "no energy, force or virial to compare with" in text
    assert any(line.endswith("sum over neighbours") and " 32.23 " in line for line in text.splitlines())


def test_errors_against_labels(folder, sim):
    wanted = expected()
    np.save("data/set.000/energy.npy", wanted.energy + 0.48)
    np.save("data/set.000/force.npy", wanted.force.reshape(FRAMES, -1) - 0.25)
    code, text = sim("model.pb", "-s", "data", "-n", 2, "--type-map", "Ge", "Te")
    assert code == 0 and "model.pb: 2 frames of 48 atoms of data" in text
    assert "Energy RMSE/Natoms : 1.000000e-02 eV" in text and "Force  RMSE        : 2.500000e-01 eV/Å" in text


def test_the_numbers_of_the_data_are_the_types_unless_named(folder, sim):
    assert sim("model.pb", "-s", "data", "-o", "out.npz", "--saturate")[0] == 0
    _, box, types = structure()
    wanted = Device("model.pb").evaluate(np.load("data/set.000/coord.npy"), np.tile(box, (FRAMES, 1, 1)), 1 - types)
    np.testing.assert_array_equal(np.load("out.npz")["atom_ener"], wanted.atom_energy)


def test_one_system_at_a_time(folder, sim):
    shutil.copytree("data", "all/first")
    shutil.copytree("data", "all/second")
    code, text = sim("model.pb", "-s", "all")
    assert code == 2
    assert "--system all: expected one data system, found 2 in it. The arrays of the output are of one system" in text
    assert "give all/first, for example; dp nvnmd-report takes all" in text
    shutil.rmtree("all/second")
    assert sim("model.pb", "-s", "all")[0] == 0


def test_what_is_refused(folder, sim):
    for arguments, message in (
        (["-s", "none"], "none: there is no such file or folder"),
        (["-s", "data", "-n", -1], "--numb-test: expected 0 or more frames, found -1"),
        (["-s", "data", "-o", "model.pb"], "--output model.pb: is the model file, which would be lost"),
        (["-s", "data", "-o", "new/out.npz"], "--output new/out.npz: there is no folder new"),
        (["-s", "data", "--type-map", "Ge"], "--type-map: expected 2 names for the types of model.pb"),
        (["-s", "data", "--type-map", "Ge", "Si"], "Te"),
    ):
        code, text = sim("model.pb", *arguments)
        assert code == 2 and message in text, text
    np.savetxt("data/type.raw", np.arange(48) % 3, fmt="%d")
    (folder / "data/type_map.raw").write_text("Te\nGe\nSb\n")
    code, text = sim("model.pb", "-s", "data")
    assert code == 2 and "data: expected types below 2, those of the model, found 2" in text
