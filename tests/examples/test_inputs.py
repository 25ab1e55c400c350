"""Each example's input passes the schema and goes the whole way: train, freeze, test, plot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.config.check import normalize
from deepmd_tf.config.read import read_input
from deepmd_tf.train.schema import input_schema
from tests.support.programs import OURS

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
INPUTS = sorted(EXAMPLES.glob("*/input*.json"))


def name(path: Path) -> str:
    return path.parent.name + path.stem.removeprefix("input")


def test_there_are_examples():
    assert {"copper_alloy", "water_clusters"} <= {name(path) for path in INPUTS}


@pytest.mark.parametrize("path", INPUTS, ids=name)
def test_input_passes_the_schema(path):
    config = normalize(read_input(path), input_schema())
    assert config["training"]["numb_steps"] > 0


@pytest.mark.parametrize("path", INPUTS, ids=name)
def test_example_has_a_page(path):
    page = path.parent / "README.md"
    assert f"dp train {path.name}" in page.read_text(encoding="utf-8")


@pytest.fixture(params=INPUTS, ids=name)
def trained(request, tmp_path_factory):
    """A copy of an example, trained for two steps and frozen."""
    folder = tmp_path_factory.mktemp("run") / "example"
    shutil.copytree(request.param.parent, folder)
    config = json.loads((folder / request.param.name).read_text())
    config["training"].update(numb_steps=2, disp_freq=1, save_freq=2)
    (folder / "input.json").write_text(json.dumps(config))
    OURS.run("-m", "deepmd_tf", "train", "input.json", cwd=folder)
    OURS.run("-m", "deepmd_tf", "freeze", "-o", "model.pb", cwd=folder)
    return folder


def test_two_steps_freeze_test_and_plot(trained):
    curve = np.loadtxt(trained / "lcurve.out")
    assert curve[:, 0].tolist() == [0, 1, 2]
    assert np.isfinite(curve).all()

    shutil.rmtree(trained / "data" / "training")  # the validation data alone is quick, and enough for both names
    for prefix in ("training", "validation"):
        OURS.run("-m", "deepmd_tf", "test", "-m", "model.pb", "-s", "data/validation", "-d", prefix, cwd=trained)
    frames = sum(len(np.load(path)) for path in trained.glob("data/validation/*/set.*/energy.npy"))
    table = OURS.run(EXAMPLES / "plot.py", "table", "training", "validation", cwd=trained)
    row = next(line for line in table.splitlines() if line.startswith("energy per atom   validation"))
    assert int(row.split()[4]) == frames

    pytest.importorskip("matplotlib")
    OURS.run(EXAMPLES / "plot.py", "lcurve", "lcurve.out", "-o", "curve.png", cwd=trained)
    OURS.run(EXAMPLES / "plot.py", "parity", "training", "validation", "-o", "parity.png", cwd=trained)
    for picture in ("curve.png", "parity.png"):
        assert (trained / picture).read_bytes().startswith(b"\x89PNG")
        assert (trained / picture).stat().st_size > 20_000
