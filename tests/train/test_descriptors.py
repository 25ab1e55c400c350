"""Training with every descriptor: steps, restart, freezing, slots chosen from the data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.infer import DeepPot
from deepmd_tf.train.run import train
from tests.support.training import small_input, write_input

RADIAL = {"type": "se_e2_r", "sel": [30, 20], "rcut": 4.0, "neuron": [4, 8], "seed": 1}
THREE_BODY = {"type": "se_e3", "sel": [8, 6], "rcut": 3.0, "neuron": [2, 4], "seed": 1}
ANGULAR = {"type": "se_e2_a", "sel": [30, 20], "rcut": 3.5, "neuron": [4, 8], "axis_neuron": 2, "seed": 1}
SECTIONS = {
    "se_e2_r": RADIAL,
    "se_e3": THREE_BODY,
    "hybrid": {"type": "hybrid", "list": [ANGULAR, {**RADIAL, "type_one_side": True}, THREE_BODY]},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SECTIONS)
def test_trains_goes_on_and_freezes(name, folder):
    """A run that is cut after four of eight steps ends in the same bits as one that is not."""
    content = small_input(folder, steps=8, model={"descriptor": SECTIONS[name]})
    assert train(write_input(folder, content)) == 0
    whole = find_checkpoint(folder / "model.ckpt").values()
    start = find_checkpoint(folder / "model.ckpt-4").values()
    assert train(write_input(folder, content), restart="model.ckpt-4") == 0
    again = find_checkpoint(folder / "model.ckpt").values()
    networks = [key for key in whole if "/matrix" in key]
    assert all(np.array_equal(again[key], whole[key]) for key in whole)
    assert not any(np.array_equal(whole[key], start[key]) for key in networks)
    _, graph_def = freeze_checkpoint(folder)
    write_graph("model.pb", graph_def)
    energy, force, _ = DeepPot("model.pb").eval(np.array([[[0.0, 0, 0], [2.3, 0, 0], [0, 2.6, 0]]]), None, [0, 1, 1])
    assert np.isfinite(energy).all() and np.abs(force).max() > 1e-6


def test_sel_auto_of_each_part(folder, caplog):
    parts = [{**RADIAL, "sel": "auto", "rcut": 7.0}, {**THREE_BODY, "sel": "auto:1.5"}, ANGULAR]
    content = small_input(folder, steps=2, model={"descriptor": {"type": "hybrid", "list": parts}})
    with caplog.at_level("INFO"):
        train(write_input(folder, content))
    chosen = [part["sel"] for part in json.loads((folder / "out.json").read_text())["model"]["descriptor"]["list"]]
    assert all(n % 4 == 0 for sel in chosen[:2] for n in sel) and chosen[2] == [30, 20]
    assert sum(chosen[0]) > sum(chosen[1])  # the cutoffs are 7 and 3 Å
    assert "model/descriptor/list/0/sel 'auto': found" in caplog.text
    assert "model/descriptor/list/1/sel 'auto:1.5': found" in caplog.text
    # A run that goes on keeps the numbers.
    train(write_input(folder, content), restart="model.ckpt-2")
    again = json.loads((folder / "out.json").read_text())["model"]["descriptor"]["list"]
    assert [part["sel"] for part in again] == chosen


def test_sel_auto_without_statistics_names_the_part(folder):
    parts = [RADIAL, {**RADIAL, "sel": "auto"}]
    content = small_input(folder, steps=2, model={"descriptor": {"type": "hybrid", "list": parts}})
    with pytest.raises(ConfigError, match="model/descriptor/list/1/sel = 'auto' needs the neighbour statistics"):
        train(write_input(folder, content), skip_neighbor_stat=True)
