"""``dp train-nvnmd`` on several processes: both steps, the same weights, one set of files."""

from __future__ import annotations

import numpy as np
import pytest

from nvnmd.dictionaries import read_dictionary
from tests.nvnmd.test_train import FIRST, SECOND, TYPES, content
from tests.support.processes import launch, needs_horovod
from tests.support.systems import write_system
from tests.support.training import dp, write_input


def prepared(folder, version: int, batch: int) -> None:
    folder.mkdir()
    write_system(folder / "training", types=TYPES, nframes=8)
    given = content(version, steps=20)
    given["learning_rate"]["scale_by_worker"] = "none"
    given["training"]["training_data"]["batch_size"] = batch
    write_input(folder, given)


@needs_horovod
@pytest.mark.parametrize("version", [0, 1])
def test_both_steps_on_two_processes(tmp_path, version):
    two, one = tmp_path / "two", tmp_path / "one"
    prepared(two, version, batch=1)
    prepared(one, version, batch=2)
    text = launch(2, "train-nvnmd", "input.json", "-s", "all", cwd=two).stdout
    dp("train-nvnmd", "input.json", "-s", "all", cwd=one)
    assert text.count("energies equal to the bit") == 1, text
    for folder, files in (("nvnmd_cnn", FIRST), ("nvnmd_qnn", SECOND)):
        assert {*files} <= {path.name for path in (two / folder).iterdir()}
        # Adam makes steps of one size of gradients of any: rounding shows in a few of 33,000. In the second step
        # gradients of the loss are cut to 23 bits, before their mean is taken or after.
        tolerance = {"nvnmd_cnn": 1e-9, "nvnmd_qnn": 1e-5}[folder]
        found, expected = (read_dictionary(where / folder / "weight.npy") for where in (two, one))
        assert found.keys() == expected.keys()
        for name in expected:
            if name.startswith(("layer", "final")):
                assert np.mean(np.abs(found[name] - expected[name]) > tolerance) < 1e-3, name
    assert (two / "nvnmd_qnn/train.log").read_text().count("1 steps in") == 1
