"""Whole training runs on small data: what they write, how they go on, how they stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from deepmd_tf.errors import CheckpointError, ConfigError, TrainingError
from deepmd_tf.export.checkpoint import find_checkpoint, numbered_sets, set_files
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.tf1 import tf
from deepmd_tf.train.parallel import world
from deepmd_tf.train.run import train
from tests.support.systems import write_system
from tests.support.training import environment, small_input, write_input


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def values(path):
    return find_checkpoint(path).values()


def rows(path="lcurve.out"):
    return [line for line in open(path) if not line.startswith("#")]


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_what_a_run_leaves(folder):
    assert train(write_input(folder, small_input(folder, steps=6))) == 0
    assert [int(row.split()[0]) for row in rows()] == [0, 2, 4, 6]
    assert [step for step, _ in numbered_sets(folder / "model.ckpt")] == [4, 6]
    normalised = json.loads((folder / "out.json").read_text())
    assert normalised["model"]["descriptor"]["activation_function"] == "tanh"
    assert normalised["training"]["save_ckpt"] == "model.ckpt"
    assert values(folder)["train_attr/observed_type"].item() == b"O H"


def test_a_row_shows_the_weights_before_the_update_of_its_step(folder):
    train(write_input(folder, small_input(folder, steps=0)))
    untrained = rows()
    train(write_input(folder, small_input(folder, steps=2)))
    assert rows()[0] == untrained[0]


def test_saving_and_display_are_independent(folder):
    train(write_input(folder, small_input(folder, steps=7, training={"disp_freq": 5, "save_freq": 3})))
    assert [int(row.split()[0]) for row in rows()] == [0, 5]
    assert [step for step, _ in numbered_sets(folder / "model.ckpt")] == [3, 6, 7]
    train(
        write_input(
            folder,
            small_input(folder, steps=4, training={"disp_training": False, "save_freq": 2, "disp_file": "none.out"}),
        )
    )
    assert not (folder / "none.out").exists()
    assert [step for step, _ in numbered_sets(folder / "model.ckpt")] == [2, 4]


def test_the_forces_are_learned(folder):
    # Labels that a model of this size can reach: no forces at all.
    zeros = {"force": np.zeros((4, 18)), "energy": np.zeros(4), "virial": np.zeros((4, 9))}
    write_system(folder / "training", nframes=4, arrays=zeros)
    write_system(folder / "validation", nframes=4, arrays=zeros, seed=9)
    options = {"disp_freq": 100, "save_freq": 1000}
    train(write_input(folder, small_input(folder, steps=200, training=options)))
    first, last = (float(row.split()[6]) for row in (rows()[0], rows()[-1]))
    assert last < 0.2 * first


@pytest.mark.parametrize("cut", [4, 8])
def test_a_resumed_run_is_the_same_to_the_last_bit(folder, cut):
    data = small_input(folder, steps=12)
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    os.chdir(folder / "whole")
    train(write_input(folder, data))
    os.chdir(folder / "parts")
    train(write_input(folder, data))
    # As after a kill: everything later than the set of step `cut` is gone, the learning curve has rows beyond it.
    for step, name in numbered_sets(folder / "parts/model.ckpt"):
        if step > cut:
            for path in set_files(name):
                path.unlink()
    train(write_input(folder, data), restart="model.ckpt")
    whole, parts = values(folder / "whole"), values(folder / "parts")
    assert same(whole, parts)
    assert rows("lcurve.out") == rows(folder / "whole/lcurve.out")


def test_two_seeds_differ_and_one_seed_does_not(folder):
    first = small_input(folder, steps=3)
    second = small_input(folder, steps=3, training={"seed": 6})
    found = []
    for data in (first, first, second):
        train(write_input(folder, data))
        found.append(values(folder))
    name = "filter_type_0/matrix_1_0"
    assert np.array_equal(found[0][name], found[1][name])
    assert not np.array_equal(found[0][name], found[2][name])


def test_an_earlier_run_is_kept(folder):
    train(write_input(folder, small_input(folder, steps=2)))
    before = rows()
    train(write_input(folder, small_input(folder, steps=2, training={"seed": 77})))
    assert rows("previous.1/lcurve.out") == before
    assert values(folder / "previous.1/model.ckpt-2")["global_step"] == 2


def test_init_model_takes_the_weights_and_starts_at_zero(folder):
    train(write_input(folder, small_input(folder, steps=4)))
    trained = values(folder)
    frozen = small_input(folder, steps=2)
    for part in ("descriptor", "fitting_net"):
        frozen["model"][part]["trainable"] = part == "fitting_net"
    train(write_input(folder, frozen), init_model="model.ckpt")
    again = values(folder)
    assert again["global_step"] == 2
    assert np.array_equal(again["filter_type_0/matrix_1_0"], trained["filter_type_0/matrix_1_0"])
    assert np.array_equal(again["descrpt_attr/t_avg"], trained["descrpt_attr/t_avg"])
    assert not np.array_equal(again["layer_0_type_0/matrix"], trained["layer_0_type_0/matrix"])


def test_init_frz_model_takes_the_weights_of_a_frozen_model(folder):
    train(write_input(folder, small_input(folder, steps=4)))
    trained = values(folder)
    write_graph(folder / "frozen.pb", freeze_checkpoint(folder)[1])
    train(write_input(folder, small_input(folder, steps=0)), init_frz_model="frozen.pb")
    again = values(folder)
    weights = [
        name for name in trained if name.startswith(("filter_", "layer_", "final_", "descrpt_attr", "fitting_attr"))
    ]
    weights = [name for name in weights if "Adam" not in name]
    assert len(weights) > 20
    assert all(np.array_equal(again[name], trained[name]) for name in weights)


def test_use_pretrain_script(folder):
    train(write_input(folder, small_input(folder, steps=1)))
    other = small_input(folder, steps=1)
    other["model"]["fitting_net"]["neuron"] = [5]
    with pytest.raises(CheckpointError, match="expected shape"):
        train(write_input(folder, other), init_model="model.ckpt")
    train(write_input(folder, other), init_model="model.ckpt", use_pretrain_script=True)
    assert values(folder)["layer_0_type_0/matrix"].shape[1] == 8


def test_sel_auto(folder, caplog):
    data = small_input(folder, steps=1)
    data["model"]["descriptor"]["sel"] = "auto"
    caplog.set_level("INFO", "deepmd_tf")
    train(write_input(folder, data))
    sel = json.loads((folder / "out.json").read_text())["model"]["descriptor"]["sel"]
    assert all(n % 4 == 0 and n > 0 for n in sel)
    assert "sel 'auto': found" in caplog.text
    with pytest.raises(ConfigError, match="--skip-neighbor-stat"):
        train(write_input(folder, data), skip_neighbor_stat=True)


def test_numb_epoch(folder):
    data = small_input(folder, training={"numb_epoch": 2})
    del data["training"]["numb_steps"]
    train(write_input(folder, data))
    # One system with sets of 4 and 3 frames, two frames a batch: 2 + 1 batches.
    assert values(folder)["global_step"] == 6


@pytest.mark.parametrize("key, value", [("force", 1e200), ("virial", -1e160)])
def test_a_loss_that_is_not_finite_names_the_frame_and_touches_nothing(folder, key, value):
    data = small_input(folder, steps=40, training={"save_freq": 1000})
    write_system(folder / "bad/system", nframes=6)
    array = np.load(folder / f"bad/system/set.000/{key}.npy")
    array[4] = value
    np.save(folder / f"bad/system/set.000/{key}.npy", array)
    data["training"]["training_data"]["systems"] = [str(folder / "bad")]
    with pytest.raises(TrainingError) as caught:
        train(write_input(folder, data), skip_neighbor_stat=True)
    assert "bad/system/set.000, frame 4 (smallest distance" in str(caught.value)
    assert all(np.isfinite(v).all() for v in values(folder).values() if v.dtype.kind == "f")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_leaves(folder, number):
    data = small_input(folder, steps=100000, training={"disp_freq": 10, "save_freq": 100000})
    process = subprocess.Popen(
        [sys.executable, "-m", "deepmd_tf", "train", str(write_input(folder, data))],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (folder / "lcurve.out").exists():
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(number)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "--restart model.ckpt" in text
    assert values(folder)["global_step"] > 0


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "HOROVOD_SIZE"])
def test_several_processes_need_horovod(folder, monkeypatch, variable):
    monkeypatch.setenv(variable, "2")
    monkeypatch.setitem(sys.modules, "deepmd_tf.train.horovod", None)
    world.cache_clear()
    try:
        with pytest.raises(ConfigError, match=rf"2 processes were started \({variable}\), but Horovod"):
            train(write_input(folder, small_input(folder)))
    finally:
        world.cache_clear()
    assert not (folder / "out.json").exists()


def test_frame_and_atomic_parameters(folder):
    rng = np.random.default_rng(0)
    arrays = {"fparam": [rng.random((4, 2)), rng.random((3, 2))], "aparam": [rng.random((4, 6)), rng.random((3, 6))]}
    for name in ("training", "validation"):
        write_system(folder / name, nframes=[4, 3], arrays=arrays)
    data = small_input(folder, steps=2)
    data["model"]["fitting_net"] |= {"numb_fparam": 2, "numb_aparam": 1}
    train(write_input(folder, data))
    mean = np.concatenate(arrays["fparam"]).mean(axis=0)
    assert np.allclose(values(folder)["fitting_attr/t_fparam_avg"], mean, atol=0.2)


def test_mixed_type_data_are_refused_by_a_descriptor_that_cannot_take_them(folder):
    types = {"real_atom_types": np.tile([1, 0, 0, 1, 0, 0], (4, 1))}
    data = small_input(folder)
    for name in ("training", "validation"):
        write_system(folder / f"mixed/{name}", types=(0,) * 6, nframes=4, arrays=types)
        data["training"][f"{name}_data"]["systems"] = str(folder / f"mixed/{name}")
    with pytest.raises(ConfigError, match=r"mixed-type format .* descriptor 'se_e2_a' does not take"):
        train(write_input(folder, data))


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float32"])
def test_networks_of_lower_precision_train_and_freeze(folder, precision):
    data = small_input(folder, steps=3)
    for part in ("descriptor", "fitting_net"):
        data["model"][part]["precision"] = precision
    data["loss"]["start_pref_f"] = 1.0  # float16 overflows with the usual thousand
    train(write_input(folder, data))
    nodes = {node.name: node for node in freeze_checkpoint(folder)[1].node}
    assert tf.as_dtype(nodes["layer_0_type_0/matrix"].attr["dtype"].type).name == precision
    assert all(np.isfinite(v).all() for v in values(folder).values() if v.dtype.kind == "f")


def test_nothing_trainable(folder):
    data = small_input(folder)
    for part in ("descriptor", "fitting_net"):
        data["model"][part]["trainable"] = False
    with pytest.raises(ConfigError, match="nothing is trainable"):
        train(write_input(folder, data))


def test_trainable_by_layer(folder):
    data = small_input(folder, steps=2)
    data["model"]["descriptor"]["trainable"] = False
    data["model"]["fitting_net"]["trainable"] = [False, False, True]
    train(write_input(folder, data))
    moments = [name for name in values(folder) if name.endswith("/Adam")]
    assert sorted(moments) == [f"final_layer_type_{t}/{kind}/Adam" for t in (0, 1) for kind in ("bias", "matrix")]


def test_a_model_that_lacks_a_layer_is_not_completed_with_random_numbers(folder):
    train(write_input(folder, small_input(folder, steps=1)))
    deeper = small_input(folder, steps=1)
    deeper["model"]["fitting_net"]["neuron"] = [8, 8, 8]
    with pytest.raises(CheckpointError, match="layer_2_type_0/matrix of shape"):
        train(write_input(folder, deeper), init_model="model.ckpt")


def test_restart_with_another_network_is_refused(folder):
    train(write_input(folder, small_input(folder, steps=1)))
    other = small_input(folder, steps=2)
    other["model"]["fitting_net"]["neuron"] = [5, 5]
    with pytest.raises(CheckpointError, match="expected shape"):
        train(write_input(folder, other), restart="model.ckpt")


def test_kills_lose_nothing(tmp_path):
    """A few kills here; ``python -m tests.support.kill_resume`` does two hundred."""
    done = subprocess.run(
        [sys.executable, "-c", "from pathlib import Path; from tests.support.kill_resume import experiment; "
         f"print(experiment(Path({str(tmp_path)!r}), kills=4, steps=1500))"],
        env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "none lost" in done.stdout
