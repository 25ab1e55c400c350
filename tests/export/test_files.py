"""Writing files: all or nothing."""

from __future__ import annotations

import os

import pytest

from deepmd_tf.errors import SaveError
from deepmd_tf.export.files import set_aside, write_atomic


def test_content_and_mode(tmp_path):
    target = tmp_path / "a"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_an_error_leaves_the_old_file(tmp_path, monkeypatch, call):
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    if call == "write":
        monkeypatch.setattr(os, "fdopen", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(SaveError, match="No space left on device") as caught:
        write_atomic(target, b"new")
    assert str(target) in str(caught.value)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_set_aside_loses_nothing(tmp_path):
    for number in (1, 2):
        (tmp_path / "lcurve.out").write_text(f"run {number}")
        folder = set_aside([tmp_path / "lcurve.out", tmp_path / "absent"])
        assert folder == tmp_path / f"previous.{number}"
    assert (tmp_path / "previous.1/lcurve.out").read_text() == "run 1"
    assert (tmp_path / "previous.2/lcurve.out").read_text() == "run 2"
    assert set_aside([tmp_path / "lcurve.out"]) is None
