"""Several processes: the same as one with their batches together, and the same word from all where one fails."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.export.checkpoint import find_checkpoint
from tests.support.mixed import mixed_input, write_all
from tests.support.processes import Running, launch, needs_horovod, needs_mpi
from tests.support.systems import random_frames, write_system
from tests.support.training import dp, environment, small_input, write_input

pytestmark = needs_horovod
LAUNCHERS = ["horovodrun", pytest.param("mpirun", marks=needs_mpi)]


def prepared(folder, *, steps: int, batch: int, frames=16, arrays: dict | None = None, **training):
    """An input over one system of one set; the learning rate does not grow with the number of processes."""
    write_system(folder / "training", nframes=frames, seed=3, arrays=arrays)
    content = small_input(folder, steps=steps, training=training)
    content["learning_rate"]["scale_by_worker"] = "none"
    content["training"]["training_data"]["batch_size"] = batch
    content["model"]["data_stat_nbatch"] = frames  # all of them, whatever the batch size
    return write_input(folder, content)


def weights(folder, step: int) -> dict:
    """Weights and what the optimizer keeps, float64."""
    values = find_checkpoint(folder / f"model.ckpt-{step}").values()
    return {name: value for name, value in values.items() if value.dtype == np.float64 and value.size}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """100 steps of two processes with batches of 2, and of one with batches of 4; checkpoints at steps 1 and 100."""
    made = {}
    for name, batch in (("two", 2), ("one", 4)):
        made[name] = folder = tmp_path_factory.mktemp(name)
        prepared(folder, steps=100, batch=batch, save_freq=1, max_ckpt_keep=100, disp_freq=50)
    text = launch(2, "train", "input.json", cwd=made["two"], env={"DP_INTRA_OP_PARALLELISM_THREADS": ""}).stdout
    dp("train", "input.json", cwd=made["one"])
    return made["two"], made["one"], text


def test_two_processes_are_one_with_both_batches(runs):
    """The first moment of Adam is a tenth of the gradient after one step; weights after a hundred."""
    two, one, _ = runs
    first = [weights(folder, 1) for folder in (two, one)]
    moments = [name for name in first[0] if name.endswith("/Adam")]
    assert moments
    for name in moments:
        gradient = 10 * first[1][name]
        np.testing.assert_allclose(10 * first[0][name], gradient, rtol=0, atol=1e-12 * np.abs(gradient).max())
    last = [weights(folder, 100) for folder in (two, one)]
    moved = 0.0
    for name in (name for name in last[0] if name.endswith(("matrix", "bias")) or "/matrix_" in name):
        np.testing.assert_allclose(last[0][name], last[1][name], rtol=0, atol=1e-9)
        moved = max(moved, np.abs(last[0][name] - first[0][name]).max())
    assert moved > 1e-2


def test_the_processes_introduce_themselves_once(runs):
    two, _, text = runs
    assert text.count("2 processes train together") == 1
    assert text.count(f"{os.uname().nodename} ") == 2
    assert "batch of each process: 2 frames; of a step, all together: 4" in text
    assert sorted(path.name for path in two.glob("lcurve*")) == ["lcurve.out"]
    assert len([line for line in (two / "lcurve.out").read_text().splitlines() if line[0] != "#"]) == 3


@needs_mpi
def test_launchers_give_the_same_bits(runs, tmp_path):
    """The sum of two numbers does not depend on who adds them."""
    prepared(tmp_path, steps=100, batch=2)
    text = launch(2, "train", "input.json", cwd=tmp_path, launcher="mpirun").stdout
    assert text.count("2 processes train together") == 1
    assert same(weights(tmp_path, 100), weights(runs[0], 100))


def test_frames_of_unequal_size_merged_by_two_processes(tmp_path):
    """Two times two frames are four: the loss is the mean over frames, whatever their sizes and partners."""
    found = []
    for name, count in (("two", 2), ("one", 4)):
        folder = tmp_path / name
        write_all(folder / "mixed")
        content = mixed_input(folder, f"mixed:{count}", systems="mixed")
        content["learning_rate"]["scale_by_worker"] = "none"
        content["model"]["data_stat_nbatch"] = 8  # all frames, whatever the batch size
        write_input(folder, content)
        if name == "two":
            text = launch(2, "train", "input.json", cwd=folder).stdout
            assert "batch of each process: 2 frames; of a step, all together: 4" in text
        else:
            dp("train", "input.json", cwd=folder)
        found.append(weights(folder, 6))
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], rtol=1e-8, atol=1e-10, err_msg=name)


def test_restart(tmp_path):
    """To the same bits with as many processes; with another number it goes on from the same weights."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        prepared(folder, steps=8, batch=2)
    launch(2, "train", "input.json", cwd=whole)
    shutil.copytree(whole, parts, dirs_exist_ok=True)
    launch(2, "train", "input.json", "--restart", "model.ckpt-4", cwd=parts)
    assert same(weights(whole, 8), weights(parts, 8))
    dp("train", "input.json", "--restart", "model.ckpt-4", cwd=parts)
    assert find_checkpoint(parts / "model.ckpt-8").values()["global_step"] == 8


