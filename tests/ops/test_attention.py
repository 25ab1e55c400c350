"""Attention over neighbours: the op against NumPy; derivatives of both orders against the formula in stock ops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.attention import gated_attention
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf

PRECISIONS = {np.float64: 1e-13, np.float32: 2e-5}
SWITCHES = ("normalize", "angular", "smooth", "off_diagonal")
OPTIONS = [dict(zip(SWITCHES, values)) for values in itertools.product([False, True], repeat=4)]
NAMES = ["-".join(name for name, on in options.items() if on) or "plain" for options in OPTIONS]
ROWS = ("qkv", "e", "s")
OFFSETS = [0, 0, 1, 8, 20, 20, 53]
EVERYTHING = dict.fromkeys(SWITCHES, True)
CONSTANTS = dict(scale=1.7 / 3, floor=0.6)


def draw(offsets=OFFSETS, width=11, dtype=np.float64, seed=0) -> dict[str, np.ndarray]:
    """Rows of which some are below the floor, switches from 0 to 1, and atoms with and without empty slots."""
    rng = np.random.default_rng(seed)
    nrows, natoms = offsets[-1] if len(offsets) else 0, len(offsets) - 1
    qkv = rng.normal(size=(nrows, 3, width))
    qkv[1::5] *= 0.02
    arrays = dict(qkv=qkv.reshape(nrows, 3 * width), e=rng.normal(size=(nrows, 3)), s=rng.uniform(0, 1, nrows))
    arrays |= dict(empty=np.where(np.arange(natoms) % 2, 0.0, 3e6 * np.arange(natoms)))
    return {name: array.astype(dtype) for name, array in arrays.items()} | dict(offsets=np.array(offsets, np.int32))


def close(found, expected, tolerance):
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_values_equal_the_reference(options, dtype):
    for width in (1, 8, 11, 40):
        arrays = draw(width=width, dtype=dtype)
        found = evaluate(lambda **t: gated_attention(**t, **options, **CONSTANTS), arrays)
        doubles = {k: a if k == "offsets" else a.astype(np.float64) for k, a in arrays.items()}
        assert found.dtype == dtype
        close(found, reference.gated_attention(**doubles, **options, **CONSTANTS), PRECISIONS[dtype])


def stock(qkv, e, s, empty, offsets, *, scale, normalize, floor, angular, smooth, off_diagonal):
    """The formula for one atom, in TensorFlow's own ops."""
    q, k, v = tf.split(qkv, 3, axis=1)
    if normalize:
        q, k, v = (x * tf.rsqrt(tf.maximum(tf.reduce_sum(x * x, 1, keepdims=True), floor**2)) for x in (q, k, v))
    logits = scale * tf.matmul(q, k, transpose_b=True)
    gate = s[:, None] * s[None, :]
    if smooth:
        logits = (logits + 20) * gate - 20
    most = tf.stop_gradient(tf.reduce_max(logits, 1, keepdims=True))
    power = tf.exp(logits - most)
    others = tf.stop_gradient(empty[0]) * tf.exp(-20 - most) if smooth else 0.0
    weights = power / (tf.reduce_sum(power, 1, keepdims=True) + others)
    if smooth:
        weights *= gate
    if angular:
        weights *= tf.matmul(e, e, transpose_b=True)
    if off_diagonal:
        weights = tf.linalg.set_diag(weights, tf.zeros_like(s))
    return tf.matmul(weights, v)


def derivatives(attention, options):
    """First derivatives of a loss of o, and those of their sum with fixed weights: all parts of the second order."""

    def build(empty, offsets, **rows):
        o = attention(**rows, empty=empty, offsets=offsets, **options, **CONSTANTS)
        inputs = [rows[name] for name in ROWS]
        loss = tf.reduce_sum(tf.sin(3 * o + 1))
        first = tf.gradients(loss, inputs, unconnected_gradients="zero")
        slope = sum(tf.reduce_sum(tf.cos(tf.stop_gradient(5 * x)) * g) for x, g in zip(inputs, first))
        return first, tf.gradients(slope, inputs, unconnected_gradients="zero")

    return build


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_derivatives_of_both_orders_equal_stock_tensorflow(options):
    for nrows, width in ((1, 3), (6, 5), (21, 17), (40, 32)):
        arrays = draw([0, nrows], width, seed=nrows)
        arrays["empty"][:] = 2e6
        found = evaluate(derivatives(gated_attention, options), arrays)
        expected = evaluate(derivatives(stock, options), arrays)
        for order in range(2):
            for name, a, b in zip(ROWS, found[order], expected[order]):
                size = max(1.0, np.abs(b).max())
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * size, err_msg=f"{name}, order {order + 1}")


def test_atoms_do_not_see_each_other():
    """Derivatives of many atoms at once are those of one after another."""
    arrays = draw()
    together = evaluate(derivatives(gated_attention, EVERYTHING), arrays)
    for atom, (start, end) in enumerate(itertools.pairwise(OFFSETS)):
        alone = {name: arrays[name][start:end] for name in ROWS}
        alone |= dict(empty=arrays["empty"][atom : atom + 1], offsets=np.array([0, end - start], np.int32))
        expected = evaluate(derivatives(gated_attention, EVERYTHING), alone)
        for a, b in zip(tf.nest.flatten(together), tf.nest.flatten(expected)):
            np.testing.assert_array_equal(a[start:end], b)


@pytest.mark.parametrize("offsets", [[0], [0, 0, 0]])
def test_no_rows(offsets):
    for order in evaluate(derivatives(gated_attention, EVERYTHING), draw(offsets, 4)):
        assert [g.shape for g in order] == [(0, 12), (0, 3), (0,)]


