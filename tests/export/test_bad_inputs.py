"""Every malformed model or checkpoint gets the message that its table, and with it the manual, promises."""

from __future__ import annotations

import os
import shutil

import pytest

from deepmd_tf.cli.main import main
from tests.export.bad_inputs import ROWS, TEST
from tests.support.training import small_input, write_input


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, input, checkpoints and a frozen model."""
    folder = tmp_path_factory.mktemp("trained")
    before = os.getcwd()
    os.chdir(folder)
    try:
        data = small_input(folder, steps=4)
        data["training"]["training_data"]["systems"] = "training"
        data["training"]["validation_data"]["systems"] = "validation"
        write_input(folder, data)
        assert main(["train", "input.json"]) == 0
        assert main(["freeze", "-o", "model.pb"]) == 0
        assert main(TEST) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_message(row, trained, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder, symlinks=True)
    monkeypatch.chdir(folder)
    row.damage(folder)
    assert main(row.command) == 2
    assert capsys.readouterr().err.partition(": error: ")[2].rstrip("\n") == row.message
