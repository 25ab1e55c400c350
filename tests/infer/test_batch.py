"""Frames per evaluation: what is asked for, what memory holds, and what happens when it runs out."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.infer import batch
from deepmd_tf.infer.batch import FrameBatcher, bytes_per_atom
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.tf1 import tf
from tests.infer.conftest import section, write_model


@pytest.fixture(scope="module")
def model(water):
    return FrozenModel(water.path)


def counting(counts, limit=None):
    """An evaluation that notes how many frames it got, and fails beyond ``limit``."""

    def evaluate(part: slice):
        count = part.stop - part.start
        counts.append(count)
        if limit is not None and count > limit:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return [np.arange(part.start, part.stop)]

    return evaluate


def test_frames_are_split_and_joined(model):
    counts = []
    (joined,) = FrameBatcher(model, 20).run(7, 8, counting(counts))
    assert counts == [2, 2, 2, 1]
    np.testing.assert_array_equal(joined, np.arange(7))


def test_a_frame_larger_than_the_batch_goes_alone(model):
    counts = []
    FrameBatcher(model, 4).run(3, 8, counting(counts))
    assert counts == [1, 1, 1]


def test_halves_when_memory_runs_out(model):
    counts = []
    batcher = FrameBatcher(model, 8 * 8)
    (joined,) = batcher.run(11, 8, counting(counts, limit=3))
    np.testing.assert_array_equal(joined, np.arange(11))
    assert counts == [8, 4, 2, 2, 2, 2, 2, 1]
    assert batcher.atoms == 16, "the next call starts with what worked"


def test_one_frame_that_does_not_fit_is_an_error(model):
    with pytest.raises(DataError, match="one frame of 8 atoms"):
        FrameBatcher(model, 100).run(3, 8, counting([], limit=0))


def test_environment_variable(model, monkeypatch):
    monkeypatch.setenv("DP_INFER_BATCH_SIZE", "24")
    assert FrameBatcher(model).atoms == 24
    monkeypatch.setenv("DP_INFER_BATCH_SIZE", "many")
    with pytest.raises(ConfigError, match=r"DP_INFER_BATCH_SIZE.*many"):
        FrameBatcher(model)


def test_memory_bounds_the_batch(model, monkeypatch):
    monkeypatch.setattr(batch, "available_memory", lambda: 40 * bytes_per_atom(model))
    assert FrameBatcher(model).atoms == 20
    monkeypatch.setattr(batch, "available_memory", lambda: 0)
    assert FrameBatcher(model).atoms == 1


def test_memory_of_an_atom(model):
    # 54 slots; matrix, derivative and vector 19 values; layers of 4 and 8, three arrays each; 8 bytes.
    assert bytes_per_atom(model) == 54 * (19 + 3 * 12) * 8


def test_memory_of_an_atom_with_several_descriptors(tmp_path):
    common = {"rcut": 4.0, "neuron": [4, 8]}
    parts = [{"type": "se_e2_r", "sel": [5, 6], **common}, {"type": "se_e3", "sel": [3, 4], **common}]
    model = section() | {"descriptor": {"type": "hybrid", "list": parts}}
    path = write_model(tmp_path / "hybrid.pb", model).path
    # The networks of se_e3 see 7 x 7 pairs of slots.
    assert bytes_per_atom(FrozenModel(path)) == (19 * (11 + 7) + 3 * 12 * (11 + 7 * 7)) * 8
    assert bytes_per_atom(FrozenModel(path), embedded=False) == 19 * (11 + 7) * 8
