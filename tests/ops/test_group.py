"""Ragged contractions: reference, core per target and TensorFlow ops; gradients of first and second order."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.ops import core, group, reference
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops.cases import PRECISIONS

# Arguments of each op beside the offsets, by the names of their shapes below.
ARGUMENTS = {
    "group_outer": ("env", "feature"),
    "group_spread": ("env", "x"),
    "group_dot": ("feature", "x"),
}
OFFSETS = {
    "ragged": [0, 0, 3, 4, 4, 40, 57, 57],
    "one_group": [0, 21],
    "empty_groups": [0, 0, 0, 0],
    "no_groups": [0],
    "several_tasks": np.cumsum([0, *range(60)]),
}
WIDTHS = (*range(18), 50, 100)


def draw(offsets, width: int, dtype=np.float64, seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays env, feature and x."""
    rng = np.random.default_rng(seed)
    shapes = dict(env=(offsets[-1], 4), feature=(offsets[-1], width), x=(len(offsets) - 1, 4, width))
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def by_definition(env, feature, x, offsets) -> dict[str, np.ndarray]:
    """The three sums element by element: what the vectorised reference is held against."""
    out = dict(
        group_outer=np.zeros_like(x, np.float64),
        group_spread=np.zeros_like(feature, np.float64),
        group_dot=np.zeros_like(env, np.float64),
    )
    for i in range(len(x)):
        for j in range(offsets[i], offsets[i + 1]):
            for a, k in np.ndindex(x.shape[1:]):
                out["group_outer"][i, a, k] += env[j, a] * feature[j, k]
                out["group_spread"][j, k] += env[j, a] * x[i, a, k]
                out["group_dot"][j, a] += feature[j, k] * x[i, a, k]
    return out


@pytest.mark.parametrize("name", ["ragged", "one_group", "empty_groups", "no_groups"])
def test_reference_is_the_definition(name):
    offsets = OFFSETS[name]
    arrays = draw(offsets, 5)
    for op, expected in by_definition(**arrays, offsets=offsets).items():
        found = getattr(reference, op)(*(arrays[name] for name in ARGUMENTS[op]), offsets)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", OFFSETS)
@pytest.mark.parametrize("op", ARGUMENTS)
def test_core_equals_the_reference(op, name, dtype):
    offsets = OFFSETS[name]
    for width in WIDTHS:
        arrays = draw(offsets, width, dtype)
        arguments = [arrays[name] for name in ARGUMENTS[op]]
        expected = getattr(reference, op)(*(array.astype(np.float64) for array in arguments), offsets)
        base = getattr(core, op)(*arguments, offsets, target="baseline")
        assert base.dtype == dtype and base.shape == expected.shape
        np.testing.assert_allclose(base, expected, rtol=0, atol=PRECISIONS[dtype] * np.abs(expected).max(initial=1))
        for target in core.targets():
            for threads in (1, 3):
                found = getattr(core, op)(*arguments, offsets, target=target, threads=threads)
                np.testing.assert_array_equal(found, base)


def test_values_that_are_not_finite_stay_in_their_row():
    """The last columns of group_dot are read twice and multiplied with 0 once."""
    arrays = draw([0, 3], 21)
    arrays["feature"][1] = np.nan
    for target in core.targets():
        env = core.group_dot(arrays["feature"], arrays["x"], [0, 3], target=target)
        np.testing.assert_array_equal(np.isnan(env).all(axis=1), [False, True, False])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", OFFSETS)
def test_ops_equal_the_core(name, dtype):
    offsets = np.array(OFFSETS[name], np.int32)
    for width in (0, 1, 17, 100):
        arrays = draw(offsets, width, dtype)

        def build(offsets, **arrays):
            return {op: getattr(group, op)(*(arrays[k] for k in names), offsets) for op, names in ARGUMENTS.items()}

        for op, value in evaluate(build, arrays | dict(offsets=offsets)).items():
            expected = getattr(core, op)(*(arrays[k] for k in ARGUMENTS[op]), offsets)
            assert value.dtype == dtype
            np.testing.assert_array_equal(value, expected)


def loss_graph(op):
    """A loss of the op, its gradients, and their product with vectors differentiated once more."""

    def build(first, second, first_vector, second_vector, weight, offsets):
        value = getattr(group, op)(first, second, offsets)
        loss = tf.reduce_sum(weight * tf.sin(value))
        gradients = tf.gradients(loss, [first, second])
        slope = tf.reduce_sum(gradients[0] * first_vector) + tf.reduce_sum(gradients[1] * second_vector)
        return loss, gradients, tf.gradients(slope, [first, second])

    return build


@pytest.mark.parametrize("op", ARGUMENTS)
def test_first_and_second_order_gradients(op):
    """Along a random direction the loss changes by the gradient, and the gradient by the product with the Hessian."""
    offsets, step = np.array([0, 2, 2, 7, 9], np.int32), 1e-6
    base, vector = ([draw(offsets, 3, seed=seed)[k] for k in ARGUMENTS[op]] for seed in (1, 2))
    weight = np.random.default_rng(3).normal(size=getattr(reference, op)(*base, offsets).shape)
    fixed = dict(first_vector=vector[0], second_vector=vector[1], weight=weight, offsets=offsets)

    def run(shift):
        first, second = (b + shift * v for b, v in zip(base, vector))
        return evaluate(loss_graph(op), fixed | dict(first=first, second=second))

    _, gradients, products = run(0.0)
    (up, gradients_up, _), (down, gradients_down, _) = run(step), run(-step)
    along = sum((g * v).sum() for g, v in zip(gradients, vector))
    np.testing.assert_allclose(along, (up - down) / (2 * step), rtol=1e-7)
    for product, above, below in zip(products, gradients_up, gradients_down):
        slope = (above - below) / (2 * step)
        assert np.abs(slope).max() > 0.1
        np.testing.assert_allclose(product, slope, rtol=0, atol=1e-7 * np.abs(slope).max())


