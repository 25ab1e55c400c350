"""Tabulated features row by row: the Hermite polynomial, gradients by finite differences, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.session import evaluate
from deepmd_tf.ops.table import table_rows
from deepmd_tf.tf1 import tf
from tests.ops.test_table import GRID, NKNOTS, PRECISIONS

NAMES = ("x", "table", "dy")


def draw(*, nrows=40, width=5, dtype=np.float64, seed=0, wide=False) -> dict[str, np.ndarray]:
    """Rows of three nets in no order; ``wide`` reaches beyond the knots."""
    rng = np.random.default_rng(seed)
    arrays = dict(
        x=rng.uniform(-2, 5, nrows) if wide else rng.uniform(-0.75, 2.7, nrows),
        net=rng.integers(0, 3, nrows).astype(np.int32),
        table=rng.normal(size=(3 * NKNOTS, width)),
        grid=GRID,
    )
    return {k: v.astype(dtype) if k in ("x", "table") else v for k, v in arrays.items()}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_values_and_counts_equal_the_reference(dtype, wide):
    for width in (1, 8, 17, 50):
        arrays = draw(width=width, dtype=dtype, wide=wide)
        double = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in arrays.items()}
        (y, outside), (expected, count) = evaluate(table_rows, arrays), reference.table_rows(**double)
        assert y.dtype == dtype and y.shape == expected.shape and outside.dtype == np.int64
        assert outside == count and (count > 0) == wide
        np.testing.assert_allclose(y, expected, rtol=0, atol=PRECISIONS[dtype] * np.abs(expected).max())


def loss(arrays, vector, threads=0):
    """A loss of y that is not linear, its gradients, and the slope along x differentiated once more."""

    def build(vector, dy, **tensors):
        value = tf.reduce_sum(dy * tf.sin(table_rows(**tensors)[0]))
        dx, dtable = tf.gradients(value, [tensors["x"], tensors["table"]])
        slope = tf.reduce_sum(dx * vector)
        return value, (dx, dtable), slope, tf.gradients(slope, [tensors["x"], tensors["table"], dy])

    return evaluate(build, arrays | dict(vector=vector), threads=threads)


def case(**settings):
    arrays = draw(**settings)
    rng = np.random.default_rng(7)
    arrays["dy"] = rng.normal(size=(len(arrays["x"]), arrays["table"].shape[1])).astype(arrays["x"].dtype)
    return arrays, rng.normal(size=arrays["x"].shape).astype(arrays["x"].dtype)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("width", [2, 19])
def test_first_and_second_derivatives_along_random_directions(width, wide):
    arrays, vector = case(width=width, wide=wide)
    _, firsts, _, seconds = loss(arrays, vector)
    rng = np.random.default_rng(5)
    for name, first, second in zip(NAMES, (*firsts, None), seconds):
        step = rng.normal(size=arrays[name].shape)
        up, down = (loss(arrays | {name: arrays[name] + sign * 1e-6 * step}, vector) for sign in (1, -1))
        if first is not None:
            np.testing.assert_allclose((first * step).sum(), (up[0] - down[0]) / 2e-6, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose((second * step).sum(), (up[2] - down[2]) / 2e-6, rtol=1e-6, atol=1e-5)


def test_derivatives_do_not_depend_on_threads():
    arrays, vector = case(width=24, nrows=3000)
    one, four = (tf.nest.flatten(loss(arrays, vector, threads=threads)) for threads in (1, 4))
    for first, second in zip(one[1:], four[1:]):  # sums by TensorFlow come first
        np.testing.assert_allclose(first, second, rtol=1e-13) if first.ndim == 0 else np.testing.assert_array_equal(
            first, second
        )


def test_no_rows():
    arrays, vector = case(nrows=0)
    _, (dx, dtable), _, _ = loss(arrays, vector)
    assert dx.shape == (0,) and not dtable.any()


def test_a_net_that_there_is_not_is_named():
    arrays = draw()
    arrays["net"][3] = 3
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"net.3.: expected a number below the 3 rows of grid"):
        evaluate(table_rows, arrays)
