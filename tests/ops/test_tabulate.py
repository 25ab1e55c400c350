"""Tabulated embedding nets: reference, ops and their gradients of first and second order."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from deepmd_tf.ops import reference, tabulate
from deepmd_tf.ops.library import op_module
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops.cases import PRECISIONS
from tests.ops.tabulate_cases import ALIASES, INFO, INPUTS, WIDTH, arguments, attributes, draw, four, pairs, radii

LOWER, UPPER, END, FINE, COARSE = INFO[:5]


def snake(op: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in op).lstrip("_")


def polynomial_table(width: int, symmetric: bool):
    """The table of polynomials of degree 5 over the whole range, and these; it is exact."""
    functions = [Polynomial(row / 4.0 ** np.arange(6)) for row in np.random.default_rng(7).normal(size=(width, 6))]
    nodes = [np.arange(LOWER, UPPER - FINE / 2, FINE), np.arange(UPPER, END - COARSE / 2, COARSE)]
    if symmetric:
        nodes.insert(0, np.arange(-END, LOWER - COARSE / 2, COARSE))
    rows = [[f(Polynomial([x, 1])).coef for f in functions] for x in np.concatenate(nodes)]
    return np.reshape(rows, (len(rows), 6 * width)), functions


def continued(function, x, symmetric):
    """A function continued by straight lines outside the table, and its derivative."""
    inner = np.clip(x, -END if symmetric else LOWER, END)
    slope = function.deriv()(inner)
    return function(inner) + slope * (x - inner), slope


@pytest.mark.parametrize("symmetric", [False, True])
def test_reference_gives_back_polynomials(symmetric):
    table, functions = polynomial_table(3, symmetric)
    inside = np.linspace(-END if symmetric else LOWER, END, 300)
    for x in [*inside, *inside[:20] - 3, *inside[-20:] + 3]:
        values, slopes = reference.tabulate.table_value(table, INFO, x, symmetric=symmetric)
        expected = np.transpose([continued(f, x, symmetric) for f in functions])
        np.testing.assert_allclose([values, slopes], expected, atol=1e-12, err_msg=str(x))


@pytest.mark.parametrize("dtype, tolerance", PRECISIONS.items())
@pytest.mark.parametrize("width", [1, WIDTH, 32])
@pytest.mark.parametrize("op", [*INPUTS, *ALIASES])
def test_op_is_the_reference(op, width, dtype, tolerance):
    arrays = draw(op, dtype, width=width)
    edges = np.array([LOWER, UPPER, END, -END], dtype)
    arrays["em" if "SeR" in op else "em_x"].reshape(-1)[1:5] = edges
    names = INPUTS[ALIASES.get(op, op)]
    for is_sorted in (True, False) if "Atten" in op else (True,):
        attrs = attributes(op, width, is_sorted)
        call = functools.partial(getattr(op_module(), snake(op)), **attrs)
        found = evaluate(lambda call=call, **inputs: call(*inputs.values()), {name: arrays[name] for name in names})
        plain = [arrays[name] for name in names if name != "descriptor"]
        known = {"width" if key == "last_layer_size" else key: value for key, value in attrs.items()}
        expected = getattr(reference, snake(ALIASES.get(op, op)))(*plain, **known)
        found, expected = ((values,) if isinstance(values, np.ndarray) else values for values in (found, expected))
        assert len(found) == len(expected)
        for value, wanted in zip(found, expected):
            assert (value.shape, value.dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_allclose(value, wanted, atol=10 * tolerance * (1 + np.abs(wanted).max()))


# --- gradients ------------------------------------------------------------------------------------------------------


def energies(family, arrays):
    """A function of the differentiable inputs: inputs, and build(**inputs) -> (weighted sum of the op, op)."""
    table, _ = polynomial_table(WIDTH, family == "se_t")
    info = np.array(INFO)
    if family == "se_a":
        inputs, call = ("em_x", "em"), tabulate.tabulate_fusion_se_a
    elif family.startswith("se_atten"):
        inputs = ("em_x", "em", "two_embed")

        def call(*values, width):
            return tabulate.tabulate_fusion_se_atten(*values, width=width, is_sorted=family.endswith("sorted"))
    elif family == "se_t":
        inputs = ("em_x",)

        def call(table, info, em_x, width):  # the factor is the argument
            return tabulate.tabulate_fusion_se_t(table, info, em_x, tf.reshape(em_x, arrays["em"].shape), width=width)
    else:
        inputs, call = ("em",), tabulate.tabulate_fusion_se_r

    def build(dy, **values):
        out = call(tf.constant(table), tf.constant(info), *(values[name] for name in inputs), width=WIDTH)
        return tf.reduce_sum(dy * out)

    return inputs, build


FAMILIES = {"se_a": four, "se_atten_sorted": four, "se_atten": four, "se_t": pairs, "se_r": radii}


def inputs_of(family):
    """Inputs without empty slots, on both sides of the table too."""
    arrays = FAMILIES[family](**({"empty": (0,) * 6, "n": 2, "nnei": 6} if FAMILIES[family] is four else {}))
    names, build = energies(family, arrays)
    return {name: arrays[name] for name in (*names, "dy")}, names, build


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_by_finite_differences(family):
    arrays, names, build = inputs_of(family)
    rng = np.random.default_rng(9)

    def slopes(**values):
        return tf.gradients(build(**values), [values[name] for name in names])

    gradients = evaluate(slopes, arrays)
    for name, gradient in zip(names, gradients):
        direction = rng.normal(size=arrays[name].shape)
        step = 1e-5
        sides = [evaluate(build, arrays | {name: arrays[name] + s * step * direction}) for s in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * step)
        assert np.sum(gradient * direction) == pytest.approx(expected, rel=1e-6), name
        assert np.abs(gradient).min() > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_second_gradient_is_that_by_what_follows(family):
    """d/d(dy) of a weighted sum of the gradients; they are linear in dy, so the difference is exact."""
    arrays, names, build = inputs_of(family)
    rng = np.random.default_rng(10)
    weights = {name: rng.normal(size=arrays[name].shape) for name in names}

    def along(**values):
        gradients = tf.gradients(build(**values), [values[name] for name in names])
        return tf.add_n([tf.reduce_sum(weights[name] * g) for name, g in zip(names, gradients)])

    def by_dy(**values):
        return tf.gradients(along(**values), values["dy"])[0]

    found = evaluate(by_dy, arrays)
    direction = rng.normal(size=found.shape)
    sides = [evaluate(along, arrays | {"dy": arrays["dy"] + side * direction}) for side in (0.5, -0.5)]
    assert np.sum(found * direction) == pytest.approx(sides[0] - sides[1], rel=1e-11)


def test_old_names_have_the_same_gradients():
    arrays = four()
    names = INPUTS["TabulateFusionSeA"]

    def build(op, dy, dz, **values):
        out = getattr(op_module(), op)(*values.values(), last_layer_size=WIDTH)
        (first,) = tf.gradients(out, [values["em"]], dy)
        return first, tf.gradients(first, [dy], dz)[0]

    inputs = {name: arrays[name] for name in names} | {"dy": arrays["dy"], "dz": arrays["dz_em"]}
    results = [
        evaluate(lambda op=op, **values: build(op, **values), inputs)
        for op in ("tabulate_fusion", "tabulate_fusion_se_a")
    ]
    for old, new in zip(*results):
        assert np.abs(old).max() > 0
        np.testing.assert_array_equal(old, new)


# --- empty slots, sizes, errors -------------------------------------------------------------------------------------


def test_empty_slots_count_as_if_looked_at():
    """The rule of empty slots changes neither the sum nor the sum of the gradients of those that are equal."""
    empty = (0, 1, 4, 10, 11, 3)
    arrays = four(empty=empty)
    names = ("em_x", "em", "two_embed")
    results = {}
    for is_sorted in (True, False):

        def build(is_sorted=is_sorted, **values):
            out = tabulate.tabulate_fusion_se_atten(*values.values(), width=WIDTH, is_sorted=is_sorted)
            return out, tf.gradients(out, [values[name] for name in names], arrays["dy"])

        results[is_sorted] = evaluate(build, {name: arrays[name] for name in ("table", "info", *names)})
    (folded, short), (full, long) = results[True], results[False]
    np.testing.assert_allclose(folded, full, rtol=1e-12, atol=1e-12)
    nnei = arrays["em"].shape[1]
    for found, expected in zip(short, long):
        found, expected = (values.reshape(len(empty), nnei, -1) for values in (found, expected))
        for i, count in enumerate(empty):
            full = nnei - count
            np.testing.assert_allclose(found[i, :full], expected[i, :full], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(found[i, full:].sum(axis=0), expected[i, full:].sum(axis=0), atol=1e-10)
            assert not found[i, full + 1 :].any()


@pytest.mark.parametrize("n, nnei", [(0, 4), (3, 0), (0, 0)])
def test_no_neighbors(n, nnei):
    table, info = (four()[name] for name in ("table", "info"))
    arrays = {"em_x": np.zeros((n * nnei, 1)), "em": np.zeros((n, nnei, 4))}

    def build(em_x, em):
        out = tabulate.tabulate_fusion_se_a(table, info, em_x, em, width=WIDTH)
        three = tabulate.tabulate_fusion_se_t(table, info, em_x, em[:, :, :1], width=WIDTH)
        radial = tabulate.tabulate_fusion_se_r(table, info, em[:, :, 0], width=WIDTH)
        return out, three, radial, tf.gradients(tf.reduce_sum(out), [em_x, em])

    out, three, radial, gradients = evaluate(build, arrays)
    np.testing.assert_array_equal(out, np.zeros((n, 4, WIDTH)))
    np.testing.assert_array_equal(three, np.zeros((n, WIDTH)))
    assert radial.shape == (n, nnei, WIDTH)
    assert [g.shape for g in gradients] == [(n * nnei, 1), (n, nnei, 4)]


@pytest.mark.parametrize("op", INPUTS)
def test_static_shapes(op):
    arrays = draw(op)
    with tf.Graph().as_default():
        inputs = [tf.placeholder(tf.float64, arrays[name].shape) for name in INPUTS[op]]
        outputs = getattr(op_module(), snake(op))(*inputs, **attributes(op))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        shapes = [tuple(output.shape.as_list()) for output in outputs]
    if op.endswith("GradGrad") or not op.endswith("Grad"):
        assert shapes == [arrays["descriptor"].shape]
    else:
        assert shapes == [arrays[name].shape for name in INPUTS[op][2:-2]]


BAD = [
    ("TabulateFusionSeA", {"table": (30, 50)}, r"table: expected shape .any,54., found .30,50."),
    ("TabulateFusionSeA", {"info": (4,)}, r"table_info: expected a vector of 5 numbers or more, found shape .4."),
    ("TabulateFusionSeA", {"em_x": (66,)}, r"em_x: expected shape .66,1., found .66."),
    ("TabulateFusionSeA", {"em": (6, 44)}, r"em: expected shape .any,any,4., found .6,44."),
    ("TabulateFusionSeA", {"table": (10, 54)}, r"table: expected a row for each interval of table_info"),
    ("TabulateFusionSeA", {"info": (6,)}, r"table_info: expected lower <= upper <= max and steps above 0"),
    ("TabulateFusionSeAGrad", {"dy": (6, 3, 9)}, r"dy: expected shape .6,4,9., found .6,3,9."),
    ("TabulateFusionSeAGrad", {"descriptor": (6, 36)}, r"descriptor: expected 3 dimensions, found shape .6,36."),
    ("TabulateFusionSeAGradGrad", {"dz_em": (6, 11, 3)}, r"dz_dy_dem: expected shape .6,11,4., found .6,11,3."),
    ("TabulateFusionSeAtten", {"two_embed": (6, 9)}, r"two_embed: expected shape .66,9., found .6,9."),
    ("TabulateFusionSeT", {"em_x": (59, 1)}, r"em_x: expected shape .60,1., found .59,1."),
    ("TabulateFusionSeTGrad", {"dy": (3, 8)}, r"dy: expected shape .3,9., found .3,8."),
    ("TabulateFusionSeR", {"em": (5,)}, r"em: expected a matrix, found shape .5."),
    ("TabulateFusionSeRGradGrad", {"dz_em": (5, 6)}, r"dz_dy_dem: expected shape .5,7., found .5,6."),
]


@pytest.mark.parametrize("op, changes, text", BAD)
def test_bad_inputs_are_named(op, changes, text):
    arrays = draw(op) | {name: np.zeros(shape) for name, shape in changes.items()}

    def build(**inputs):  # shapes hidden from the shape function, to reach the kernel
        hidden = [tf.placeholder_with_default(value, None) for value in inputs.values()]
        return getattr(op_module(), snake(op))(*hidden, **attributes(op))

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, {name: arrays[name] for name in INPUTS[op]})


def test_bad_shapes_are_refused_when_built():
    arrays = four()
    for change in ({"em": (6, 11, 3)}, {"table": (30, 50)}, {"em_x": (66, 2)}, {"info": (6, 1)}):
        changed = arrays | {name: np.zeros(shape) for name, shape in change.items()}
        with pytest.raises(ValueError), tf.Graph().as_default():
            tabulate.tabulate_fusion_se_a(*(changed[name] for name in INPUTS["TabulateFusionSeA"]), width=WIDTH)
    with pytest.raises(tf.errors.InvalidArgumentError, match="last_layer_size: expected 0 or more, found -1"):
        values = [arrays[name] for name in INPUTS["TabulateFusionSeA"]]
        evaluate(lambda: tabulate.tabulate_fusion_se_a(*values, width=-1), {})


def test_arguments_reach_outside_and_stay_off_the_grid():
    """The inputs of the tests above are what they say."""
    x = arguments((1000,))
    assert x.min() < LOWER - 1 and x.max() > END + 1
    assert np.abs(x / FINE - np.round(x / FINE)).min() > 0.05