def test_without_a_seed_all_ranks_have_one_plan_and_one_start(tmp_path):
    content = small_input(tmp_path, steps=2)
    for section in (content["training"], content["model"]["descriptor"], content["model"]["fitting_net"]):
        section.pop("seed")
    write_input(tmp_path, content)
    # Weights that differ would stop the run when they are compared at the checkpoint.
    launch(2, "train", "input.json", cwd=tmp_path)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_frame_that_is_not_finite_stops_all(tmp_path, launcher):
    force = random_frames(nframes=16, seed=3)["force"]
    force[7, 4] = 1e200
    prepared(tmp_path, steps=50, batch=1, arrays={"force": force})
    done = launch(2, "train", "input.json", cwd=tmp_path, launcher=launcher, check=False)
    assert done.returncode == (3 if launcher == "mpirun" else 1)
    assert done.stdout.count("loss or gradient is not finite") == 1, done.stdout
    assert "It comes from " in done.stdout and "frame 7" in done.stdout
    assert "rank 0: It comes" in done.stdout or "rank 1: It comes" in done.stdout
    saved = find_checkpoint(tmp_path / "model.ckpt").values()
    assert all(np.isfinite(v).all() for v in saved.values() if v.dtype.kind == "f")


def test_bad_data_on_one_rank(tmp_path):
    force = random_frames(nframes=16, seed=3)["force"]
    force[7, 4] = np.nan
    prepared(tmp_path, steps=50, batch=1, arrays={"force": force})
    done = launch(2, "train", "input.json", cwd=tmp_path, check=False)
    assert done.returncode == 1 and "frame 7" in done.stdout and "force.npy" in done.stdout


def test_an_input_that_is_wrong_is_told_once(tmp_path):
    path = prepared(tmp_path, steps=2, batch=1)
    path.write_text(path.read_text().replace("numb_steps", "number_steps"))
    done = launch(2, "train", "input.json", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stdout.count("number_steps") == 1, done.stdout


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_rank_that_is_killed(tmp_path, launcher):
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    run = Running(2, "train", "input.json", cwd=tmp_path, launcher=launcher)
    run.wait_for(tmp_path / "model.ckpt-20.meta")
    process = run.rank(1)
    os.kill(process, signal.SIGKILL)
    code, seconds, text = run.end()
    assert code == (137 if launcher == "mpirun" else 1) and seconds < 60
    # The launchers name the rank themselves, and may end the others before these can.
    word = {"mpirun": "process rank 1 with PID", "horovodrun": "Process name: 1\nExit code: 137"}[launcher]
    assert word in text, text
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] >= 20


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_rank_that_hangs(tmp_path, launcher):
    """Shorter times here; without the variables it is 30 s with Gloo and 50 s with MPI."""
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    times = {"DP_RANK_TIMEOUT": "10", "HOROVOD_GLOO_TIMEOUT_SECONDS": "5"}
    run = Running(2, "train", "input.json", cwd=tmp_path, launcher=launcher, env=times)
    run.wait_for(tmp_path / "model.ckpt-20.meta")
    process = run.rank(1)
    os.kill(process, signal.SIGSTOP)
    code, seconds, text = run.end()
    assert code == (5 if launcher == "mpirun" else 1) and seconds < 60
    assert f"rank 1 (process {process}) is stopped on" in text, text
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] >= 20


