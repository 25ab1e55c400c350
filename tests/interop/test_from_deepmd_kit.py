"""Models that deepmd-kit trained and froze give the same numbers here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from tests.interop.interop_kit import NAMES, our_dp, structure, trained
from tests.interop.models import MODELS

TRICLINIC = np.array([[6.0, 0.0, 0.0], [1.5, 6.2, 0.0], [-1.0, 0.8, 7.5]])
# Below the cutoff of 4 Å in every direction, so that atoms see several images of each other and of themselves.
SMALL = np.array([[3.1, 0.0, 0.0], [0.4, 3.3, 0.0], [0.0, -0.3, 3.9]])


def cases(nfparam: int, naparam: int) -> dict:
    """Frames of each kind, with parameters where the model takes them."""
    coords, cell, types = structure()
    triclinic, _, _ = structure(cell=TRICLINIC)
    rng = np.random.default_rng(5)
    order = rng.permutation(len(types))
    small = rng.uniform(0.2, 0.8, size=(2, 4, 1)) + np.array([[0, 0, 0], [1.4, 0, 1], [0, 1.5, 2], [1.3, 1.6, 0.2]])
    boxes = {
        "orthogonal": (coords, cell, types),
        "one_frame": (coords[:1], cell, types),
        "triclinic": (triclinic, TRICLINIC, types),
        "open": (coords, None, types),
        "other_order": (coords[:, order], cell, types[order]),
        "outside_cell": (coords + 5 * cell[0] - 3 * cell[2], cell, types),
        "small_box": (small, SMALL, np.array([1, 0, 1, 1], dtype=np.int32)),
        "one_type": (coords[:, types == 1], cell, types[types == 1]),
    }
    found = {}
    for name, (positions, box, kinds) in boxes.items():
        nframes, natoms = positions.shape[:2]
        found[name] = {
            "coords": positions.reshape(nframes, -1),
            "cells": None if box is None else np.tile(box.reshape(1, 9), (nframes, 1)),
            "types": kinds,
            "fparam": rng.normal(size=(nframes, nfparam)) if nfparam else None,
            "aparam": rng.normal(size=(nframes, natoms, naparam)) if naparam else None,
        }
    return found


@pytest.fixture(scope="module", params=MODELS)
def model(request, kit, tmp_path_factory):
    """A model file of deepmd-kit, in a folder of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, trained(kit.dp, MODELS[request.param].config, folder)


def compare(kit, path, tolerance: float, folder) -> None:
    """Results of both programs for one model file; ours from its graph as stored, and as rebuilt for speed."""
    frames, expected = None, None
    for as_stored in (True, False):
        potential = DeepPot(path, as_stored=as_stored)
        if frames is None:
            frames = cases(potential.get_dim_fparam(), potential.get_dim_aparam())
            expected = kit.evaluate(path, frames, folder)
        for case, frame in frames.items():
            found = potential.eval(
                frame["coords"], frame["cells"], frame["types"], True, fparam=frame["fparam"], aparam=frame["aparam"]
            )
            for quantity, values in zip(NAMES, found):
                theirs = expected[case][quantity]
                assert values.shape == theirs.shape, (case, quantity)
                # The order of sums is not a promise; tables for speed have an error of their own, of the energies.
                scale = np.abs(theirs).max()
                atol = tolerance * scale if as_stored else 10 * tolerance * max(scale, 1.0)
                np.testing.assert_allclose(values, theirs, rtol=0, atol=atol, err_msg=f"{case} {quantity}")


def test_same_results_and_shapes(kit, model, tmp_path):
    name, path = model
    compare(kit, path, MODELS[name].tolerance, tmp_path)


def test_training_that_changes_nothing_keeps_the_model(model, tmp_path):
    """Training here starts from its file; with steps too small to change a weight our file is the same model."""
    name, path = model
    config = json.loads((path.parent / "input.json").read_text())
    config["learning_rate"].update(start_lr=1e-30, stop_lr=1e-31)
    config["training"]["training_data"]["systems"] = [str(path.parent / "data")]
    (tmp_path / "input.json").write_text(json.dumps(config))
    our_dp("train", "input.json", "--init-frz-model", str(path), cwd=tmp_path)
    our_dp("freeze", "-o", "ours.pb", cwd=tmp_path)
    theirs, ours = DeepPot(path, as_stored=True), DeepPot(tmp_path / "ours.pb", as_stored=True)
    for case, frame in cases(theirs.get_dim_fparam(), theirs.get_dim_aparam()).items():
        arguments = (frame["coords"], frame["cells"], frame["types"], True, frame["fparam"], frame["aparam"])
        for quantity, values, expected in zip(NAMES, ours.eval(*arguments), theirs.eval(*arguments)):
            # gelu_tf is not the same to the last bit: see the manual.
            atol = max(MODELS[name].tolerance, 1e-9) * np.abs(expected).max()
            np.testing.assert_allclose(values, expected, rtol=0, atol=atol, err_msg=f"{case} {quantity}")


def test_same_detail_files(kit, model):
    name, path = model
    folder = path.parent
    kit.dp("test", "-m", "frozen.pb", "-s", "data", "-d", "theirs", cwd=folder)
    printed = our_dp("test", "-m", "frozen.pb", "-s", "data", "-d", "ours", "--as-stored", cwd=folder)
    assert "Force  RMSE" in printed
    files = sorted(file.name.removeprefix("theirs.") for file in folder.glob("theirs.*"))
    assert files == sorted(file.name.removeprefix("ours.") for file in folder.glob("ours.*"))
    for file in files:
        ours, theirs = (folder / f"{prefix}.{file}" for prefix in ("ours", "theirs"))
        assert ours.read_text().splitlines()[0] == theirs.read_text().splitlines()[0]
        tolerance = max(MODELS[name].tolerance, 1e-9)
        np.testing.assert_allclose(np.loadtxt(ours), np.loadtxt(theirs), rtol=tolerance, atol=tolerance, err_msg=file)


def test_show_reads_it(model):
    name, path = model
    printed = our_dp("show", str(path), "type-map", "descriptor", "size", cwd=path.parent)
    assert "['O', 'H']" in printed
    assert MODELS[name].config["model"]["descriptor"]["type"] in printed
