"""GELU against NumPy, per target, and its registered gradients."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import core, reference
from deepmd_tf.ops.gelu import gelu
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf

VALUES = np.concatenate([np.linspace(-9, 9, 1001), [0.0, -0.0, 30.0, -30.0, 1e3, -1e3, 1e-300]])


# The NumPy formulas cancel for large negative arguments (1 - t**2), the more the higher the order.
@pytest.mark.parametrize("order, cancels", [(0, 2e-15), (1, 1e-14), (2, 1e-13)])
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 2e-15), (np.float32, 1e-6)])
def test_core_equals_numpy(order, cancels, dtype, tolerance):
    x = VALUES.astype(dtype)
    expected = reference.gelu(x.astype(np.float64), order=order)
    for target in core.targets():
        found = core.gelu(x, order=order, target=target)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=max(tolerance, cancels))
        np.testing.assert_array_equal(found, core.gelu(x, order=order, target="baseline"))


@pytest.mark.parametrize("n", range(18))
def test_every_length(n):
    x = np.linspace(-2, 2, n)
    for target in core.targets():
        np.testing.assert_allclose(core.gelu(x, target=target), reference.gelu(x), rtol=0, atol=1e-15)


def test_not_a_number_stays():
    assert np.isnan(core.gelu(np.array([np.nan]))).all()


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_by_differences(order):
    x, step = np.linspace(-4, 4, 50), 1e-5
    slope = (core.gelu(x + step, order=order - 1) - core.gelu(x - step, order=order - 1)) / (2 * step)
    np.testing.assert_allclose(core.gelu(x, order=order), slope, rtol=0, atol=1e-9)


def test_op_and_its_gradients():
    x = np.linspace(-4, 4, 60).reshape(3, 4, 5)

    def build(x):
        y = gelu(x)
        (first,) = tf.gradients(y, x)
        (second,) = tf.gradients(first, x)
        assert y.shape.as_list() == first.shape.as_list() == second.shape.as_list() == [3, 4, 5]
        return y, first, second

    for order, value in enumerate(evaluate(build, dict(x=x))):
        np.testing.assert_array_equal(value, core.gelu(x, order=order))


def test_gradient_of_the_gradient_by_its_first_input():
    """d(dy g'(x))/d(dy) = g'(x)."""

    def build(x, w):
        (first,) = tf.gradients(w * gelu(x), x)  # w g'(x)
        return tf.gradients(first, w)[0]

    x = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(evaluate(build, dict(x=x, w=2 * x)), reference.gelu(x, order=1), rtol=0, atol=1e-14)
