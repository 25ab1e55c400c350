"""Products of columns: reference, derivatives of first and second order, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.gram import gram
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf

SIZES = [(1, 1), (2, 2), (7, 3), (8, 8), (17, 9), (25, 16), (100, 16), (40, 40)]


def draw(n: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4, width))


@pytest.mark.parametrize("width, columns", SIZES)
@pytest.mark.parametrize("n", [0, 1, 37])
def test_equals_the_reference(width, columns, n):
    x = draw(n, width)
    expected = reference.gram(x, columns=columns)
    found = evaluate(lambda x: gram(x, columns=columns), {"x": x})
    assert found.shape == (n, width * columns)
    assert np.allclose(found, expected, rtol=0, atol=1e-13)
    single = evaluate(lambda x: gram(x, columns=columns), {"x": x.astype(np.float32)})
    assert np.allclose(single, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("width, columns", SIZES)
def test_first_and_second_derivatives(width, columns):
    """Against TensorFlow's own derivatives of the sum written out."""

    def both(x, d, g):
        def plain(x):
            return tf.reshape(tf.matmul(x, x[:, :, :columns], transpose_a=True), [-1, width * columns])

        results = []
        for function in (lambda x: gram(x, columns=columns), plain):
            # A loss of the derivative, as training on forces has it; third order by differentiating once more.
            first = tf.gradients(tf.reduce_sum(function(x) * d * tf.reduce_sum(x)), x)[0]
            second = tf.gradients(tf.reduce_sum(tf.sin(first) * g), [x, d])
            third = tf.gradients(tf.reduce_sum(tf.square(second[0])), [x, d])
            results.append([first, *second, *third])
        return results

    rng = np.random.default_rng(1)
    feeds = {"x": draw(5, width, 2), "d": rng.normal(size=(5, width * columns)), "g": draw(5, width, 3)}
    for ours, plain in zip(*evaluate(both, feeds)):
        assert np.allclose(ours, plain, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(plain).max()))


def test_the_number_of_threads_changes_no_bit():
    x = draw(200, 50)
    found = [evaluate(lambda x: gram(x, columns=16), {"x": x}, threads=threads) for threads in (1, 4)]
    assert np.array_equal(*found)


@pytest.mark.parametrize("shape, columns", [((2, 3, 5), 2), ((2, 4), 2), ((2, 4, 5), 6)])
def test_what_does_not_fit_is_refused(shape, columns):
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        evaluate(lambda x: gram(x, columns=columns), {"x": np.zeros(shape)})
