"""Layer normalisation of a sum: the op against NumPy; derivatives of both orders against the formula in stock ops."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.residual_norm import residual_norm
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf

PRECISIONS = {np.float64: 1e-13, np.float32: 1e-5}
EPS = 1e-3


def draw(nrows=9, width=11, dtype=np.float64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(nrows + width)
    shapes = dict(x=(nrows, width), o=(nrows, width), gamma=width, beta=width)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_values_equal_the_reference(dtype):
    for nrows, width in ((0, 3), (1, 1), (5, 8), (9, 11), (300, 25), (4, 128)):
        arrays = draw(nrows, width, dtype)
        found = evaluate(lambda **t: residual_norm(**t, eps=EPS), arrays)
        expected = reference.residual_norm(**{k: a.astype(np.float64) for k, a in arrays.items()}, eps=EPS)
        assert found.dtype == dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=PRECISIONS[dtype] * np.abs(expected).max(initial=1))


def stock(x, o, gamma, beta, *, eps):
    """The formula in TensorFlow's own ops."""
    z = x + o
    mean = tf.reduce_mean(z, 1, keepdims=True)
    variance = tf.reduce_mean((z - mean) ** 2, 1, keepdims=True)
    return gamma * (z - mean) * tf.rsqrt(variance + eps) + beta


def derivatives(norm):
    """First derivatives of a loss of y, and those of their sum with fixed weights: all parts of the second order."""

    def build(**tensors):
        y = norm(**tensors, eps=EPS)
        inputs = list(tensors.values())
        first = tf.gradients(tf.reduce_sum(tf.sin(3 * y + 1)), inputs)
        slope = sum(tf.reduce_sum(tf.cos(tf.stop_gradient(5 * x)) * g) for x, g in zip(inputs, first))
        return first, tf.gradients(slope, inputs)

    return build


@pytest.mark.parametrize("nrows, width", [(1, 2), (5, 8), (9, 11), (600, 25), (4, 128)])
def test_derivatives_of_both_orders_equal_stock_tensorflow(nrows, width):
    arrays = draw(nrows, width)
    found, expected = (tf.nest.flatten(evaluate(derivatives(norm), arrays)) for norm in (residual_norm, stock))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


def test_each_derivative_alone():
    """What nothing reads is left out, and the rest stays what it was."""
    arrays = draw(600, 9)
    together = evaluate(derivatives(residual_norm), arrays)
    for order, k in np.ndindex(2, 4):
        alone = evaluate(lambda _at=(order, k), **t: derivatives(residual_norm)(**t)[_at[0]][_at[1]], arrays)
        np.testing.assert_array_equal(alone, together[order][k])


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_bits_do_not_depend_on_the_number_of_threads(dtype):
    arrays, graph = draw(2000, 33, dtype), derivatives(residual_norm)
    one, two = (tf.nest.flatten(evaluate(graph, arrays, threads=n)) for n in (1, 2))
    for a, b in zip(one, two):
        np.testing.assert_array_equal(a, b)


def test_no_rows_give_zeros():
    for gradients in evaluate(derivatives(residual_norm), draw(0, 4)):
        assert [g.shape for g in gradients] == [(0, 4), (0, 4), (4,), (4,)] and not any(g.any() for g in gradients)


def test_third_order_is_refused():
    def build(**tensors):
        value = residual_norm(**tensors, eps=EPS)
        for _ in range(3):
            value = tf.reduce_sum(tf.gradients(tf.sin(value), tensors["x"])[0])
        return value

    with pytest.raises(NotImplementedError, match="first and second order, no third"):
        evaluate(build, draw())


def test_static_shapes():
    with tf.Graph().as_default():
        x, columns = tf.placeholder("float64", [None, 7]), tf.placeholder("float64", [None])
        y = residual_norm(x, tf.placeholder("float64", [9, None]), columns, columns, eps=EPS)
        assert y.shape.as_list() == [9, 7]
        assert [g.shape.as_list() for g in tf.gradients(y, [x, columns])][1] == [7]
        unknown = tf.placeholder("float64", None)
        assert residual_norm(*[unknown] * 4, eps=EPS).shape.as_list() == [None, None]
        for inputs in (
            [x, tf.placeholder("float64", [9, 6]), columns, columns],
            [x, x, tf.placeholder("float64", [6]), columns],
            [x, x, columns, tf.placeholder("float64", [6])],
        ):
            with pytest.raises(ValueError, match="must be"):
                residual_norm(*inputs, eps=EPS)


@pytest.mark.parametrize(
    "change, eps, text",
    [
        (dict(x=np.zeros(5)), EPS, "x: expected a matrix, found shape .5."),
        (dict(o=np.zeros((9, 10))), EPS, "o: expected shape .9,11., found .9,10."),
        (dict(gamma=np.zeros(10)), EPS, "gamma: expected shape .11., found .10."),
        (dict(beta=np.zeros((1, 11))), EPS, "beta: expected shape .11., found .1,11."),
        ({}, -1.0, "eps: expected 0 or more, found -1"),
    ],
)
def test_bad_inputs_are_named(change, eps, text):
    def build(**inputs):
        return residual_norm(**{k: tf.placeholder_with_default(v, None) for k, v in inputs.items()}, eps=eps)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, draw() | change)
