"""The ops against the arithmetic in integers, bit by bit; shapes; texts of errors."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from nvnmd import fixed_point
from nvnmd.ops import arithmetic
from nvnmd.ops.library import op_module
from tests.nvnmd.op_cases import TABLE_INFO, all_cases, numbers

CASES = all_cases()


def function(op: str):
    """The Python function of an op."""
    return getattr(op_module(), "".join("_" + c.lower() if c.isupper() else c for c in op).lstrip("_"))


def outputs(op, attrs, inputs, **settings) -> list[np.ndarray]:
    """Results of an op on arrays."""

    def build(**tensors):
        found = function(op)(*tensors.values(), **attrs)
        return list(found) if isinstance(found, tuple) else [found]

    return evaluate(build, {f"input_{k}": array for k, array in enumerate(inputs)}, **settings)


def assert_same_bits(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    whole = np.int32 if found.dtype == np.float32 else np.int64
    different = np.argwhere(found.view(whole) != np.ascontiguousarray(expected).view(whole))
    assert not len(different), [(*i, found[tuple(i)], expected[tuple(i)]) for i in different[:5]]


@pytest.mark.parametrize("name", CASES)
def test_float64(name):
    op, attrs, inputs, expected = CASES[name]
    for found, values in zip(outputs(op, attrs, inputs), expected, strict=True):
        assert_same_bits(found, values)


@pytest.mark.parametrize("name", [name for name in CASES if "1000" not in name])
def test_float32_is_float64_between_conversions(name):
    op, attrs, inputs, _ = CASES[name]
    with np.errstate(over="ignore"):
        single = [array.astype(np.float32) for array in inputs]
    expected = outputs(op, attrs, [array.astype(np.float64) for array in single])
    for found, values in zip(outputs(op, attrs, single), expected, strict=True):
        assert_same_bits(found, values.astype(np.float32))


@pytest.mark.parametrize("op", ["AddFltNvnmd", "DotmulFltNvnmd", "MulFltNvnmd", "FltNvnmd"])
def test_many_tasks(op):
    inputs = [numbers((40, 100, 7), 5, seed) for seed in range(1 if op == "FltNvnmd" else 2)]
    name = {"AddFltNvnmd": "add", "DotmulFltNvnmd": "dotmul", "MulFltNvnmd": "mul", "FltNvnmd": "flt"}[op]
    expected = getattr(fixed_point, name)(*inputs)
    for threads in (1, 4):
        assert_same_bits(outputs(op, {}, inputs, threads=threads)[0], expected)


def test_terms_that_do_not_fit_into_float64():
    """Sums above 2^53 units are added in integers, and wrap around with those."""
    x, w = numbers((6, 40), 20) * 2.0**3, numbers((40, 5), 3, 1)
    assert np.abs(x).max() * np.abs(w).max() * 40 > 2.0**30
    for factor in (1, 2.0**5, 2.0**9):
        (found,) = outputs("MatmulFlt2fixNvnmd", {"nbit": 23}, [factor * x, w])
        assert_same_bits(found, fixed_point.matmul_flt2fix(factor * x, w, 23))


@pytest.mark.parametrize(
    "op, attrs, shapes",
    [
        ("FltNvnmd", {}, [(0, 3)]),
        ("MulFltNvnmd", {}, [(4, 1), (4, 0)]),
        ("DotmulFltNvnmd", {}, [(0, 3), (0, 3)]),
        ("MatmulFltNvnmd", {"normx": 0, "normw": 0}, [(2, 0, 3), (2, 3, 4)]),
        ("MatmulFltNvnmd", {"normx": 0, "normw": 0}, [(2, 3, 0), (2, 0, 4)]),
        ("MatmulFlt2fixNvnmd", {"nbit": 23}, [(0, 2, 3), (0, 3, 4)]),
        ("MatmulFitnetNvnmd", {"nbitx": 23, "nbitw": 19, "normw": 1}, [(0, 3), (3, 4)]),
    ],
)
def test_nothing_gives_nothing(op, attrs, shapes):
    (found,) = outputs(op, attrs, [np.zeros(shape) for shape in shapes])
    assert not found.any()


def test_what_is_not_a_number_stays():
    bad = np.array([[np.nan, 1.0], [2.0, 3.0]])
    for op in ("FltNvnmd", "Tanh4FltNvnmd"):
        np.testing.assert_array_equal(np.isnan(outputs(op, {}, [bad])[0]), np.isnan(bad))
    for op, attrs in (("MatmulFltNvnmd", {"normx": 1, "normw": 1}), ("MatmulFlt2fixNvnmd", {"nbit": 23})):
        (found,) = outputs(op, attrs, [bad, np.eye(2)])
        np.testing.assert_array_equal(np.isnan(found), [[True, True], [False, False]])


def test_static_shapes():
    with tf.Graph().as_default():
        x, w = tf.placeholder("float64", [None, 4, 5]), tf.placeholder("float64", [3, 5, 6])
        column, row = tf.placeholder("float64", [None, 4, 1]), tf.placeholder("float64", [7, 4, 5])
        assert arithmetic.flt(x).shape.as_list() == [None, 4, 5]
        assert [y.shape.as_list() for y in arithmetic.copy_flt(x)] == [[None, 4, 5]] * 2
        assert arithmetic.add(x, row).shape.as_list() == [7, 4, 5]
        assert arithmetic.mul(column, row).shape.as_list() == [7, 4, 5]
        assert arithmetic.mul(x, row).shape.as_list() == [7, 4, 5]
        assert arithmetic.dotmul(x, row).shape.as_list() == [7, 4, 1]
        assert arithmetic.matmul_flt(x, w, normx=0, normw=0).shape.as_list() == [3, 4, 6]
        assert arithmetic.matmul_flt2fix(x, w).shape.as_list() == [3, 4, 6]
        assert arithmetic.matmul_fitnet(row[0], w[0], normw=1).shape.as_list() == [4, 6]
        table = tf.placeholder("float64", [None, 8])
        assert arithmetic.map_table(row[0], table, table, tf.zeros([5], "float64")).shape.as_list() == [4, 5, 2]
        unknown = tf.placeholder("float64", None)
        assert arithmetic.matmul_flt(unknown, w, normx=0, normw=0).shape.rank is None
        assert arithmetic.dotmul(unknown, unknown).shape.rank is None
        for build in (
            lambda: arithmetic.add(column, row),
            lambda: arithmetic.mul(x[:, :2], row),
            lambda: arithmetic.matmul_flt(w, w, normx=0, normw=0),
            lambda: arithmetic.matmul_fitnet(x, w, normw=0),
        ):
            with pytest.raises(ValueError, match="must be"):
                build()


def good_map() -> dict:
    info = np.array(TABLE_INFO["two"], np.float64)
    return dict(x=np.zeros((2, 3)), table=np.ones((32, 8)), table_grad=np.ones((32, 8)), table_info=info)


def group(**changes):
    info = dict(x0=0.0, x1=4.0, dx=0.125, first=0.0, end=32.0) | changes
    return dict(table_info=np.array([*TABLE_INFO["one"], *info.values()], np.float64))


INTERVAL = r"invalid interval in table_info, group 1: expected x0 <= x1, dx > 0 and 0 <= N0 < N1 <= 32, found x0 "
BAD_MAPS = {
    "rank of x": (dict(x=np.zeros(3)), r"Dim of x should be 2, found shape .3."),
    "rank of table": (dict(table=np.ones(8), table_grad=np.ones(8)), "Dim of table should be 2"),
    "table_grad": (dict(table_grad=np.ones((32, 4))), "table_grad shape should match table"),
    "rank of info": (dict(table_info=np.zeros((1, 5))), "Dim of table_info should be 1"),
    "width": (
        dict(table=np.ones((32, 6)), table_grad=np.ones((32, 6))),
        "table width should be a positive multiple of 4",
    ),
    "no width": (dict(table=np.ones((3, 0)), table_grad=np.ones((3, 0))), "table width should be a positive multiple"),
    "length": (dict(table_info=np.zeros(6)), "table_info length should be a positive multiple of 5"),
    "no group": (dict(table_info=np.zeros(0)), "table_info length should be a positive multiple of 5"),
    "order": (group(x1=-1.0), INTERVAL + "0.000000, x1 -1"),
    "dx": (group(dx=0.0), INTERVAL),
    "dx not a number": (group(dx=np.nan), INTERVAL),
    "first": (group(first=-1.0), INTERVAL),
    "empty": (group(end=0.0), INTERVAL),
    "end": (group(end=33.0), INTERVAL),
}


@pytest.mark.parametrize("name", BAD_MAPS)
def test_bad_maps_are_named(name):
    changes, text = BAD_MAPS[name]

    def build(**tensors):
        unknown = [tf.placeholder_with_default(tensor, None) for tensor in tensors.values()]
        return op_module().map_flt_nvnmd(*unknown)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, good_map() | changes)


def test_map_takes_four_tensors():
    with tf.Graph().as_default(), pytest.raises(TypeError, match="table_info"):
        op_module().map_flt_nvnmd(*[tf.zeros([5, 5])] * 3)


LONG = np.ones((1, 2049))
BAD_SHAPES = {
    "add": ("AddFltNvnmd", {}, [np.ones((2, 3)), np.ones((2, 4))], "w: expected the shape .2,3. of x, found .2,4."),
    "mul": ("MulFltNvnmd", {}, [np.ones((3, 1)), np.ones((2, 4))], "w: expected the shape .3,1. of x, found .2,4."),
    "dotmul": ("DotmulFltNvnmd", {}, [LONG, LONG], "dotmul: expected rows of 2048 numbers or less, found 2049"),
    "long": ("MatmulFltNvnmd", dict(normx=0, normw=0), [LONG, LONG.T], "expected sums of 2048 terms or less"),
    "matmul": ("MatmulFltNvnmd", dict(normx=0, normw=0), [LONG, LONG], r"found .1,2049. and .1,2049."),
    "fix": ("MatmulFlt2fixNvnmd", dict(nbit=23), [LONG, LONG], "expected .N,M. and .M,K. or"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_bad_shapes_are_named(name):
    op, attrs, inputs, text = BAD_SHAPES[name]

    def build(**tensors):
        return function(op)(*[tf.placeholder_with_default(tensor, None) for tensor in tensors.values()], **attrs)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, {f"input_{k}": array for k, array in enumerate(inputs)})
