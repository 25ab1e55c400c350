"""The learning rate against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.tf1 import tf
from deepmd_tf.train.schedule import learning_rate

FRAME = {
    "type": "exp", "start_lr": 1e-3, "stop_lr": 1e-8, "stop_lr_ratio": None, "warmup_steps": 0, "warmup_ratio": None,
    "warmup_start_factor": 0.0, "scale_by_worker": "linear", "decay_steps": 10, "decay_rate": None, "smooth": False,
}  # fmt: skip


def rates(steps, numb_steps=100, workers=1, **keys):
    """Learning rate at the given steps."""
    rate, _ = learning_rate({**FRAME, **keys}, numb_steps, workers)
    with tf.Graph().as_default(), tf.Session() as session:
        return np.array([session.run(rate(tf.constant(step, tf.int64))) for step in steps])


def test_stairs():
    factor = (1e-8 / 1e-3) ** (10 / 100)
    expected = [1e-3, 1e-3, 1e-3 * factor, 1e-3 * factor**9]
    assert np.allclose(rates([0, 9, 10, 99]), expected, rtol=1e-12)


def test_smooth():
    assert np.allclose(rates([0, 50, 100], smooth=True), [1e-3, math.sqrt(1e-3 * 1e-8), 1e-8], rtol=1e-12)


def test_given_decay_rate_stops_at_the_floor():
    assert np.allclose(rates([0, 10, 90], decay_rate=0.5, stop_lr=1e-4), [1e-3, 5e-4, 1e-4], rtol=1e-12)


def test_ratio_is_the_same_as_stop():
    assert np.allclose(rates([57], stop_lr=None, stop_lr_ratio=1e-5), rates([57]), rtol=1e-12)


@pytest.mark.parametrize("numb_steps, decay_steps", [(500, 6), (100, 2), (2000, 100)])
def test_decay_steps_beyond_the_run_are_shortened(numb_steps, decay_steps):
    expected = 1e-3 * (1e-5) ** (decay_steps / numb_steps)
    assert rates([decay_steps], numb_steps, decay_steps=5000) == pytest.approx(expected, rel=1e-12)
    assert rates([decay_steps - 1], numb_steps, decay_steps=5000) == pytest.approx(1e-3, rel=1e-12)


def test_warm_up_rises_linearly_and_delays_the_decay():
    got = rates([0, 5, 10, 20], 110, warmup_steps=10, warmup_start_factor=0.2)
    assert np.allclose(got, [2e-4, 6e-4, 1e-3, 1e-3 * 1e-5**0.1], rtol=1e-12)
    assert np.allclose(rates([5], 100, warmup_ratio=0.1), [5e-4], rtol=1e-12)


@pytest.mark.parametrize("rule, factor", [("linear", 4), ("sqrt", 2), ("none", 1)])
def test_workers(rule, factor):
    assert rates([0], workers=4, scale_by_worker=rule) == pytest.approx(factor * 1e-3)


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"stop_lr_ratio": 0.1}, "expected one of stop_lr and stop_lr_ratio, found both"),
        ({"stop_lr": None}, "expected one of stop_lr and stop_lr_ratio, found none"),
        ({"type": "expo"}, "there is no learning-rate schedule 'expo'. Did you mean 'exp'?"),
        ({"warmup_steps": 100}, "expected a warm-up shorter than the 100 steps"),
        ({"warmup_steps": 10, "warmup_ratio": 0.1}, "exclude each other"),
        ({"decay_steps": 0}, "learning_rate/decay_steps"),
        ({"start_lr": 0.0}, "learning_rate/start_lr"),
        ({"scale_by_worker": "cube"}, "learning_rate/scale_by_worker"),
    ],
)
def test_bad_values_are_named(keys, message):
    with pytest.raises(ConfigError) as caught:
        rates([0], **keys)
    assert message in str(caught.value)
