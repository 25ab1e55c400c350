"""Tabulated features: ops against the Hermite polynomial neighbour by neighbour; gradients by finite differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deepmd_tf.ops import reference, table
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf

SEL = (5, 7)
# Nets of (centre, neighbour) type: three nets, and one pair without.
BY_CENTER = (0, 1, 2, -1)
NETS = {
    "two_body": BY_CENTER,
    "two_rows": BY_CENTER,
    "radial": BY_CENTER,
    "three_body": (0, 2, -1, 1),
    "factor": BY_CENTER,
}
COLUMNS = {"two_body": 4, "two_rows": 8, "radial": 1, "three_body": 4, "factor": 4}
# first knot, x0, then length and number of the intervals of three stretches
GRID = np.array(
    [
        [0, -1.0, 0.5, 4, 0.25, 6, 1.0, 2],
        [13, -0.8, 0.3, 12, 0, 0, 0, 0],
        [26, -1.0, 0.5, 5, 0, 0, 0.7, 3],
    ]
)
NKNOTS = 35
PRECISIONS = {np.float64: 1e-12, np.float32: 2e-5}
FORMS = tuple(COLUMNS)


def draw(form, *, width=5, natoms=8, dtype=np.float64, seed=0, wide=False) -> dict[str, np.ndarray]:
    """Two frames of random rows with empty slots anywhere and virtual atoms; ``wide`` reaches beyond the knots."""
    rng = np.random.default_rng(seed)
    nnei, columns, half = sum(SEL), COLUMNS[form], natoms // 2
    rows = rng.normal(size=(natoms, nnei, columns))
    if form == "three_body":
        rows *= 0.6 if wide else 0.75 / np.linalg.norm(rows, axis=2, keepdims=True)
    else:
        rows[..., 0] = rng.uniform(-2, 5, rows.shape[:2]) if wide else rng.uniform(-0.75, 2.7, rows.shape[:2])
    center = rng.integers(0, 2, natoms)
    center[2::5] = -1
    nlist = np.where(rng.random((natoms, nnei)) < 0.6, rng.integers(0, 9, (natoms, nnei)), -1)
    nlist[:1] = -1  # no neighbour at all
    nlist[3:4] = 0  # no empty slot at all
    empty = rng.normal(size=(2, 2, columns))
    empty[..., 0] = [[-0.5, -0.6], [-0.1, 0.2]]
    arrays = dict(
        rows=rows.reshape(natoms, nnei * columns),
        nlist=nlist.reshape(2, half * nnei).astype(np.int32),
        center=center.astype(np.int32),
        empty=empty.reshape(2, -1),
        table=rng.normal(size=(3 * NKNOTS, width)),
        grid=GRID,
    )
    if form in ("three_body", "factor"):
        del arrays["empty"]
    if form == "factor":
        arrays["factor"] = rng.normal(size=(natoms * nnei, width))
    return {k: v.astype(dtype) if v.dtype == np.float64 and k != "grid" else v for k, v in arrays.items()}


def op(form, arrays):
    return getattr(table, f"table_{form}")(**arrays, sel=SEL, nets=NETS[form])


def expected_of(form, arrays):
    arrays = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in arrays.items()}
    return getattr(reference, f"table_{form}")(**arrays, sel=SEL, nets=NETS[form])


def test_reference_has_the_values_of_the_knots_and_is_its_own_derivative():
    rng = np.random.default_rng(0)
    knots = rng.normal(size=(3 * NKNOTS, 4))
    for grid in GRID:
        positions, first = reference.knot_positions(grid), int(grid[0])
        for k, x in enumerate(positions):
            rows = knots[3 * (first + k) : 3 * (first + k) + 3]
            np.testing.assert_allclose(reference.hermite(knots, grid, x), rows, atol=1e-10)
        for x in rng.uniform(positions[0] - 1, positions[-1] + 1, 20):
            up, middle, down = (reference.hermite(knots, grid, x + step) for step in (1e-6, 0, -1e-6))
            np.testing.assert_allclose((up - down)[:2] / 2e-6, middle[1:], atol=1e-5)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("form", FORMS)
def test_values_and_counts_equal_the_reference(form, dtype, wide):
    for width in (1, 3, 8, 17, 50):
        arrays = draw(form, width=width, dtype=dtype, wide=wide)
        (x, outside), (expected, count) = evaluate(lambda **t: op(form, t), arrays), expected_of(form, arrays)
        assert x.dtype == dtype and x.shape == expected.shape and outside.dtype == np.int64
        assert outside == count and (count > 0) == wide
        np.testing.assert_allclose(x, expected, rtol=0, atol=PRECISIONS[dtype] * np.abs(expected).max())


def test_a_smooth_function_is_approached_with_the_sixth_power_of_the_interval():
    x = np.linspace(0, 2, 201)[None]
    errors = []
    for intervals in (8, 16, 32):
        knots = np.linspace(0, 2, intervals + 1)
        features = np.stack([np.exp(-knots), -np.exp(-knots), np.exp(-knots)], axis=1).reshape(-1, 1)
        grid = np.array([[0, 0.0, 2 / intervals, intervals, 0, 0, 0, 0]])
        fixed = dict(center=np.zeros(201, np.int32), empty=np.zeros((1, 1)), table=features, grid=grid)
        values, outside = evaluate(
            lambda **t: table.table_radial(**t, sel=[1], nets=[0]),
            fixed | dict(rows=x.T, nlist=np.zeros((1, 201), int).astype(np.int32)),
        )
        assert outside == 0
        errors.append(np.abs(values[:, 0] - np.exp(-x[0])).max())
    assert errors[2] < 1e-11
    for coarse, fine in itertools.pairwise(errors):
        np.testing.assert_allclose(coarse / fine, 64, rtol=0.1)


def derivatives(form, arrays, dx, ddrows, threads=0):
    """First derivatives of <dx, x>, and those of <ddrows, drows> by dx, table and rows."""

    def build(dx, ddrows, **tensors):
        x, _ = op(form, tensors)
        drows, dtable = tf.gradients(tf.reduce_sum(dx * x), [tensors["rows"], tensors["table"]])
        second = tf.gradients(tf.reduce_sum(ddrows * drows), [dx, tensors["table"], tensors["rows"]])
        return drows, dtable, *second

    return evaluate(build, arrays | dict(dx=dx, ddrows=ddrows), threads=threads)


def cotangents(form, arrays, seed=7):
    rng = np.random.default_rng(seed)
    dtype = arrays["rows"].dtype
    found = np.repeat(arrays["nlist"].reshape(len(arrays["center"]), -1) >= 0, COLUMNS[form], axis=1)
    ddrows = rng.normal(size=found.shape).astype(dtype)
    return rng.normal(size=expected_of(form, arrays)[0].shape).astype(dtype), ddrows, found


def central(function, array, most=40, step=1e-6):
    """Derivative of a number by elements of an array, at most so many: their indices and the derivatives."""
    order = np.random.default_rng(5).permutation(array.size)[:most]
    slopes = []
    for index in order:
        values = []
        for sign in (1, -1):
            moved = array.copy()
            moved.flat[index] += sign * step
            values.append(function(moved))
        slopes.append((values[0] - values[1]) / (2 * step))
    return order, np.array(slopes)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_first_derivatives_element_by_element(form, wide):
    arrays = draw(form, width=2, natoms=4, wide=wide)
    dx, ddrows, found = cotangents(form, arrays)
    drows, dtable, *_ = derivatives(form, arrays, dx, ddrows)

    def product(**moved):
        return (dx * expected_of(form, arrays | moved)[0]).sum()

    where, slopes = central(lambda moved: product(table=moved), arrays["table"])
    np.testing.assert_allclose(dtable.flat[where], slopes, rtol=0, atol=1e-7 * np.abs(slopes).max())
    where, slopes = central(lambda moved: product(rows=moved), arrays["rows"])
    np.testing.assert_allclose(drows.flat[where], slopes, rtol=0, atol=1e-6 * np.abs(slopes).max())
    assert np.all(drows[~found] == 0)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_second_derivatives_element_by_element(form, wide):
    """Against differences of the first ones, which the test before holds against the reference."""
    arrays = draw(form, width=2, natoms=6, wide=wide)
    dx, ddrows, found = cotangents(form, arrays)
    _, _, ddx, dtable, drows = derivatives(form, arrays, dx, ddrows)
    base = arrays | dict(dx=dx)

    def slope(**moved):
        names = {**base, **moved}
        return (ddrows * derivatives(form, {k: names[k] for k in arrays}, names["dx"], ddrows)[0]).sum()

    rng = np.random.default_rng(11)
    for name, found_derivative in (("dx", ddx), ("table", dtable), ("rows", drows)):
        largest = 0.0
        for _ in range(6):  # along random directions, of which half touch few elements
            vector = rng.normal(size=base[name].shape) * (rng.random(base[name].shape) < rng.choice([1.0, 0.1]))
            above, below = (slope(**{name: base[name] + sign * 1e-5 * vector}) for sign in (1, -1))
            largest = max(largest, abs(above - below) / 2e-5)
            np.testing.assert_allclose(
                (found_derivative * vector).sum(), (above - below) / 2e-5, atol=1e-6 * max(largest, 1)
            )
        assert largest > 0.1
    assert np.all(drows[~found] == 0)


@pytest.mark.parametrize("form", FORMS)
def test_float32_derivatives_equal_those_in_float64(form):
    arrays = draw(form, width=20, dtype=np.float32)
    dx, ddrows, _ = cotangents(form, arrays)
    single = derivatives(form, arrays, dx, ddrows)
    double = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in arrays.items()}
    for found, expected in zip(single, derivatives(form, double, dx.astype(np.float64), ddrows.astype(np.float64))):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("form", FORMS)
def test_results_do_not_depend_on_the_number_of_threads(form):
    arrays = draw(form, width=33, natoms=120)
    dx, ddrows, _ = cotangents(form, arrays)
    one, four = (derivatives(form, arrays, dx, ddrows, threads=threads) for threads in (1, 4))
    for first, second in zip(one, four):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("form", FORMS)
def test_no_atoms_and_no_features(form):
    for changes in (dict(natoms=0), dict(width=0)):
        arrays = draw(form, **changes)
        x, outside = evaluate(lambda **t: op(form, t), arrays)
        assert x.shape == expected_of(form, arrays)[0].shape and outside == 0


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_a_number_stays_with_its_atom(form):
    arrays = draw(form)
    arrays["nlist"][:] = 0
    arrays["center"][:] = [0, 1] * 4
    dx, ddrows, _ = cotangents(form, arrays)
    arrays["rows"][4] = np.nan
    arrays["rows"][6] = np.inf
    x, outside = evaluate(lambda **t: op(form, t), arrays)
    of_an_atom = 15 + 35 + 28 if form == "three_body" else 5 + 7  # neighbours, or pairs of them
    assert outside == 2 * of_an_atom
    for values in (x, derivatives(form, arrays, dx, ddrows)[0] + arrays["rows"]):
        finite = np.isfinite(values.reshape(8, -1)).all(axis=1)
        np.testing.assert_array_equal(finite, [True] * 4 + [False, True, False, True])


def test_the_derivative_by_the_table_alone_is_refused_a_gradient():
    arrays = draw("two_body")
    with tf.Graph().as_default():
        tensors = {k: tf.constant(v) for k, v in arrays.items()}
        x, _ = op("two_body", tensors)
        (dtable,) = tf.gradients(tf.reduce_sum(tf.sin(x)), tensors["table"])
        with pytest.raises(NotImplementedError, match="derivative by the table has no gradient"):
            tf.gradients(tf.reduce_sum(tf.square(dtable)), tensors["rows"])


def changed_grid(row, column, value):
    grid = GRID.copy()
    grid[row, column] = value
    return dict(grid=grid)


BAD = {
    "first knot": (changed_grid(1, 0, 30), r"grid.1.: expected knots within 35, found 43"),
    "fraction": (changed_grid(0, 0, 0.5), r"grid.0.: expected first knot of 35, found 0.5"),
    "count": (changed_grid(2, 3, -1), r"grid.2.: expected intervals within 35 knots, found -1"),
    "length": (changed_grid(0, 4, 0), r"grid.0.: expected length of an interval above 0 and finite, found 0"),
    "infinite": (changed_grid(0, 1, np.inf), r"grid.0.: expected x0 finite, found inf"),
    "no interval": (changed_grid(1, 3, 0), r"grid.1.: expected intervals of 1 or more, found 0"),
    "types": (dict(center=np.full(8, 2, np.int32)), r"center: expected types below 2, found 2 of atom 0"),
    "table": (dict(table=np.zeros((104, 5))), r"table: expected shape .102,5., found .104,5."),
    "nets": (dict(grid=GRID[:2]), r"nets: expected numbers below the 2 rows of grid, found 2"),
    "rows": (dict(rows=np.zeros((8, 3))), r"rows: expected shape .8,\d+., found .8,3."),
    "nlist": (dict(nlist=np.zeros((2, 3), np.int32)), r"nlist: expected 8 atoms times 12 slots, found shape .2,3."),
    "center": (dict(center=np.zeros(7, np.int32)), r"center: expected shape .8., found .7."),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("form", FORMS)
def test_bad_input_is_named(form, name):
    changes, text = BAD[name]
    arrays = draw(form) | changes

    def build(**tensors):
        return op(form, {k: tf.placeholder_with_default(v, None) for k, v in tensors.items()})

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, arrays)


def test_bad_rows_of_empty_slots_are_named():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"empty: expected shape .2,8., found .2,3."):
        arrays = draw("two_body") | dict(empty=np.zeros((2, 3)))
        evaluate(lambda empty, **t: op("two_body", t | dict(empty=tf.placeholder_with_default(empty, None))), arrays)


@pytest.mark.parametrize("form", FORMS)
def test_static_shapes(form):
    columns, has_rows = COLUMNS[form], form in ("two_body", "two_rows", "factor")
    with tf.Graph().as_default():
        tensors = {k: tf.constant(v) for k, v in draw(form).items()}
        x, outside = op(form, tensors | dict(table=tf.placeholder("float64", [None, 5])))
        assert x.shape.as_list() == ([8, COLUMNS[form], 5] if has_rows else [8, 5]) and outside.shape.as_list() == []
        unknown = {k: tf.placeholder(v.dtype, None) for k, v in tensors.items()}
        x, _ = op(form, unknown)
        assert x.shape.as_list() == ([None, COLUMNS[form], None] if has_rows else [None, None])
        (drows,) = tf.gradients(x, unknown["rows"])
        assert drows.shape.as_list() == [None, columns * sum(SEL)]
        with pytest.raises(ValueError, match="must be"):
            op(form, tensors | dict(rows=tf.placeholder("float64", [8, 3])))
