"""Activation functions against NumPy, with first and second derivatives by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.activation import activation
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.support.numpy_model import ACTIVATION_NAMES, phi

# Away from the corners of relu and relu6, where no derivative exists.
X = np.linspace(-7.9, 8.3, 61)


def derivatives(name):
    def build(x):
        y = activation(name)(x)
        first = tf.gradients(y, x)[0]
        second = tf.gradients(first, x)
        return y, first, tf.zeros_like(x) if not second or second[0] is None else second[0]

    return evaluate(build, {"x": X})


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_value_and_two_derivatives(name):
    f, h = phi(name), 1e-4
    y, first, second = derivatives(name)
    assert np.allclose(y, f(X), rtol=0, atol=1e-13)
    assert np.allclose(first, (f(X + h) - f(X - h)) / (2 * h), rtol=0, atol=1e-7)
    assert np.allclose(second, (f(X + h) - 2 * f(X) + f(X - h)) / h**2, rtol=0, atol=1e-6)


def test_silut_continues_value_and_slope_and_does_not_overflow():
    at = np.array([2.999999, 3.000001, 800.0, -800.0])
    y, slope = evaluate(lambda x: (activation("silut")(x), tf.gradients(activation("silut")(x), x)[0]), {"x": at})
    assert abs(y[0] - y[1]) < 3e-6
    assert abs(slope[0] - slope[1]) < 3e-6
    assert np.isfinite(y).all() and np.isfinite(slope).all()


def test_case_and_null():
    assert activation("TANH") is activation("tanh")
    assert activation(None) is activation("none")


@pytest.mark.parametrize(
    "name, message",
    [
        ("tahn", "Did you mean 'tanh'"),
        ("silut:x", "positive number after the colon, found 'x'"),
        ("silut:-1", "found '-1'"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(ConfigError, match=message):
        activation(name)
