"""Training with tables in the loop: equal to training without, and told when it is not."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from deepmd_tf.compress.build import compress
from deepmd_tf.compress.source import open_original
from deepmd_tf.compress.table import Spacing
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.tabulated import TableInTheLoop
from deepmd_tf.train.run import _tables, _types_together, train
from tests.support.training import small_input, write_input


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, where tables are used however small the batches are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TableInTheLoop, "PAYS", 0.0)
    return tmp_path


def curve(folder, name: str, **training) -> np.ndarray:
    """Every row of a run of 60 steps, read from its file with all digits of the weights behind it."""
    keys = {"disp_freq": 1, "save_freq": 60, "disp_file": f"{name}.out", "save_ckpt": name, **training}
    train(write_input(folder, small_input(folder, steps=60, training=keys)))
    return find_checkpoint(folder / name).values()


def test_the_same_weights_as_without(folder):
    on, off = curve(folder, "on"), curve(folder, "off", embedding_table=False)
    assert on.pop("table_intervals") >= TableInTheLoop.FIRST
    weights = [name for name in off if name.startswith(("filter_", "layer_", "final_layer"))]
    assert len(weights) > 10
    for name in weights:
        if not name.endswith(("/Adam", "/Adam_1")):
            assert np.allclose(on[name], off[name], rtol=0, atol=1e-8), name
    assert (folder / "on.out").read_text() == (folder / "off.out").read_text()


ATTENTION = {
    "concat": {},
    "one side, mean": {"type_one_side": True, "set_davg_zero": False},
    "strip": {"tebd_input_mode": "strip"},
    "v2": {"type": "se_atten_v2"},
    "no layer": {"attn_layer": 0, "neuron": [4, 16]},
    "no layer, strip, mean": {"attn_layer": 0, "neuron": [4, 16], "tebd_input_mode": "strip", "set_davg_zero": False},
    "no layer, v2": {"type": "se_atten_v2", "attn_layer": 0, "neuron": [4, 16]},
    "no layer, v2, float32": {"type": "se_atten_v2", "attn_layer": 0, "neuron": [4, 16], "precision": "float32"},
}


@pytest.mark.parametrize("name", ATTENTION)
def test_the_same_weights_as_without_for_networks_that_are_told_the_types(folder, name):
    on, off = attention(folder, name, "on"), attention(folder, name, "off", embedding_table=False)
    assert on.pop("table_intervals") >= TableInTheLoop.FIRST
    weights = [key for key in off if key.startswith(("filter_", "attention_", "layer_", "type_embed"))]
    tolerance = 1e-5 if "float32" in name else 1e-8
    for key in weights:
        if not key.endswith(("/Adam", "/Adam_1")):
            np.testing.assert_allclose(on[key], off[key], rtol=0, atol=tolerance, err_msg=key)
    assert len(weights) > 10


def attention(folder, name: str, run: str, steps: int = 30, **training) -> dict[str, np.ndarray]:
    """The checkpoint of a run with such a descriptor."""
    section = {"type": "se_atten", "sel": 50, "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 3,
               "attn": 5, "attn_layer": 2, "seed": 1, **ATTENTION[name]}  # fmt: skip
    keys = {"save_freq": steps, "save_ckpt": run, "disp_file": f"{run}.out", **training}
    content = small_input(folder, steps=steps, training=keys, model={"descriptor": section})
    train(write_input(folder, content))
    return find_checkpoint(folder / run).values()


def test_only_pairs_of_types_that_occur_have_tables(folder):
    """Names beyond those of the data cost nothing."""
    systems = [
        SimpleNamespace(observed_types=lambda found=found: np.array(found)) for found in ([3, 4], [0, 1], [0, 1])
    ]
    together = _types_together(SimpleNamespace(systems=systems))
    assert together == [[0, 1], [3, 4]]
    config, start = {"training": {"embedding_table": True}}, SimpleNamespace(tables=None)
    made = _tables(config, start, 1.0, SimpleNamespace(atoms_per_batch=lambda: 1.0), together)
    assert made.keywords["pairs"] == {(a + s, b + s) for a in (0, 1) for b in (0, 1) for s in (0, 3)}


def test_intervals_double_until_the_error_is_small(folder, caplog, monkeypatch):
    monkeypatch.setattr(TableInTheLoop, "FIRST", 4)
    caplog.set_level(logging.INFO)
    found = curve(folder, "on", table_tolerance=1e-7)
    assert found["table_intervals"] > 4
    lines = [r.message for r in caplog.records if r.message.startswith("embedding tables: ")]
    assert len(lines) == 2 and f"{found['table_intervals']} intervals" in lines[-1]
    assert all(float(line.split()[-1]) < 1e-7 for line in lines)


def test_a_tolerance_out_of_reach_is_said(folder, caplog, monkeypatch):
    monkeypatch.setattr(TableInTheLoop, "LAST", 256)
    curve(folder, "on", table_tolerance=1e-16)
    assert "embedding_table = false" in caplog.text


def test_look_ups_beyond_the_tables_are_said(folder, caplog, monkeypatch):
    monkeypatch.setattr(TableInTheLoop, "MARGIN", 1.7)
    curve(folder, "on")
    assert "look-ups beyond their ends" in caplog.text


def test_a_run_that_was_begun_without_tables_goes_on_with_them(folder):
    keys = {"save_ckpt": "run", "save_freq": 4}
    train(write_input(folder, small_input(folder, steps=4, training={**keys, "embedding_table": False})))
    path = write_input(folder, small_input(folder, steps=8, training=keys))
    assert train(path, restart="run") == 0
    assert find_checkpoint("run").values()["table_intervals"] >= TableInTheLoop.FIRST


def test_networks_with_corners_have_none(folder, caplog):
    caplog.set_level(logging.INFO)
    content = small_input(folder, steps=2)
    content["model"]["descriptor"]["activation_function"] = "relu"
    train(write_input(folder, content))
    assert "embedding tables" not in caplog.text


def test_training_from_a_compressed_model(folder):
    """The tables stay bit for bit, the fitting moves, and what is frozen is a compressed model again."""
    train(write_input(folder, small_input(folder, steps=4, training={"save_ckpt": "exact"})))
    write_graph("exact.pb", freeze_checkpoint("exact")[1])
    original = open_original("exact.pb")
    write_graph("compressed.pb", compress(original, Spacing()))

    path = write_input(folder, small_input(folder, steps=8))
    assert train(path, init_frz_model="compressed.pb") == 0
    values = find_checkpoint("model.ckpt").values()
    before = FrozenModel("compressed.pb")
    for name in ("filter_type_0/_0", "filter_type_1/_0"):
        assert np.array_equal(values[f"{name}/table"], before.constant(f"{name}/table"))
    assert not [name for name in values if name.startswith("filter_") and "matrix" in name]
    assert np.abs(values["layer_0_type_0/matrix"] - before.constant("layer_0_type_0/matrix")).max() > 1e-6

    write_graph("again.pb", freeze_checkpoint("model.ckpt")[1])
    again = FrozenModel("again.pb")
    assert again.compressed
    coord = np.random.default_rng(0).uniform(0, 4, (1, 6, 3)) * [1, 1, 1.5]
    stored, rebuilt = (DeepPot("again.pb", as_stored=choice).eval(coord, None, [0, 0, 1, 1, 1, 1]) for choice in (1, 0))
    assert np.allclose(rebuilt[1], stored[1], rtol=0, atol=1e-9 * np.abs(stored[1]).max())

    assert train(path, restart="model.ckpt-4") == 0
    resumed = find_checkpoint("model.ckpt").values()
    assert all(np.array_equal(resumed[name], values[name]) for name in values if name.startswith(("layer_", "filter_")))


@pytest.mark.parametrize("keys", [{"attn_layer": 0, "type_one_side": True}, {"tebd_input_mode": "strip"}], ids=str)
def test_training_from_a_compressed_model_with_attention(folder, keys):
    """Tables, and factors of types, stay bit for bit; what is frozen is a compressed model of the same numbers."""
    data = small_input(folder, steps=4)
    sizes = {"sel": 10, "rcut": 3.0, "neuron": [3, 6], "axis_neuron": 2, "attn": 4, "attn_layer": 1, "seed": 1}
    data["model"]["descriptor"] = {"type": "se_atten", **sizes, **keys}
    path = write_input(folder, data)
    train(path)
    write_graph("exact.pb", freeze_checkpoint("model.ckpt")[1])
    write_graph("compressed.pb", compress(open_original("exact.pb"), Spacing()))

    assert train(path, init_frz_model="compressed.pb") == 0
    values, before = find_checkpoint("model.ckpt").values(), FrozenModel("compressed.pb").constants()
    kept = [name for name in before if "/table" in name]
    assert len(kept) == (3 if "tebd_input_mode" in keys else 4)
    assert all(np.array_equal(values[name], before[name]) for name in kept)
    assert not [name for name in values if name.startswith("filter_") and "matrix" in name]
    assert np.abs(values["layer_0/matrix"] - before["layer_0/matrix"]).max() > 1e-6

    write_graph("again.pb", freeze_checkpoint("model.ckpt")[1])
    again = FrozenModel("again.pb")
    assert again.compressed and all(np.array_equal(again.constant(name), before[name]) for name in kept)
    coord = np.random.default_rng(0).uniform(0, 4, (1, 6, 3)) * [1, 1, 1.5]
    stored, rebuilt = (DeepPot("again.pb", as_stored=choice).eval(coord, None, [0, 0, 1, 1, 1, 1]) for choice in (1, 0))
    assert np.allclose(rebuilt[1], stored[1], rtol=0, atol=1e-9 * np.abs(stored[1]).max())


def test_a_small_batch_takes_the_networks_themselves(folder, caplog, monkeypatch):
    monkeypatch.setattr(TableInTheLoop, "PAYS", 1e6)
    caplog.set_level(logging.INFO)
    assert "table_intervals" not in curve(folder, "on")
    assert "evaluated for each neighbour" in caplog.text
    assert "embedding tables" not in caplog.text
