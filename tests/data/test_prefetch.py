"""Batches come in order whatever the threads do; errors come in their turn; no thread is left behind."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.prefetch import Prefetch


def test_order(make_system):
    path = make_system(nframes=40)
    expected = DataSet.open(path, batch_size=3, seed=1)
    data = DataSet.open(path, batch_size=3, seed=1)

    def slow(step: int):
        time.sleep(0.002 * (step % 3))
        return data.batch(step)

    with Prefetch(slow, start=5, depth=6, workers=3) as batches:
        for step, batch in zip(range(5, 60), batches):
            assert batch.frames.tolist() == expected.batch(step).frames.tolist()


def test_depth_bounds_what_is_ready():
    asked = []
    with Prefetch(asked.append, depth=3, workers=1) as batches:
        next(batches)
        time.sleep(0.05)
        assert asked == [0, 1, 2, 3]


def test_error_is_raised_in_its_turn():
    def fails(step: int) -> int:
        if step == 2:
            raise ValueError("step 2")
        return step

    with Prefetch(fails, depth=8, workers=4) as batches:
        assert list(itertools.islice(batches, 2)) == [0, 1]
        with pytest.raises(ValueError, match="step 2"):
            next(batches)


def test_close_joins_the_threads():
    before = threading.active_count()
    begin = time.perf_counter()
    batches = Prefetch(lambda step: time.sleep(0.01), depth=4, workers=4)
    next(batches)
    batches.close()
    assert 0 < batches.waited < time.perf_counter() - begin
    assert threading.active_count() == before
    assert list(batches) == []
