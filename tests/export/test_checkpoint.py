"""Checkpoints: complete or ignored, the newest is found, nothing that works is deleted."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from deepmd_tf.errors import CheckpointError, SaveError
from deepmd_tf.export.checkpoint import (
    DATA,
    INDEX,
    MANIFEST,
    META,
    CheckpointWriter,
    find_checkpoint,
    is_complete,
    numbered_sets,
    run_files,
)  # fmt: skip
from deepmd_tf.tf1 import tf


@pytest.fixture
def run(tmp_path):
    """A session with one variable, and a function that saves it with a value at a step."""
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("w", (3,), tf.float64, tf.zeros_initializer(), use_resource=False)
        saver = tf.train.Saver([variable], max_to_keep=0)
        writer = CheckpointWriter(
            tmp_path / "model.ckpt",
            2,
            lambda s, prefix: saver.save(s, prefix, write_meta_graph=False, write_state=False),
        )

        def save(step, value=None):
            variable.load(np.full(3, float(step if value is None else value)), session)
            return writer.save(session, step)

        save.session = session
        yield save


def value(checkpoint):
    return checkpoint.values()["w"][0]


def test_round_trip_and_every_way_to_name_it(run, tmp_path):
    run(100)
    run(200)
    for path in (tmp_path, tmp_path / "model.ckpt", tmp_path / "model.ckpt-200"):
        assert value(find_checkpoint(path)) == 200
    assert value(find_checkpoint(tmp_path / "model.ckpt-100")) == 100
    assert 'model_checkpoint_path: "model.ckpt-200"' in (tmp_path / "checkpoint").read_text()


def test_keeps_the_newest(run, tmp_path):
    for step in (1, 2, 3, 10):
        run(step)
    assert [step for step, _ in numbered_sets(tmp_path / "model.ckpt")] == [3, 10]
    assert not [name for name in os.listdir(tmp_path) if "-1." in name or "-2." in name]


def test_other_tools_read_the_links(run, tmp_path):
    run(7)
    reader = tf.train.load_checkpoint(str(tmp_path / "model.ckpt"))
    assert reader.get_tensor("w")[0] == 7
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-7")
    assert (tmp_path / f"model.ckpt{META}").exists()


@pytest.mark.parametrize("part", [DATA, INDEX, META])
def test_a_flipped_bit_is_seen_and_the_set_before_is_used(run, tmp_path, part):
    run(1)
    newest = run(2)
    path = newest.with_name(newest.name + part)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert not is_complete(newest)
    assert value(find_checkpoint(tmp_path / "model.ckpt")) == 1
    with pytest.raises(CheckpointError, match="incomplete or damaged"):
        find_checkpoint(newest)


def test_a_set_without_manifest_is_passed_over(run, tmp_path):
    run(1)
    newest = run(2)
    newest.with_name(newest.name + MANIFEST).unlink()
    assert value(find_checkpoint(tmp_path / "model.ckpt")) == 1


def test_an_incomplete_set_does_not_count_among_the_kept(run, tmp_path):
    run(1)
    second = run(2)
    second.with_name(second.name + MANIFEST).unlink()
    run(3)
    assert is_complete(tmp_path / "model.ckpt-1")
    assert is_complete(tmp_path / "model.ckpt-3")


def test_files_copied_by_a_workflow_tool(run, tmp_path):
    run(5)
    other = tmp_path / "elsewhere"
    other.mkdir()
    for part in (DATA, INDEX, META):
        (other / f"model.ckpt{part}").write_bytes((tmp_path / f"model.ckpt{part}").read_bytes())
    (other / "checkpoint").write_bytes((tmp_path / "checkpoint").read_bytes())
    assert value(find_checkpoint(other / "model.ckpt")) == 5
    assert value(find_checkpoint(other)) == 5


@pytest.mark.parametrize("nth", range(12))
@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failing_disk_leaves_a_complete_set(run, tmp_path, monkeypatch, call, nth):
    run(1)
    real, calls = getattr(os, call), []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) > nth:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, failing)
    try:
        run(2)
        failed = False
    except SaveError as error:
        failed = True
        assert "No space left on device" in str(error)
    monkeypatch.setattr(os, call, real)
    assert failed == (len(calls) > nth)
    assert value(find_checkpoint(tmp_path / "model.ckpt")) in (1, 2)
    assert is_complete(find_checkpoint(tmp_path / "model.ckpt").prefix)
    run(3)
    assert value(find_checkpoint(tmp_path / "model.ckpt")) == 3


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        find_checkpoint(tmp_path / "model.ckpt")
    (tmp_path / "other.index").write_text("")
    with pytest.raises(CheckpointError, match=r"Found beside it: other\.index"):
        find_checkpoint(tmp_path / "model.ckpt")


def test_garbage_is_an_error_with_the_file(tmp_path):
    for part in (DATA, INDEX):
        (tmp_path / f"model.ckpt{part}").write_bytes(b"no checkpoint at all")
    with pytest.raises(CheckpointError, match=r"model\.ckpt: not readable"):
        find_checkpoint(tmp_path / "model.ckpt").values()


def test_a_malformed_manifest_is_not_complete(run, tmp_path):
    newest = run(1)
    for content in ("", "[]", json.dumps({DATA: 3})):
        newest.with_name(newest.name + MANIFEST).write_text(content)
        assert not is_complete(newest)


def test_run_files_names_all_and_only_ours(run, tmp_path):
    run(1)
    (tmp_path / "model.ckpt.txt").write_text("the user's")
    names = {path.name for path in run_files(tmp_path / "model.ckpt")}
    assert {"checkpoint", "model.ckpt.index", "model.ckpt-1.manifest.json"} <= names
    assert "model.ckpt.txt" not in names
