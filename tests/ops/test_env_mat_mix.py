"""Environment matrix of mixed types: the op against the NumPy reference, its meshes, forces by differences."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import core, reference
from deepmd_tf.ops.env_mat import MixedEnvMatTensors, prod_env_mat_a_mix
from deepmd_tf.ops.force import prod_force_se_a
from deepmd_tf.ops.library import op_module
from deepmd_tf.ops.session import evaluate
from deepmd_tf.ops.virial import prod_virial_se_a
from deepmd_tf.tf1 import tf
from tests.ops.cases import PRECISIONS, RCUT, RCUT_SMTH, Case
from tests.ops.mix_cases import MIX_CASES, mix_attributes, mix_inputs
from tests.ops.test_env_mat import assert_same, list_mesh

RADII = dict(rcut=RCUT, rcut_smth=RCUT_SMTH)
SHAPES = MixedEnvMatTensors((4,), (4, 3), (3,), (), (), ())


def run_op(case: Case, mesh=None, **changes) -> MixedEnvMatTensors:
    """Evaluate the op; outputs [nf, natoms, nnei, ...]."""
    inputs = mix_inputs(case, mesh) | changes
    out = evaluate(lambda **k: prod_env_mat_a_mix(**k, **RADII, nsel=case.nnei), inputs)
    rows = (len(case.coord), inputs["natoms"][0], case.nnei)
    return MixedEnvMatTensors(*[value.reshape(*rows, *shape) for value, shape in zip(out, SHAPES)])


def search(case: Case) -> reference.environment.MixedEnvMat:
    """The same by loops over pairs."""
    inputs = mix_inputs(case)
    return reference.env_mat_mix(*case[:3], **RADII, nsel=case.nnei, davg=inputs["davg"], dstd=inputs["dstd"])


def assert_same_mix(found, expected, tolerance):
    assert_same(found, expected, tolerance)
    np.testing.assert_array_equal(found.ntype, expected.ntype)
    np.testing.assert_array_equal(found.nmask, expected.nmask)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", MIX_CASES)
def test_op_equals_the_reference(name, dtype):
    case = MIX_CASES[name].as_dtype(dtype)
    found = run_op(case)
    assert (found.ntype.dtype, found.nmask.dtype) == (np.int32, np.bool_)
    assert_same_mix(found, search(case), PRECISIONS[dtype])


def types_of(case: Case, nlist) -> np.ndarray:
    """Types of all neighbours of all atoms [number of filled slots]."""
    frame, *_ = slots = np.nonzero(nlist >= 0)
    return case.atype[frame, nlist[tuple(slots)]]


def test_cases_reach_what_they_are_for():
    """Frames differ in their types, blocks of neighbours are mixed and overfull, virtual atoms occur nowhere."""
    assert all((case.atype[0] != case.atype[-1]).any() for case in (MIX_CASES["open"], MIX_CASES["two_compositions"]))
    full = search(MIX_CASES["dense"])
    assert full.nmask.all(axis=-1).any()
    assert (np.diff(full.ntype, axis=-1) < 0).any()
    lone = search(MIX_CASES["far_apart"])
    assert not lone.nmask.any() and (lone.ntype == 2).all()
    virtual = MIX_CASES["padded"].atype < 0
    found = run_op(MIX_CASES["padded"])
    assert not found.nmask[virtual].any() and not found.descrpt[virtual].any() and not found.deriv[virtual].any()
    assert found.nmask.any() and (found.ntype >= 0).all() and (types_of(MIX_CASES["padded"], found.nlist) >= 0).all()


def test_statistics_are_those_of_the_centre_in_its_frame():
    """Swap the types of the frames: rows keep their neighbours and change their mean and scale."""
    case = MIX_CASES["two_compositions"]
    ones, davg = np.ones((3, 4 * case.nnei)), np.repeat([[1.0], [2.0], [3.0]], 4 * case.nnei, axis=1)
    raw = run_op(case, davg=0 * davg, dstd=ones).descrpt
    found = run_op(case, davg=davg, dstd=2 * ones).descrpt
    np.testing.assert_allclose(found, (raw - (1 + case.atype)[..., None, None]) / 2, rtol=0, atol=1e-13)


def test_surplus_neighbors_are_the_farthest_of_any_type():
    coord = np.array([[0.0, 0, 0, 3.0, 0, 0, 1.0, 0, 0, 2.0, 0, 0, 0, 2.0, 0]])
    case = Case(coord, np.array([[0, 0, 1, 0, 1]]), None, (2, 1))
    found = run_op(case)
    assert found.nlist[0, 0].tolist() == [2, 3, 4]
    assert found.ntype[0, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["open", "periodic"])
def test_both_lengths_of_a_mesh_are_the_same(name):
    case = MIX_CASES[name]
    for one, other in zip(run_op(case), run_op(case, np.zeros(0 if case.box is None else 6))):
        np.testing.assert_array_equal(one, other)


def neighbor_rows(natoms: int) -> list[list[int]]:
    """Neighbours of each atom, in no order and not all of them."""
    return [[j for j in reversed(range(natoms)) if j != i and (i + j) % 3] for i in range(natoms)]


def test_list_by_value_equals_the_search():
    case = MIX_CASES["open"]
    natoms = case.atype.shape[1]
    everyone = [[j for j in range(natoms) if j != i] for i in range(natoms)]
    assert_same_mix(run_op(case, list_mesh(everyone)), run_op(case), 1e-14)


def test_list_by_address_equals_list_by_value():
    case = MIX_CASES["virtual"]._replace(box=None)
    natoms = case.atype.shape[1]
    rows = [np.array(row, np.int32) for row in neighbor_rows(natoms)]
    centre, count = np.arange(natoms, dtype=np.int32), np.array([len(row) for row in rows], np.int32)
    table = np.array([row.ctypes.data for row in rows], np.uint64)
    mesh = np.zeros(16, np.int32)
    mesh[1] = natoms
    mesh[4:].view(np.uint64)[[0, 2, 4]] = [centre.ctypes.data, count.ctypes.data, table.ctypes.data]
    found = run_op(case, mesh)
    assert found.nmask.any() and not found.descrpt[case.atype < 0].any()
    assert (types_of(case, found.nlist) >= 0).all()
    assert_same_mix(found, run_op(case, list_mesh(neighbor_rows(natoms))), 1e-14)


@pytest.mark.parametrize("listed", [False, True])
def test_ghost_atoms_are_neighbors_without_a_row(listed):
    """nall > nloc: neighbours and their types are found among all atoms, rows are made for the local ones."""
    case = MIX_CASES["open"]
    natoms, nloc = case.atype.shape[1], 10
    whole = run_op(case)
    mesh = list_mesh([[j for j in range(natoms) if j != i] for i in range(nloc)]) if listed else None
    found = run_op(case, mesh, natoms=np.array([nloc, natoms, nloc, 0], np.int32))
    assert found.nlist.max() >= nloc
    for one, other in zip(found, whole):
        np.testing.assert_array_equal(one, other[:, :nloc])


@pytest.mark.parametrize("output", MixedEnvMatTensors._fields)
def test_an_output_alone_is_the_same(output):
    """What nothing reads is left out."""
    case = MIX_CASES["periodic"]

    def build(**tensors):
        return getattr(prod_env_mat_a_mix(**tensors, **RADII, nsel=case.nnei), output)

    alone = evaluate(build, mix_inputs(case))
    np.testing.assert_array_equal(alone.ravel(), getattr(run_op(case), output).ravel())


def test_no_atoms_and_no_frames():
    for nf, natoms in ((1, 0), (0, 3)):
        box = np.tile(5 * np.eye(3).ravel(), (nf, 1))
        case = Case(np.zeros((nf, 3 * natoms)), np.zeros((nf, natoms), np.int32), box, (2, 2))
        assert run_op(case).nmask.shape == (nf, natoms, 4)


def contract(case: Case, coord, box=None):
    """Energy [nf] of a model whose slots are weighted by the types of their atoms; force [nf, N*3], virial [nf, 9]."""
    weight = np.array([[0.4, -1.1, 0.0], [0.7, 0.3, 0.0], [0.0, 0.0, 0.0]])  # a virtual centre is the last
    nnei = 90

    def build(centre, **inputs):
        env = prod_env_mat_a_mix(**inputs, **RADII, nsel=nnei)
        by_slot = tf.gather_nd(weight, tf.stack([centre, env.ntype], axis=-1))
        net = tf.repeat(by_slot, 4, axis=1)
        energy = tf.reduce_sum(net * tf.sin(env.descrpt), axis=1)
        rows = (net * tf.cos(env.descrpt), env.deriv)
        force = prod_force_se_a(*rows, env.nlist, inputs["natoms"], nnei=nnei)
        virial = prod_virial_se_a(*rows, env.rij, env.nlist, inputs["natoms"], nnei=nnei).virial
        return energy, force, virial

    # Mean and scale of all slots are equal, as those of a model are: a neighbour that changes its slot changes nothing.
    statistics = dict(davg=np.zeros((2, 4 * nnei)), dstd=np.repeat([[1.5], [0.7]], 4 * nnei, axis=1))
    centre = np.repeat(case.atype % 3, nnei, axis=1).astype(np.int32)
    changes = statistics | dict(coord=coord) | ({} if box is None else dict(box=box))
    return evaluate(build, mix_inputs(case) | changes | dict(centre=centre))


@pytest.mark.parametrize("name", ["open", "periodic", "triclinic", "virtual", "padded"])
def test_force_is_minus_the_slope_of_the_energy(name):
    case, step = MIX_CASES[name], 1e-5
    force = contract(case, case.coord)[1]
    assert np.abs(force).max() > 0.1
    for k in range(0, case.coord.shape[1], 7):
        shift = step * (np.arange(case.coord.shape[1]) == k)
        up, down = contract(case, case.coord + shift)[0], contract(case, case.coord - shift)[0]
        np.testing.assert_allclose(force[:, k], -(up - down) / (2 * step), rtol=0, atol=1e-7)


def test_virial_is_minus_the_slope_in_the_strain():
    """virial[a, b] = -dE/dF[b, a] for the deformation r -> r F, at F = 1."""
    case, step = MIX_CASES["triclinic"], 1e-5
    virial = contract(case, case.coord)[2].reshape(-1, 3, 3)
    for a, b in np.ndindex(3, 3):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[b, a] += sign * step
            coord, box = ((array.reshape(2, -1, 3) @ strain).reshape(2, -1) for array in (case.coord, case.box))
            energies.append(contract(case, coord, box)[0])
        slope = (energies[0] - energies[1]) / (2 * step)
        np.testing.assert_allclose(virial[:, a, b], -slope, rtol=0, atol=1e-6)


def test_targets_give_the_same_bits(monkeypatch):
    case = MIX_CASES["triclinic"]
    expected = run_op(case)
    for target in core.targets():
        monkeypatch.setenv("DEEPMD_TF_SIMD", target)
        for one, other in zip(run_op(case), expected):
            np.testing.assert_array_equal(one, other)


def test_static_shapes():
    case = MIX_CASES["two_compositions"]
    with tf.Graph().as_default():
        inputs = {k: tf.placeholder(v.dtype, [None, *v.shape[1:]], name=k) for k, v in mix_inputs(case).items()}
        unknown = prod_env_mat_a_mix(**inputs, **RADII, nsel=case.nnei)
        assert [tensor.shape.as_list() for tensor in unknown] == [[None, None]] * 6
        inputs["natoms"] = tf.constant(mix_inputs(case)["natoms"])
        known = prod_env_mat_a_mix(**inputs, **RADII, nsel=case.nnei)
        slots = case.atype.shape[1] * case.nnei
        assert [t.shape.as_list()[1] for t in known] == [4 * slots, 12 * slots, 3 * slots, slots, slots, slots]
        for shape, text in (([3, 5], "144 but is 5"), ([2, 144], "2 and 3")):
            inputs["davg"] = tf.zeros(shape, tf.float64)
            with pytest.raises(ValueError, match=text):
                prod_env_mat_a_mix(**inputs, **RADII, nsel=case.nnei)


NAN = MIX_CASES["periodic"].coord.copy()
NAN[1, 7] = np.nan
BAD = {
    "type": (dict(atype=np.full((2, 24), 2, np.int32)), "frame 0, atom 0: expected a type below 2, found 2"),
    "position": (dict(coord=NAN), "frame 1, atom 2: expected a finite position, found nan"),
    "flat box": (dict(box=np.tile(np.diag([9.0, 9.0, 0.0]).ravel(), (2, 1))), "frame 0: expected a box that spans"),
    "mesh": (dict(mesh=np.zeros(3, np.int32)), "expected length 0, 1, 6, 7, 16 or more, found 3"),
    "short list": (dict(mesh=np.r_[24, np.zeros(20)].astype(np.int32)), "expected at least 64 numbers, found 21"),
    "null addresses": (dict(mesh=np.r_[0, 24, np.zeros(14)].astype(np.int32)), "found a null address"),
    "ghosts": (dict(natoms=np.array([20, 24, 20, 0], np.int32)), "expected no ghost atoms with a periodic box"),
    "coord": (dict(natoms=np.array([23, 23, 23, 0], np.int32)), r"coord: expected shape \[2,69\], found \[2,72\]"),
    "types": (dict(natoms=np.array([24] * 5, np.int32)), r"davg: expected shape \[3,136\], found \[2,136\]"),
    "dstd": (dict(dstd=np.ones((2, 34))), r"dstd: expected shape \[2,136\], found \[2,34\]"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_inputs_are_named(name):
    changes, text = BAD[name]

    def build(**tensors):
        unknown = {name: tf.placeholder_with_default(tensor, None) for name, tensor in tensors.items()}
        return prod_env_mat_a_mix(**unknown, **RADII, nsel=34)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, mix_inputs(MIX_CASES["periodic"]) | changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (dict(sel_a=[14, 20], sel_r=[0, 0]), "sel_a: expected one entry, found 2"),
        (dict(sel_r=[0, 0]), "sel_r: expected as many entries as sel_a, 1, found 2"),
        (dict(sel_r=[3]), "sel_r: expected zeros, found 3"),
        (dict(rcut_r=-1.0), "rcut: expected a positive number"),
        (dict(rcut_r_smth=5.0), "rcut_smth: expected 0 to rcut"),
    ],
)
def test_bad_attributes_are_named(changes, text):
    case = MIX_CASES["periodic"]
    attributes = mix_attributes(case) | changes
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(lambda atype, **k: op_module().prod_env_mat_a_mix(type=atype, **k, **attributes), mix_inputs(case))
