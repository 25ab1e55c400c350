"""Weights in the numbers of the device: their values are those of the exporter, their products are exact."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.tf1 import tf
from nvnmd.device_file.encode import weight_codes
from nvnmd.model.quantized.weight_formats import FORMATS, device_weights

AXES = {"columns": (0,), "rows": (1,), "all": (0, 1)}


def run(*tensors):
    with tf.Session() as session:
        return session.run(tensors)


def drawn(seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Weights of many sizes, powers of two and zeros among them."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(128, 16)) * np.exp2(rng.uniform(-20, 6, 16)) * scale
    w[:, 3], w[5] = 0.0, 0.0
    w[7, :8] = np.exp2(np.arange(8.0))
    return w


@pytest.mark.parametrize("axis", [0, 1])
def test_weights_are_those_of_the_exporter(axis):
    w = drawn()
    codes, exponents = weight_codes(w, axis)
    expected = codes * np.exp2(np.expand_dims(exponents, axis) - 16.0)
    with tf.Graph().as_default():
        (found,) = run(device_weights(tf.constant(w), (axis,)))
    assert np.array_equal(found, expected) and len(np.unique(exponents)) > 4


@pytest.mark.parametrize("whole", [False, True])
def test_products_are_whole_numbers_rounded_down(whole):
    """Forward with an exponent by column, backward by row; all in integers here."""
    w, rng = drawn(1), np.random.default_rng(2)
    w = w[:, :1] if whole else w
    x = np.floor(rng.normal(size=(7, 128)) * 2.0**23) / 2.0**23
    g = np.floor(rng.normal(size=(7, w.shape[1])) * 2.0**21) / 2.0**21
    with tf.Graph().as_default():
        fed = tf.constant(x)
        y = FORMATS["device"].product(fed, tf.constant(w), whole=whole)
        found = run(y, *tf.gradients(y, fed, tf.constant(g)))
    for values, factor, matrix, shared in ((found[0], x, w, 0), (found[1], g, w.T, 1 if whole else 0)):
        codes, exponents = weight_codes(matrix, shared)
        exact = as_integers(factor) @ codes.astype(object)
        shifts = [int(16 - e) for e in np.broadcast_to(exponents, exact.shape[1])]
        expected = np.array([[value >> s for value, s in zip(row, shifts)] for row in exact], float) / 2.0**23
        assert np.array_equal(values, expected)


def as_integers(x) -> np.ndarray:
    return np.vectorize(int, otypes=[object])(x * 2.0**23)


def test_training_sees_the_exact_product():
    """Of first order by the weights, and of second order, the gradients are those without any rounding."""
    rng = np.random.default_rng(3)
    x, w, g, h = (rng.normal(size=shape) for shape in ((5, 8), (8, 6), (5, 6), (5, 8)))
    with tf.Graph().as_default():
        x, w, g, h = (tf.constant(one) for one in (x, w, g, h))
        y = FORMATS["device"].product(x, w, whole=False)
        dx, dw = tf.gradients(y, [x, w], g)
        by_g, by_w = tf.gradients(dx, [g, w], h)
        found = run(dw, by_g, by_w)
        expected = run(tf.matmul(x, g, transpose_a=True), tf.matmul(h, w), tf.matmul(h, g, transpose_a=True))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("largest", [0.3, 200.0, 255.9999, 256.0, 300.0, 40000.0])
def test_energies_have_the_bits_of_the_header(largest):
    """As many fraction bits as a signed number of 32 bits leaves, 23 at most."""
    energies = np.array([-largest, largest / 3, 0.1])
    bits = 23
    while np.rint(largest * 2.0**bits) > 2**31 - 1:
        bits -= 1
    with tf.Graph().as_default():
        zero = tf.zeros([1, 3], tf.float64)
        bias = tf.constant([0.0, 0.0, 0.0], tf.float64)
        energy = FORMATS["device"].energy(zero, bias, tf.constant(energies), tf.constant([[0, 1, 2]]))
        found, slope = run(energy, tf.convert_to_tensor(tf.gradients(energy, bias)[0]))
    assert np.array_equal(found[0], np.rint(energies * 2.0**bits) / 2.0**bits)
    assert np.array_equal(slope, np.ones(3))


def test_biases_have_23_bits():
    values = np.array([0.3, -0.3, 1.5 * 2.0**-23, 2.5 * 2.0**-23, -0.4 * 2.0**-23, 31.0])
    with tf.Graph().as_default():
        fed = tf.constant(values)
        bias = FORMATS["device"].bias(fed)
        found, slope = run(bias, tf.gradients(bias, fed)[0])
    assert np.array_equal(found, np.rint(values * 2.0**23) / 2.0**23) and np.array_equal(slope, np.ones(6))
