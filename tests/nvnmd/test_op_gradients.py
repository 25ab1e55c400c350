"""Gradients of the ops against the table of the format, in the arithmetic of integers; then those of second order."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from nvnmd import fixed_point as fp
from nvnmd.ops import arithmetic
from tests.nvnmd.op_cases import TABLE_INFO, numbers

X, W, G = (numbers((3, 4, 6), 6, seed) for seed in range(3))
COLUMN = numbers((3, 4, 1), 6)
MATRIX = numbers((3, 6, 5), 6, 1)
PRODUCT = numbers((3, 4, 5), 6, 2)


def gradients(build, inputs: dict, *cotangents):
    """Gradients by each input of the sum of the products of outputs and cotangents."""

    def gradient(**tensors):
        outputs = build(*(tensors[name] for name in inputs))
        ys = [tensors[f"g{k}"] for k in range(len(cotangents))]
        return tf.gradients(outputs, [tensors[name] for name in inputs], grad_ys=ys)

    return evaluate(gradient, inputs | {f"g{k}": g for k, g in enumerate(cotangents)})


def transposed(x):
    return np.swapaxes(x, -1, -2)


def assert_equal(found, expected):
    for k, (one, other) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_array_equal(one, other, err_msg=f"input {k}")


def test_flt():
    assert_equal(gradients(arithmetic.flt, dict(x=X), G), [fp.flt(G)])


def test_copy():
    assert_equal(gradients(arithmetic.copy_flt, dict(x=X), G, W), [fp.add(G, W)])


def test_add():
    assert_equal(gradients(arithmetic.add, dict(x=X, w=W), G), [fp.flt(G)] * 2)


def test_mul():
    assert_equal(gradients(arithmetic.mul, dict(x=X, w=W), G), [fp.mul(W, G), fp.mul(X, G)])


def test_mul_of_a_column():
    assert_equal(gradients(arithmetic.mul, dict(x=COLUMN, w=W), G), [fp.dotmul(W, G), fp.mul(COLUMN, G)])


def test_mul_of_unknown_width_has_no_gradient():
    with tf.Graph().as_default():
        x = tf.placeholder("float64", [3, None])
        with pytest.raises(ValueError, match="its gradient needs the sizes of the last axes"):
            tf.gradients(arithmetic.mul(x, x, name="this"), x)


def test_dotmul():
    assert_equal(gradients(arithmetic.dotmul, dict(x=X, w=W), COLUMN), [fp.mul(COLUMN, W), fp.mul(COLUMN, X)])


@pytest.mark.parametrize("normx", [0, 1, 16, 17])
@pytest.mark.parametrize("normw", [0, 1, 16, 17])
def test_matmul_flt(normx, normw):
    wt, xt = transposed(MATRIX), transposed(X)
    dx = fp.matmul_flt2fix(PRODUCT, wt, 23) if normx >= 16 else fp.matmul_flt(PRODUCT, wt, normx, normw)
    dw = fp.matmul_flt2fix(xt, PRODUCT, 23) if normw >= 16 else fp.matmul_flt(xt, PRODUCT, 1, normx)

    def build(x, w):
        return arithmetic.matmul_flt(x, w, normx=normx, normw=normw)

    assert_equal(gradients(build, dict(x=X, w=MATRIX), PRODUCT), [dx, dw])


def test_matmul_flt2fix():
    expected = [fp.matmul_flt(PRODUCT, transposed(MATRIX), 1, 1), fp.matmul_flt(transposed(X), PRODUCT, 1, 1)]
    assert_equal(gradients(arithmetic.matmul_flt2fix, dict(x=X, w=MATRIX), PRODUCT), expected)


@pytest.mark.parametrize("normw", [0, 1])
def test_matmul_fitnet(normw):
    x, w, g = np.clip(X[0], -8, 8), MATRIX[0], np.clip(PRODUCT[0], -8, 8)
    dx, dw = gradients(lambda x, w: arithmetic.matmul_fitnet(x, w, normw=normw), dict(x=x, w=w), g)
    np.testing.assert_array_equal(dx, fp.matmul_fitnet(g, w.T, 23, 19, normw))
    np.testing.assert_allclose(dw, x.T @ g, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("isround", [False, True])
def test_quantize_rotates_its_widths(isround):
    """The gradient is linear in g, so that its own gradients show the next widths."""

    def build(x, g, first, second):
        (slope,) = tf.gradients(arithmetic.quantize(x, 6, isround=isround, grad_bits=(3, 1)), x, grad_ys=g)
        (by_g,) = tf.gradients(slope, g, grad_ys=first)
        (by_first,) = tf.gradients(by_g, first, grad_ys=second)
        return slope, by_g, by_first

    g = np.array([[0.33, 0.99, -0.01]])
    found = evaluate(build, dict(x=g, g=g, first=g, second=g))
    for value, bits in zip(found, (3, 1, 6)):
        np.testing.assert_array_equal(value, np.floor(g * 2**bits + 0.5 * isround) / 2**bits)


def test_tanh4():
    x = np.stack([np.linspace(-3, 3, 301), numbers((301,), 3)])
    x[1, :4] = [2, -2, 0, 1e-9]
    g = numbers((2, 301), 4, 1)
    assert_equal(gradients(arithmetic.tanh4, dict(x=x), g), [fp.tanh4_gradient(x, g)])


def test_gradients_of_the_gradient_of_tanh4():
    """Rounding is nothing to them: the slope by g, its derivative by x."""
    x = np.linspace(-2.9, 2.9, 200).reshape(1, 200)
    g, v = numbers((1, 200), 2, 1), np.ones((1, 200))

    def build(x, g, v):
        (slope,) = tf.gradients(arithmetic.tanh4(x), x, grad_ys=g)
        return tf.gradients(slope, [x, g], grad_ys=v)

    by_x, by_g = evaluate(build, dict(x=x, g=g, v=v))
    a = np.minimum(np.abs(x), 2)
    np.testing.assert_allclose(by_g, a**3 / 4 - 3 * a**2 / 4 + 1, rtol=0, atol=6e-6)
    curvature = np.sign(x) * (3 * a**2 / 4 - 3 * a / 2)
    np.testing.assert_allclose(by_x, g * curvature, rtol=0, atol=1e-5 * np.abs(g).max())


@pytest.mark.parametrize("name", TABLE_INFO)
def test_map(name):
    info = np.array(TABLE_INFO[name], np.float64)
    x = np.random.default_rng(0).uniform(-2, 18, (7, 3))
    table, slopes, g = numbers((32, 16), 5), numbers((32, 16), 5, 1), numbers((7, 3, 4), 3)

    def build(x, table, slopes, info):
        y = arithmetic.map_table(x, table, slopes, info)
        assert tf.gradients(y, [table, slopes, info]) == [None] * 3
        return y

    inputs = dict(x=x, table=table, slopes=slopes, info=info)
    expected = fp.dotmul(fp.map_table(x, slopes, info), g)[..., 0]

    def gradient(g, **inputs):
        x = inputs["x"]
        (first,) = tf.gradients(build(**inputs), x, grad_ys=g)
        return first, tf.gradients(first, x)[0], tf.gradients(first, g)[0]

    first, second, by_g = evaluate(gradient, inputs | dict(g=g))
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(second, np.zeros_like(x))
    np.testing.assert_array_equal(by_g, fp.mul(np.ones((7, 3, 1)), fp.map_table(x, slopes, info)))


def second_order(build, inputs: dict, g) -> list:
    """Gradients, by each input, of the sum of the squares of the first gradients."""

    def gradient(g, **tensors):
        xs = list(tensors.values())
        first = tf.gradients(build(*xs), xs, grad_ys=g)
        return tf.gradients([tf.reduce_sum(tf.square(slope)) for slope in first], [*xs, g])

    return evaluate(gradient, inputs | dict(g=g))


EXACT = {
    "mul": (arithmetic.mul, lambda x, w: x * w, (X, W), G),
    "column": (arithmetic.mul, lambda x, w: x * w, (COLUMN, W), G),
    "dotmul": (arithmetic.dotmul, lambda x, w: tf.reduce_sum(x * w, -1, keepdims=True), (X, W), COLUMN),
    "matmul_flt": (lambda x, w: arithmetic.matmul_flt(x, w, normx=1, normw=1), tf.matmul, (X, MATRIX), PRODUCT),
    "as in D": (lambda x, w: arithmetic.matmul_flt(x, w, normx=16, normw=16), tf.matmul, (X, MATRIX), PRODUCT),
    "matmul_flt2fix": (arithmetic.matmul_flt2fix, tf.matmul, (X, MATRIX), PRODUCT),
    "add of copies": (lambda x, w: arithmetic.add(*map(arithmetic.mul, arithmetic.copy_flt(x), arithmetic.copy_flt(w))),
                      lambda x, w: 2 * x * w, (X, W), G),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_second_order_is_near_that_of_the_exact_product(name):
    build, exact, (x, w), g = EXACT[name]
    found, expected = (second_order(function, dict(x=x, w=w), g) for function in (build, exact))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())