def test_what_does_not_count_gets_zeros():
    options = dict.fromkeys(SWITCHES, False)
    for order in evaluate(derivatives(gated_attention, options), draw()):
        qkv, e, s = order
        assert all(np.abs(g).max() > 0 for g in np.split(qkv, 3, axis=1)) and not e.any() and not s.any()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_bits_do_not_depend_on_the_number_of_threads(dtype):
    arrays = draw(np.cumsum([0, *(range(1, 60, 3))]), 24, dtype)
    graph = derivatives(gated_attention, EVERYTHING)
    one, two = (evaluate(graph, arrays, threads=n) for n in (1, 2))
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(two)):
        np.testing.assert_array_equal(a, b)


def test_float32_derivatives_are_those_of_float64_to_rounding():
    graph = derivatives(gated_attention, EVERYTHING)
    single, double = evaluate(graph, draw(dtype=np.float32)), evaluate(graph, draw())
    for a, b in zip(tf.nest.flatten(single), tf.nest.flatten(double)):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-3 * np.abs(b).max())


def test_a_row_of_zeros_without_a_floor():
    arrays = draw([0, 4], 3)
    arrays["qkv"][2] = 0
    options = EVERYTHING | CONSTANTS | dict(floor=0.0)
    graph = derivatives(lambda *a, **k: gated_attention(*a, **(k | options)), {})
    for order in evaluate(graph, arrays):
        assert all(np.isfinite(g).all() for g in order) and not order[0][2].any()


def test_third_order_is_refused():
    def build(**tensors):
        rows = [tensors[name] for name in ROWS]
        value = gated_attention(**tensors, **EVERYTHING, **CONSTANTS)
        for _ in range(3):
            value = sum(tf.reduce_sum(g) for g in tf.gradients(value, rows))
        return value

    with pytest.raises(NotImplementedError, match="first and second order, no third"):
        evaluate(build, draw())


def test_static_shapes():
    with tf.Graph().as_default():
        qkv, e, s = (tf.placeholder("float64", shape) for shape in ([None, 21], [9, 3], [None]))
        empty, offsets = tf.placeholder("float64", [None]), tf.placeholder("int32", [4])
        rest = [e, s, empty, offsets]
        o = gated_attention(qkv, *rest, **EVERYTHING, **CONSTANTS)
        assert o.shape.as_list() == [9, 7]
        first = tf.gradients(o, [qkv, e, s])
        assert [g.shape.as_list() for g in first] == [[9, 21], [9, 3], [9]]
        second = tf.gradients(first, [qkv, e, s])
        assert [g.shape.as_list() for g in second] == [[9, 21], [9, 3], [9]]
        unknown = tf.placeholder("float64", None)
        offsets_unknown = tf.placeholder("int32", None)
        o = gated_attention(*[unknown] * 4, offsets_unknown, **EVERYTHING, **CONSTANTS)
        assert o.shape.as_list() == [None, None]
        for inputs in (
            [tf.placeholder("float64", [9, 20]), *rest],
            [tf.placeholder("float64", [8, 21]), *rest],
            [qkv, tf.placeholder("float64", [9, 4]), *rest[1:]],
            [qkv, e, tf.placeholder("float64", [8]), empty, offsets],
            [qkv, e, s, tf.placeholder("float64", [4]), offsets],
        ):
            with pytest.raises(ValueError, match="must be"):
                gated_attention(*inputs, **EVERYTHING, **CONSTANTS)


BAD_INPUTS = {
    "start": (dict(offsets=[1, 2, 5]), r"offsets.0.: expected 0, found 1"),
    "order": (dict(offsets=[0, 6, 5]), r"offsets.2.: expected at least the one before, 6, found 5"),
    "end": (dict(offsets=[0, 2, 4]), r"offsets: expected the last to be the number of rows 5, found 4"),
    "no offsets": (dict(offsets=[]), r"offsets: expected a vector of natoms . 1 numbers, found shape .0."),
    "empty": (dict(empty=[0.0, -1.0]), r"empty.1.: expected 0 or more, found -1"),
    "number of empty": (dict(empty=[0.0]), r"empty: expected shape .2., found .1."),
    "no matrix": (dict(qkv=np.zeros(5)), r"qkv: expected a matrix, found shape .5."),
    "parts": (dict(qkv=np.zeros((5, 20))), r"qkv: expected three parts of equal width, found shape .5,20."),
    "number of rows": (dict(qkv=np.zeros((4, 18))), r"e: expected shape .4,3., found .5,3."),
    "e": (dict(e=np.zeros((5, 4))), r"e: expected shape .5,3., found .5,4."),
    "s": (dict(s=np.zeros((5, 1))), r"s: expected shape .5., found .5,1."),
}


def run_hidden(arrays, **constants):
    """Run the op with shapes hidden from the shape function, to reach the kernel."""

    def build(**inputs):
        hidden = {k: tf.placeholder_with_default(v, None) for k, v in inputs.items()}
        return gated_attention(**hidden, **EVERYTHING, **(CONSTANTS | constants))

    return evaluate(build, arrays)


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs_are_named(name):
    changes, text = BAD_INPUTS[name]
    arrays = draw([0, 2, 5], 6)
    arrays |= {k: np.array(v, arrays[k].dtype) for k, v in changes.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_hidden(arrays)


@pytest.mark.parametrize("change, text", [(dict(floor=-1.0), "floor: expected 0 or"), (dict(scale=np.inf), "scale: ")])
def test_bad_constants_are_named(change, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_hidden(draw([0, 2, 5], 6), **change)
