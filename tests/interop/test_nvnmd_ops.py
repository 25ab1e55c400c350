"""The ops of quantised networks of deepmd-kit and of this program have one definition and give one result, bit by bit.

Compared are names, types and order of inputs and outputs, attributes with their defaults, all cases of
``tests/nvnmd/op_cases.py``, whose results are those of the arithmetic in integers, gradients of first and second order,
and environment matrices. Left out are sums that do not fit into 64 bits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nvnmd.ops.library import op_module
from tests.interop.nvnmd_op_runner import gradients
from tests.interop.op_runner import definition
from tests.interop.op_runner import run as run_ops
from tests.nvnmd.env_mat_cases import BY_TYPE, MIXED, attributes, rows
from tests.nvnmd.env_mat_cases import all_cases as env_mat_cases
from tests.nvnmd.env_mat_cases import inputs as env_mat_inputs
from tests.nvnmd.op_cases import TABLE_INFO, all_cases, numbers

OP_RUNNER = Path(__file__).with_name("op_runner.py")
GRADIENT_RUNNER = Path(__file__).with_name("nvnmd_op_runner.py")
CASES = all_cases()
ENV_MATS = {
    name: (MIXED if mixed else BY_TYPE, attributes(case, mixed=mixed), env_mat_inputs(case, mixed=mixed))
    for name, (case, mixed) in env_mat_cases().items()
    if "left_handed" not in name  # where deepmd-kit's vectors have the wrong sign
}
OPS = [*sorted({case[0] for case in CASES.values()}), BY_TYPE, MIXED]


def packed(cases: dict) -> dict:
    """Cases (op, attributes, inputs, ...) as the runners read them."""
    arrays = {"definitions": OPS}
    for k, (op, attrs, inputs, *_) in enumerate(cases.values()):
        arrays |= {f"{k}/op": op, f"{k}/attrs": json.dumps(attrs)}
        arrays |= {f"{k}/{n}": array for n, array in enumerate(inputs)}
    return arrays


@pytest.fixture(scope="module")
def theirs(kit, tmp_path_factory):
    return kit.compute(OP_RUNNER, given=packed(CASES), cwd=tmp_path_factory.mktemp("ops"))


def test_same_definitions(theirs):
    op_module()
    for op, expected in json.loads(str(theirs["definitions"])).items():
        assert json.loads(json.dumps(definition(op))) == expected, op


@pytest.mark.parametrize("k, name", list(enumerate(CASES)))
def test_same_bits(theirs, k, name):
    for n, expected in enumerate(CASES[name][3]):
        np.testing.assert_array_equal(theirs[f"{k}/{n}"].view(np.int64), np.ascontiguousarray(expected).view(np.int64))


@pytest.fixture(scope="module")
def their_env_mats(kit, tmp_path_factory):
    return kit.compute(OP_RUNNER, given=packed(ENV_MATS), cwd=tmp_path_factory.mktemp("env_mats"))


@pytest.mark.parametrize("k, name", list(enumerate(ENV_MATS)))
def test_same_env_mats(their_env_mats, k, name):
    """Sums of positions and lattice vectors may differ in their last bit; the rows are compared bit by bit.

    Left out are centres of a virtual type, whose neighbours deepmd-kit lists although their rows are zeros.
    """
    case, _ = env_mat_cases()[name]
    real = case.atype >= 0
    found = next(iter(run_ops({name: ENV_MATS[name]}, [op_module()]).values()))
    shapes = ((4,), (4, 3), (3,), (), (), ())[: len(found)]
    expected = [their_env_mats[f"{k}/{n}"] for n in range(len(found))]
    ours, theirs = (
        [array.reshape(*real.shape, case.nnei, *shape)[real] for array, shape in zip(arrays, shapes)]
        for arrays in (found, expected)
    )
    np.testing.assert_allclose(ours[2], theirs[2], rtol=0, atol=1e-14 * np.abs(case.coord).max())
    for one, other in zip(ours[3:], theirs[3:]):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(rows(theirs[2], theirs[3] >= 0), theirs):
        np.testing.assert_array_equal(one, other)


def differentiable() -> dict:
    """{name: (op, attributes, inputs)}: cases whose gradients of two orders are compared."""
    x, w, column = numbers((3, 4, 6), 6), numbers((3, 4, 6), 6, 1), numbers((3, 4, 1), 6, 2)
    cases = {
        "flt": ("FltNvnmd", {}, [x]),
        "copy": ("CopyFltNvnmd", {}, [x]),
        "add": ("AddFltNvnmd", {}, [x, w]),
        "mul": ("MulFltNvnmd", {}, [x, w]),
        "column": ("MulFltNvnmd", {}, [column, w]),
        "dotmul": ("DotmulFltNvnmd", {}, [x, w]),
        "matmul_flt2fix": ("MatmulFlt2fixNvnmd", {"nbit": 23}, [x, numbers((3, 6, 5), 6)]),
        "tanh4": ("Tanh4FltNvnmd", {}, [np.linspace(-3, 3, 60).reshape(6, 10)]),
    }
    for normx in (0, 1, 16, 17):
        for normw in (0, 1, 16, 17):
            attrs = {"normx": normx, "normw": normw}
            cases[f"matmul_flt {normx} {normw}"] = ("MatmulFltNvnmd", attrs, [x, numbers((3, 6, 5), 6)])
    for normw in (0, 1):
        attrs = {"nbitx": 23, "nbitw": 19, "normw": normw}
        cases[f"matmul_fitnet {normw}"] = ("MatmulFitnetNvnmd", attrs, [x[0] / 64, numbers((6, 5), 2)])
    for isround in (0, 1):
        cases[f"quantize {isround}"] = ("QuantizeNvnmd", dict(isround=isround, nbit1=7, nbit2=9, nbit3=11), [x[0]])
    for name, info in TABLE_INFO.items():
        inputs = [np.random.default_rng(0).uniform(-2, 18, (7, 3)), numbers((32, 8), 3), numbers((32, 8), 3, 1)]
        cases[f"map {name}"] = ("MapFltNvnmd", {}, [*inputs, np.array(info, np.float64)])
    return cases


@pytest.fixture(scope="module")
def their_gradients(kit, tmp_path_factory):
    return kit.compute(GRADIENT_RUNNER, given=packed(differentiable()), cwd=tmp_path_factory.mktemp("gradients"))


@pytest.mark.parametrize("k, name", list(enumerate(differentiable())))
def test_same_gradients(their_gradients, k, name):
    found = gradients(*differentiable()[name], op_module())
    assert len(found) == sum(key.startswith(f"{k}/") for key in their_gradients)
    for n, values in enumerate(found):
        expected = their_gradients[f"{k}/{n}"]
        # Sums over terms of float64, and the gradient of the gradient of tanh4, are ordinary numbers.
        ordinary = "matmul_fitnet" in name or (name == "tanh4" and n > 0)
        tolerance = 1e-12 * np.abs(expected).max() if ordinary else 0
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance, err_msg=f"gradient {n}")
