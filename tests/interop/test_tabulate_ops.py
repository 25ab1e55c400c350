"""The tabulate ops of deepmd-kit and of this program have one definition and give one result.

Compared are all twelve ops and the three old names, in float64 and float32: names, types and order of inputs and
outputs, attributes with their defaults, and the results on random coefficients and arguments: inside the table, at
both ends and where the step changes, below and above it, with no, some and only empty slots, with slots that only
resemble an empty one, with widths that fill registers and that do not, and without the rule of empty slots where it can
be switched off. Float64 agrees to 1e-12 of the largest number, float32 to 1e-5: the order of sums and powers differs.
TabulateFusionGradGrad, which deepmd-kit cannot run (its kernel asks for an attribute that the op does not have), is
compared by its definition alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.ops.library import op_module
from tests.interop.op_runner import definition, run
from tests.ops.tabulate_cases import ALIASES, INFO, INPUTS, attributes, draw

RUNNER = Path(__file__).with_name("op_runner.py")
LOWER, UPPER, END = INFO[:3]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
DEFINED_ONLY = "TabulateFusionGradGrad"


def all_cases() -> dict:
    """{name: (op, attributes, inputs)}."""
    cases = {}
    for op in (*INPUTS, *sorted(ALIASES.keys() - {DEFINED_ONLY})):
        names = INPUTS[ALIASES.get(op, op)]
        for dtype in TOLERANCE:
            for width in (9, 16):
                for is_sorted in (True, False) if "Atten" in op else (True,):
                    arrays = draw(op, dtype, width=width)
                    arrays["em" if "SeR" in op else "em_x"].reshape(-1)[1:5] = LOWER, UPPER, END, -END
                    inputs = [arrays[name] for name in names]
                    cases[f"{op}-{dtype}-{width}-{is_sorted}"] = (op, attributes(op, width, is_sorted), inputs)
    inputs = cases["TabulateFusionSeAGradGrad-float64-9-True"][2]
    for is_sorted in (True, False):
        cases[f"attribute-float64-{is_sorted}"] = ("TabulateFusionSeAGradGrad", {"is_sorted": is_sorted}, inputs)
    return cases


@pytest.fixture(scope="module")
def theirs(kit, tmp_path_factory):
    """Results of deepmd-kit by case, and its definitions by op."""
    folder = tmp_path_factory.mktemp("ops")
    arrays = {"definitions": [*INPUTS, *ALIASES]}
    for name, (op, attrs, inputs) in all_cases().items():
        arrays |= {f"{name}/op": op, f"{name}/attrs": json.dumps(attrs)}
        arrays |= {f"{name}/{k}": array for k, array in enumerate(inputs)}
    return kit.compute(RUNNER, given=arrays, cwd=folder)


def test_same_definitions(theirs):
    op_module()
    for op, expected in json.loads(str(theirs["definitions"])).items():
        assert json.loads(json.dumps(definition(op))) == expected, op


@pytest.mark.parametrize("name", all_cases())
def test_same_results(theirs, name):
    (outputs,) = run({name: all_cases()[name]}, [op_module()]).values()
    for k, found in enumerate(outputs):
        expected = theirs[f"{name}/{k}"]
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        tolerance = TOLERANCE[name.split("-")[1]] * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=f"{name} output {k}")
    assert f"{name}/{len(outputs)}" not in theirs
