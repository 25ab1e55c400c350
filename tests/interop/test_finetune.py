"""Fine-tuning from models of deepmd-kit: its energies per type, its forces; and from ours there."""

from __future__ import annotations

import copy
import json
import re
import shutil

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from tests.interop.interop_kit import our_dp, structure, trained, with_descriptor, write_system
from tests.interop.models import attention

BIAS = "fitting_attr/t_bias_atom_e"
INPUT = with_descriptor(attention(smooth_type_embedding=True))
NAMES = np.array(["O", "H"])


@pytest.fixture(scope="module")
def theirs(kit, tmp_path_factory):
    """A folder with a model file of deepmd-kit, and its checkpoints."""
    folder = tmp_path_factory.mktemp("theirs")
    trained(kit.dp, INPUT, folder)
    return folder


def new_data(folder, compositions: int) -> None:
    """Systems of 12 atoms and, where two are asked for, of 7, with other energies."""
    rng = np.random.default_rng(5)
    write_system(folder / "new/a")
    np.save(folder / "new/a/set.000/energy.npy", rng.normal(-100.0, 1.0, (6, 1)))
    if compositions == 1:
        return
    shutil.copytree(folder / "new/a", folder / "new/b")
    kept = [0, 1, 2, 3, 4, 6, 7]
    np.savetxt(folder / "new/b/type.raw", structure(6)[2][kept], fmt="%d")
    for name in ("coord", "force"):
        path = folder / f"new/b/set.000/{name}.npy"
        np.save(path, np.load(path).reshape(6, 12, 3)[:, kept].reshape(6, -1))
    np.save(folder / "new/b/set.000/energy.npy", rng.normal(-70.0, 1.0, (6, 1)))


def tuned(dp, pretrained, folder, type_map) -> FrozenModel:
    """Fine-tune by no step on all frames; return the frozen model."""
    config = copy.deepcopy(INPUT)
    config["model"] = {"type_map": type_map, "type_embedding": {}, "descriptor": {}, "fitting_net": {}}
    # Whole sets as batches: whoever draws them has every frame equally often.
    config["training"].update(numb_steps=0, training_data={"systems": ["new"], "batch_size": 6})
    (folder / "input.json").write_text(json.dumps(config))
    dp("train", "input.json", "--finetune", str(pretrained / "frozen.pb"), cwd=folder)
    dp("freeze", "-o", "tuned.pb", cwd=folder)
    return FrozenModel(folder / "tuned.pb")


@pytest.mark.parametrize(("compositions", "type_map"), [(1, ["O", "H"]), (2, ["H", "O"])], ids=str)
def test_same_energies_per_type(kit, theirs, compositions, type_map, tmp_path):
    """One composition leaves the solution open: both programs take the smallest change."""
    found = {}
    for name, dp in (("theirs", kit.dp), ("ours", our_dp)):
        (tmp_path / name).mkdir()
        new_data(tmp_path / name, compositions)
        model = tuned(dp, theirs, tmp_path / name, type_map)
        found[name] = dict(zip(model.type_map, model.constant(BIAS)))
    assert found["ours"] == pytest.approx(found["theirs"], abs=1e-8)
    before = FrozenModel(theirs / "frozen.pb").constant(BIAS)
    assert abs(found["ours"]["O"] - before[0]) > 0.1


@pytest.mark.parametrize("type_map", [["O", "H"], ["H", "C", "O"]], ids=" ".join)
def test_the_forces_are_those_of_the_pretrained_model(kit, theirs, type_map, tmp_path):
    new_data(tmp_path, 2)
    tuned(our_dp, theirs, tmp_path, type_map)
    coords, cell, types = structure(3)
    frames = {"coords": coords.reshape(3, -1), "cells": np.tile(cell.reshape(1, 9), (3, 1)), "types": types}
    expected = kit.evaluate(theirs / "frozen.pb", {"one": frames}, tmp_path)["one"]
    order = [type_map.index(name) for name in NAMES[types]]
    # Our file, with types of its own, runs there as well.
    found = kit.evaluate(tmp_path / "tuned.pb", {"one": {**frames, "types": np.array(order, np.int32)}}, tmp_path)[
        "one"
    ]
    ours = DeepPot(tmp_path / "tuned.pb").eval(coords, frames["cells"], order)
    for force in (found["force"], ours[1]):
        np.testing.assert_allclose(force, expected["force"], rtol=0, atol=1e-9 * np.abs(expected["force"]).max())
    np.testing.assert_allclose(ours[0], found["energy"], rtol=1e-9)


def test_it_fine_tunes_from_our_file(kit, tmp_path):
    ours = tmp_path / "ours"
    ours.mkdir()
    trained(our_dp, INPUT, ours)
    for name, dp in (("there", kit.dp), ("here", our_dp)):
        (tmp_path / name).mkdir()
        new_data(tmp_path / name, 2)
        tuned(dp, ours, tmp_path / name, ["O", "H"])
    there, here = (FrozenModel(tmp_path / name / "tuned.pb").constant(BIAS) for name in ("there", "here"))
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", ["change", "set"])
def test_same_changed_bias(kit, theirs, mode, tmp_path):
    """deepmd-kit changes checkpoints alone; the model frozen from it is changed here."""
    for path in theirs.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    new_data(tmp_path, 2)
    printed = kit.dp("change-bias", "model.ckpt", "-s", "new", "-m", mode, "-o", "theirs.pb", cwd=tmp_path)
    assert re.search(r"Change energy bias of \['O', 'H'\] from", printed)
    our_dp("change-bias", "frozen.pb", "-s", "new", "-m", mode, "-o", "ours.pb", cwd=tmp_path)
    found, expected = (FrozenModel(tmp_path / name).constant(BIAS) for name in ("ours.pb", "theirs.pb"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    coords, cell, types = structure(2)
    frames = {"coords": coords.reshape(2, -1), "cells": np.tile(cell.reshape(1, 9), (2, 1)), "types": types}
    there, here = (kit.evaluate(tmp_path / name, {"one": frames}, tmp_path)["one"] for name in ("theirs.pb", "ours.pb"))
    for name in ("energy", "force", "virial"):
        np.testing.assert_allclose(here[name], there[name], rtol=0, atol=1e-9 * np.abs(there[name]).max())
