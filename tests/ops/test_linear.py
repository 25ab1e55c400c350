"""The linear layer over many rows: the reference, gradients of first and second order, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.linear import linear
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops.cases import PRECISIONS


def draw(nrows: int, fan_in: int, width: int, dtype=np.float64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(nrows + width)
    shapes = dict(x=(nrows, fan_in), w=(fan_in, width), b=(width,))
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def derivatives(layer, arrays):
    """A loss that is not linear in y, its gradients, and those of a sum of their squares."""

    def build(**tensors):
        inputs = list(tensors.values())
        value = tf.reduce_sum(tf.sin(layer(**tensors)))
        first = tf.gradients(value, inputs)
        return first, tf.gradients(tf.add_n([tf.reduce_sum(g**2) for g in first]), inputs)

    return evaluate(build, arrays)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("sizes", [(0, 3, 4), (5, 1, 1), (300, 7, 19), (2000, 12, 40)])
def test_value_equals_the_reference(sizes, dtype):
    arrays = draw(*sizes, dtype)
    found, expected = evaluate(linear, arrays), reference.linear(**arrays)
    assert found.dtype == dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=PRECISIONS[dtype] * 40)


@pytest.mark.parametrize("sizes", [(5, 2, 3), (1700, 6, 11)])
def test_derivatives_are_those_of_tensorflows_product(sizes):
    arrays = draw(*sizes)
    for found, expected in zip(*(derivatives(f, arrays) for f in (linear, lambda x, w, b: tf.matmul(x, w) + b))):
        for one, other in zip(found, expected):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("wrong", [dict(w=(4, 5)), dict(b=(6,)), dict(x=(7,))])
def test_shapes_that_do_not_agree(wrong):
    arrays = draw(7, 3, 5) | {name: np.zeros(shape) for name, shape in wrong.items()}
    with pytest.raises(ValueError):
        evaluate(linear, arrays)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected"):
        evaluate(lambda **t: linear(**{k: tf.placeholder_with_default(v, None) for k, v in t.items()}), arrays)
