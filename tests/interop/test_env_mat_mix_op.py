"""The environment matrix op of mixed types of deepmd-kit and of this program have one definition and give one result.

Compared are names, types and order of inputs and outputs, attributes with their defaults, and the outputs in float64
and float32: open, periodic, small, skewed and thin boxes, frames of different types, virtual atoms, more neighbours
than slots, all lengths of a mesh, and neighbour lists by value. Numbers agree to 1e-12 of the largest (float64) or
2e-4 (float32), integers are equal.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.ops.library import op_module
from tests.interop.op_runner import definition, run
from tests.ops.cases import PRECISIONS
from tests.ops.mix_cases import MIX_CASES, mix_attributes, mix_inputs
from tests.ops.test_env_mat import list_mesh

RUNNER = Path(__file__).with_name("op_runner.py")
OP = "ProdEnvMatAMix"
SHAPES = ((4,), (4, 3), (3,), (), (), ())


def all_cases() -> dict:
    """{name: (case, mesh)}."""
    cases = {}
    for dtype in PRECISIONS:
        for name, case in MIX_CASES.items():
            if name != "left_handed":  # where deepmd-kit's vectors have the wrong sign
                cases[f"{name}-{dtype.__name__}"] = (case.as_dtype(dtype), None)
    rows = [[j for j in reversed(range(24)) if j != i and (i + j) % 3] for i in range(24)]
    cases["list"] = (MIX_CASES["open"], list_mesh(rows))
    cases["list with virtual atoms"] = (MIX_CASES["virtual"], list_mesh(rows))
    cases["shorter open mesh"] = (MIX_CASES["open"], np.zeros(0))
    cases["shorter periodic mesh"] = (MIX_CASES["triclinic"], np.zeros(6))
    return cases


CASES = all_cases()


def call(name: str):
    """(op, attributes, inputs) of a case."""
    case, mesh = CASES[name]
    return OP, mix_attributes(case), list(mix_inputs(case, mesh).values())


@pytest.fixture(scope="module")
def theirs(kit, tmp_path_factory):
    """Outputs of deepmd-kit by number of the case, and its definition of the op."""
    folder = tmp_path_factory.mktemp("env_mat_mix")
    arrays = {"definitions": [OP]}
    for n, (op, attrs, inputs) in enumerate(map(call, CASES)):
        arrays |= {f"{n}/op": op, f"{n}/attrs": json.dumps(attrs)}
        arrays |= {f"{n}/{k}": array for k, array in enumerate(inputs)}
    return kit.compute(RUNNER, given=arrays, cwd=folder)


def test_same_definition(theirs):
    op_module()
    assert json.loads(json.dumps(definition(OP))) == json.loads(str(theirs["definitions"]))[OP]


@pytest.mark.parametrize("n, name", list(enumerate(CASES)))
def test_same_outputs(theirs, n, name):
    case, _ = CASES[name]
    tolerance = PRECISIONS[case.coord.dtype.type]
    (outputs,) = run({name: call(name)}, [op_module()]).values()
    for k, (found, shape) in enumerate(zip(outputs, SHAPES, strict=True)):
        expected = theirs[f"{n}/{k}"]
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        found, expected = (array.reshape(*case.atype.shape, case.nnei, *shape) for array in (found, expected))
        if found.dtype.kind == "f":
            scale = np.abs(expected).max(initial=1.0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale, err_msg=f"output {k}")
        else:
            np.testing.assert_array_equal(found, expected, err_msg=f"output {k}")
