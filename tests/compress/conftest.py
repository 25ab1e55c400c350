"""Model files to compress, and data to measure on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deepmd_tf.cli.main import main
from tests.support.systems import random_frames, write_system
from tests.support.training import small_input, write_input


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A folder with data ``training`` and ``validation``, ``input.json`` and its frozen model ``model.pb``."""
    folder = tmp_path_factory.mktemp("compress")
    before = os.getcwd()
    os.chdir(folder)
    try:
        data = small_input(folder, steps=4)
        data["training"]["training_data"]["systems"] = "training"
        data["training"]["validation_data"]["systems"] = "validation"
        write_input(folder, data)
        assert main(["train", "input.json"]) == 0
        assert main(["freeze", "-o", "model.pb"]) == 0
        _write_close_pair(folder / "close")
    finally:
        os.chdir(before)
    return folder


def _write_close_pair(folder: Path) -> None:
    """A frame with two atoms much nearer to each other than any in the training data."""
    coord = random_frames(natoms=6, nframes=1)["coord"]
    coord[0, 3:6] = coord[0, :3] + [0.1, 0.0, 0.0]
    write_system(folder, nframes=1, arrays={"coord": coord})