def test_a_process_computes_with_as_many_threads_as_it_is_given(tmp_path):
    """More than its share would take the cores of the other ranks."""
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    one = dict.fromkeys(("DP_INTRA_OP_PARALLELISM_THREADS", "DP_INTER_OP_PARALLELISM_THREADS"), "1")
    run = Running(2, "train", "input.json", cwd=tmp_path, env=one)
    run.wait_for(tmp_path / "model.ckpt-20.meta")
    names = [(task / "comm").read_text().strip() for task in Path(f"/proc/{run.rank(0)}/task").iterdir()]
    run.kill()
    assert names.count("tf_Compute") == 1, names


STUCK = """
import os, time
if "1" in (os.environ.get("HOROVOD_RANK"), os.environ.get("OMPI_COMM_WORLD_RANK")):
    from deepmd_tf.data.dataset import DataSet
    read = DataSet.batch
    DataSet.batch = lambda self, step: time.sleep(3600) if step > 40 else read(self, step)
"""


def test_a_rank_that_is_stuck(tmp_path):
    """It runs, but its data do not come, as of a file system that hangs: it says so itself, the others end."""
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(STUCK)
    paths = f"{tmp_path / 'site'}:{environment()['PYTHONPATH']}"
    env = {"DP_RANK_TIMEOUT": "10", "PYTHONPATH": paths}
    done = launch(2, "train", "input.json", cwd=tmp_path, check=False, env=env)
    told = r"rank 1 WARNING other ranks may be waiting for this one: no exchange for [78] s, it is in \w+ \("
    assert re.search(told, done.stdout), done.stdout
    assert "no answer from other ranks for 10 s" in done.stdout
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] >= 20


def test_a_signal_to_one_rank_saves_and_ends_all(tmp_path):
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    run = Running(2, "train", "input.json", cwd=tmp_path)
    run.wait_for(tmp_path / "model.ckpt-20.meta")
    os.kill(run.rank(1), signal.SIGTERM)
    _, seconds, text = run.end()
    assert seconds < 30 and "stopped by SIGTERM at step" in text, text
    step = int(text.split("stopped by SIGTERM at step ")[1].split(";")[0])
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] == step


def test_training_goes_on_from_a_compressed_model(tmp_path):
    """The tables of a compressed model stay as they are; the fitting nets train as those of one process."""
    prepared(tmp_path, steps=2, batch=1)
    dp("train", "input.json", cwd=tmp_path)
    dp("freeze", "-o", "model.pb", cwd=tmp_path)
    dp("compress", "-i", "model.pb", "-o", "small.pb", cwd=tmp_path)
    found = {}
    for name, count, batch in (("two", 2, 1), ("one", 1, 2)):
        folder = tmp_path / name
        folder.mkdir()
        prepared(folder, steps=10, batch=batch)
        run = launch(2, "train", "input.json", "-f", "../small.pb", cwd=folder) if count == 2 else None
        run or dp("train", "input.json", "-f", "../small.pb", cwd=folder)
        found[name] = find_checkpoint(folder / "model.ckpt-10").values()
    tables = [name for name in found["one"] if name.endswith("/table")]
    trained = [name for name in found["one"] if name.startswith(("layer", "final")) and "Adam" not in name]
    assert tables and trained
    assert all(np.array_equal(found["one"][name], found["two"][name]) for name in tables)
    for name in trained:
        np.testing.assert_allclose(found["two"][name], found["one"][name], rtol=0, atol=1e-9)
