"""Every model and option that dp compress refuses gets the message that its table promises, and nothing is written."""

from __future__ import annotations

import shutil

import pytest

from deepmd_tf.cli.main import main
from tests.compress.bad_inputs import ROWS


@pytest.mark.parametrize("dry", [False, True], ids=["", "dry run"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_message(row, dry, trained, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder, symlinks=True)
    monkeypatch.chdir(folder)
    row.damage(folder)
    files = sorted(folder.rglob("*"))
    # Folder and frames of a run that writes nothing do not matter.
    harmless = dry and ("folder" in row.what or "frames" in row.what or "data" in row.what)
    options = [*row.options, "--dry-run"] if dry else row.options
    assert main(["compress", "-i", "model.pb", *options]) == (0 if harmless else 2)
    if not harmless:
        assert capsys.readouterr().err.partition(": error: ")[2].rstrip("\n") == row.message
    assert sorted(folder.rglob("*")) == files