@pytest.mark.parametrize("op", ARGUMENTS)
def test_gradients_element_by_element(op):
    offsets, step = np.array([0, 2, 2, 5], np.int32), 1e-6
    arguments = [draw(offsets, 3)[k] for k in ARGUMENTS[op]]
    compute = getattr(reference, op)
    weight = np.random.default_rng(3).normal(size=compute(*arguments, offsets).shape)

    def build(first, second, weight, offsets):
        return tf.gradients(tf.reduce_sum(weight * getattr(group, op)(first, second, offsets)), [first, second])

    found = evaluate(build, dict(first=arguments[0], second=arguments[1], weight=weight, offsets=offsets))
    for which in range(2):
        for index in np.ndindex(arguments[which].shape):
            sides = []
            for sign in (1, -1):
                moved = [array.copy() for array in arguments]
                moved[which][index] += sign * step
                sides.append((weight * compute(*moved, offsets)).sum())
            np.testing.assert_allclose(found[which][index], (sides[0] - sides[1]) / (2 * step), rtol=0, atol=1e-8)


def test_static_shapes():
    with tf.Graph().as_default():
        env, feature = tf.placeholder("float64", [9, 4]), tf.placeholder("float64", [None, 7])
        x, offsets = tf.placeholder("float64", [None, 4, 7]), tf.placeholder("int32", [4])
        assert group.group_outer(env, feature, offsets).shape.as_list() == [3, 4, 7]
        assert group.group_spread(env, x, offsets).shape.as_list() == [9, 7]
        assert group.group_dot(feature, x, offsets).shape.as_list() == [None, 4]
        unknown = tf.placeholder("float64", None)
        assert group.group_outer(unknown, unknown, tf.placeholder("int32", None)).shape.as_list() == [None, 4, None]
        for call in (
            lambda: group.group_outer(feature, feature, offsets),  # 7 columns where 4 are expected
            lambda: group.group_outer(env, tf.placeholder("float64", [8, 7]), offsets),
            lambda: group.group_outer(env, feature, tf.placeholder("int32", [2, 2])),
            lambda: group.group_spread(env, tf.placeholder("float64", [2, 4, 7]), offsets),
            lambda: group.group_dot(env, x, offsets),  # widths 4 and 7
            lambda: group.group_dot(feature, feature, offsets),
        ):
            with pytest.raises(ValueError, match="must be"):
                call()


BAD_OFFSETS = {
    "start": ([1, 2, 5], r"offsets.0.: expected 0, found 1"),
    "order": ([0, 6, 5], r"offsets.2.: expected at least the one before, 6, found 5"),
    "end": ([0, 2, 4], r"offsets: expected the last to be the number of rows 5, found 4"),
    "empty": ([], r"offsets: expected a vector of ngroups . 1 numbers, found shape .0[],]"),
}
BAD_SHAPES = {
    "group_outer": [
        (dict(env=(5, 3)), r"env: expected shape .5,4., found .5,3."),
        (dict(feature=(4, 6)), r"feature: expected shape .5,6., found .4,6."),
        (dict(feature=(5,)), r"feature: expected a matrix, found shape .5."),
    ],
    "group_spread": [
        (dict(env=(5, 3)), r"env: expected shape .5,4., found .5,3."),
        (dict(x=(3, 4, 6)), r"x: expected shape .2,4,width., found .3,4,6."),
    ],
    "group_dot": [
        (dict(feature=(5, 7)), r"feature: expected shape .5,6., found .5,7."),
        (dict(x=(2, 3, 6)), r"x: expected shape .2,4,width., found .2,3,6."),
    ],
}


def run_hidden(op, arrays, offsets):
    """Run the op with shapes hidden from the shape function, to reach the kernel."""

    def build(**inputs):
        hidden = {k: tf.placeholder_with_default(v, None) for k, v in inputs.items()}
        return getattr(group, op)(*(hidden[k] for k in ARGUMENTS[op]), hidden["offsets"])

    return evaluate(build, {k: arrays[k] for k in ARGUMENTS[op]} | dict(offsets=np.array(offsets, np.int32)))


@pytest.mark.parametrize("name", BAD_OFFSETS)
@pytest.mark.parametrize("op", ARGUMENTS)
def test_bad_offsets_are_named(op, name):
    offsets, text = BAD_OFFSETS[name]
    arrays = draw([0, 2, 5], 6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_hidden(op, arrays, offsets)
    with pytest.raises(DataError, match=text):
        getattr(core, op)(*(arrays[k] for k in ARGUMENTS[op]), offsets)


@pytest.mark.parametrize("op, number", [(op, k) for op, cases in BAD_SHAPES.items() for k in range(len(cases))])
def test_bad_shapes_are_named(op, number):
    changes, text = BAD_SHAPES[op][number]
    arrays = draw([0, 2, 5], 6) | {k: np.zeros(shape) for k, shape in changes.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_hidden(op, arrays, [0, 2, 5])
    with pytest.raises(DataError, match=f"{next(iter(changes))}: expected|x: expected"):
        getattr(core, op)(*(arrays[k] for k in ARGUMENTS[op]), [0, 2, 5])
