"""The environment matrix ops against loops over pairs (which neighbours) and their formulas (what is said of them)."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import reference
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from nvnmd import fixed_point
from nvnmd.ops.env_mat import prod_env_mat_a, prod_env_mat_a_mix
from tests.nvnmd.env_mat_cases import all_cases, inputs, mesh_of_list, rows
from tests.ops.cases import CASES, RCUT, RCUT_SMTH, make

NAMES = ("coord", "atype", "natoms", "box", "mesh", "davg", "dstd")


def run(case, mixed, mesh=None, **changes):
    """Evaluate an op; outputs [nf, natoms, nnei, ...]."""
    function, sel = (prod_env_mat_a_mix, case.nnei) if mixed else (prod_env_mat_a, case.sel)
    arrays = dict(zip(NAMES, inputs(case, mixed=mixed, mesh=mesh))) | changes
    found = evaluate(lambda **tensors: function(**tensors, rcut=RCUT, sel=sel), arrays)
    shapes = ((4,), (4, 3), (3,), (), (), ())
    return type(found)(*[v.reshape(*case.atype.shape, case.nnei, *shape) for v, shape in zip(found, shapes)])


def search(case, mixed):
    """Neighbours and distance vectors by loops over pairs."""
    atype, sel = (np.minimum(case.atype, 0), (case.nnei,)) if mixed else (case.atype, case.sel)
    return reference.env_mat(case.coord, atype, case.box, rcut=RCUT, rcut_smth=RCUT_SMTH, sel=sel)


@pytest.mark.parametrize("name", all_cases())
def test_neighbours_and_rows(name):
    case, mixed = all_cases()[name]
    found, expected = run(case, mixed), search(case, mixed)
    np.testing.assert_array_equal(found.nlist, expected.nlist)
    np.testing.assert_allclose(found.rij, expected.rij, rtol=0, atol=1e-12 * np.abs(case.coord).max())
    holds = found.nlist >= 0
    descrpt, deriv = rows(found.rij, holds)
    np.testing.assert_array_equal(found.descrpt, descrpt)
    np.testing.assert_array_equal(found.deriv, deriv)
    if mixed:
        types = np.take_along_axis(case.atype, np.maximum(found.nlist, 0).reshape(len(case.atype), -1), axis=1)
        np.testing.assert_array_equal(found.ntype, np.where(holds, types.reshape(holds.shape), len(case.sel)))
        np.testing.assert_array_equal(found.nmask, holds)


@pytest.mark.parametrize("mixed", [0, 1])
def test_float32(mixed):
    case = CASES["triclinic"]
    single, double = run(case.as_dtype(np.float32), mixed), run(case, mixed)
    np.testing.assert_array_equal(single.nlist, double.nlist)
    np.testing.assert_allclose(single.descrpt, double.descrpt, rtol=0, atol=4e-5)
    np.testing.assert_array_equal(single.descrpt[..., 1:], fixed_point.flt(single.descrpt[..., 1:]))


@pytest.mark.parametrize("mixed", [0, 1])
def test_neighbour_list_of_the_mesh(mixed):
    case = make(frames=1, periodic=False)
    every = [[j for j in range(24) if j != i] for i in range(24)]
    listed, searched = run(case, mixed, mesh=mesh_of_list(every)), run(case, mixed)
    for one, other in zip(listed, searched):
        np.testing.assert_array_equal(one, other)
    nobody = run(case, mixed, mesh=mesh_of_list([[]] * 24))
    assert (nobody.nlist == -1).all() and not nobody.descrpt.any()


def test_static_shapes():
    case = make()
    with tf.Graph().as_default():
        for mixed, function, sel in ((0, prod_env_mat_a, case.sel), (1, prod_env_mat_a_mix, case.nnei)):
            tensors = {name: tf.constant(array) for name, array in zip(NAMES, inputs(case, mixed=mixed))}
            out = function(**tensors, rcut=RCUT, sel=sel)
            slots = 24 * case.nnei
            widths = (4 * slots, 12 * slots, 3 * slots, slots, slots, slots)
            assert [tensor.shape.as_list() for tensor in out] == [[2, width] for width in widths[: len(out)]]


BAD = {
    "mixed mesh by type": (0, dict(mesh=np.zeros(7, np.int32)), r"mesh: mixed types \(length 7\) are not supported"),
    "mesh": (1, dict(mesh=np.zeros(5, np.int32)), "invalid mesh tensor: expected length 0, 6, 16 or more, found 5"),
    "davg": (1, dict(davg=np.zeros((2, 8))), r"davg: expected shape .2,136., found .2,8."),
    "coord": (1, dict(coord=np.zeros((2, 9))), r"coord: expected shape .2,72., found .2,9."),
    "rank of coord": (1, dict(coord=np.zeros(72)), "coord: expected a matrix"),
    "box": (0, dict(box=np.zeros((2, 3))), r"box: expected shape .2,9., found .2,3."),
    "types of mixed": (1, dict(atype=np.full((2, 24), 2, np.int32)), "types below 2, found 2 of atom 0 in frame 0"),
    "types": (0, dict(atype=np.full((2, 24), 2, np.int32)), "frame 0, atom 0"),
    "number of types": (0, dict(natoms=np.array([24, 24, 24], np.int32)), "sel_a: expected one entry for each of 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    mixed, changes, text = BAD[name]
    case = make()
    function, sel = (prod_env_mat_a_mix, case.nnei) if mixed else (prod_env_mat_a, case.sel)

    def build(**tensors):
        unknown = {name: tf.placeholder_with_default(tensor, None) for name, tensor in tensors.items()}
        return function(**unknown, rcut=RCUT, sel=sel)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, dict(zip(NAMES, inputs(case, mixed=mixed))) | changes)
