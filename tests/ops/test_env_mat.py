"""Environment matrix: NumPy reference, core on every SIMD target and TensorFlow op agree; derivative by differences."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.ops import core, reference
from deepmd_tf.ops.env_mat import EnvMatTensors, prod_env_mat_a
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops.cases import CASES, PRECISIONS, RCUT, RCUT_SMTH, Case, make


def op_inputs(case: Case, mesh=None) -> dict:
    """The inputs of the op; box and mesh say how neighbours are found."""
    nf, natoms = case.atype.shape
    dtype = case.coord.dtype
    settings = case.settings()
    if mesh is None:
        mesh = np.zeros(0 if case.box is None else 6, np.int32)
    return dict(
        coord=case.coord,
        atype=case.atype,
        natoms=np.array([natoms, natoms, natoms] + [0] * (len(case.sel) - 1), np.int32),
        box=np.zeros((nf, 9), dtype) if case.box is None else case.box,
        mesh=np.asarray(mesh, np.int32),
        davg=settings["davg"].astype(dtype),
        dstd=settings["dstd"].astype(dtype),
    )


def run_op(case: Case, mesh=None, **changes) -> EnvMatTensors:
    """Evaluate the op, shaped as the core's output."""
    attributes = dict(rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)
    out = evaluate(lambda **k: prod_env_mat_a(**k, **attributes), op_inputs(case, mesh) | changes)
    nf, natoms = case.atype.shape
    shapes = ((4,), (4, 3), (3,), ())
    return EnvMatTensors(*[value.reshape(nf, natoms, case.nnei, *shape) for value, shape in zip(out, shapes)])


def assert_same(found, expected, tolerance):
    np.testing.assert_array_equal(found.nlist, expected.nlist)
    for name in ("rij", "descrpt", "deriv"):
        scale = np.abs(getattr(expected, name)).max(initial=1.0)
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=0, atol=tolerance * scale, err_msg=name
        )


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_core_and_op_equal_the_reference(name, dtype):
    case = CASES[name].as_dtype(dtype)
    expected = reference.env_mat(*case[:3], **case.settings())
    for target in core.targets():
        assert_same(core.env_mat(*case[:3], **case.settings(), target=target), expected, PRECISIONS[dtype])
    assert_same(run_op(case), expected, PRECISIONS[dtype])


def test_cases_reach_what_they_are_for():
    """The configurations above do what their names say."""
    full = reference.env_mat(*CASES["dense"][:3], **CASES["dense"].settings()).nlist
    assert (full >= 0).all(axis=-1).any()
    small = reference.env_mat(*CASES["small_box"][:3], **CASES["small_box"].settings()).nlist
    assert any(i in small[0, i] for i in range(3))
    lone = reference.env_mat(*CASES["far_apart"][:3], **CASES["far_apart"].settings()).nlist
    assert (lone == -1).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("count", range(35))
def test_every_number_of_neighbors(count, dtype):
    """Blocks of the SIMD kernels are full, partly full and empty; a central atom has ``count`` neighbours."""
    angle = 2.4 * np.arange(count)
    height = np.linspace(-0.9, 0.9, count)
    shell = np.stack([np.sqrt(1 - height**2) * np.cos(angle), np.sqrt(1 - height**2) * np.sin(angle), height], axis=1)
    coord = np.concatenate([np.zeros((1, 3)), shell * np.linspace(1.2, 3.9, count)[:, None]]).reshape(1, -1)
    case = Case(coord.astype(dtype), np.zeros((1, count + 1), np.int32), None, (36,))
    expected = reference.env_mat(*case[:3], **case.settings())
    assert (expected.nlist[0, 0] >= 0).sum() == count
    for target in core.targets():
        assert_same(core.env_mat(*case[:3], **case.settings(), target=target), expected, PRECISIONS[dtype])


def test_targets_and_threads_give_the_same_bits():
    case = make(natoms=90, size=11.0, frames=3)
    expected = core.env_mat(*case[:3], **case.settings(), target="baseline")
    for target in core.targets():
        for threads in (1, 3):
            found = core.env_mat(*case[:3], **case.settings(), target=target, threads=threads)
            for value, other in zip(found, expected):
                np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("name", ["periodic", "triclinic", "small_box", "virtual"])
def test_deriv_is_the_derivative_by_the_centre(name):
    """Move atom i alone: rows of its neighbours that are not its own images change by deriv."""
    case, step = CASES[name], 1e-5
    base = core.env_mat(*case[:3], **case.settings())
    atoms = range(0, case.atype.shape[1], 5)
    checked = 0
    for i in atoms:
        for d in range(3):
            sides = []
            for sign in (1, -1):
                coord = case.coord.copy()
                coord[:, 3 * i + d] += sign * step
                sides.append(core.env_mat(coord, *case[1:3], **case.settings()))
            # Slots may swap order when two neighbours are equally far; images of i move with it.
            same = (sides[0].nlist[:, i] == sides[1].nlist[:, i]) & (base.nlist[:, i] != i) & (base.nlist[:, i] >= 0)
            slope = (sides[0].descrpt[:, i] - sides[1].descrpt[:, i]) / (2 * step)
            np.testing.assert_allclose(slope[same], base.deriv[:, i, :, :, d][same], rtol=0, atol=2e-8)
            checked += same.sum()
    assert checked > 10


def test_a_neighbor_at_the_cutoff_does_not_jump():
    """Row and derivative go to the empty slot's values as the distance goes to the cutoff; inside they do not."""

    def at(distance):
        case = Case(np.array([[0.0, 0, 0, distance, 0, 0]]), np.zeros((1, 2), np.int32), None, (1,))
        return core.env_mat(*case[:3], rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)

    assert np.abs(at(RCUT - 1e-4).descrpt).max() < 1e-12
    assert np.abs(at(RCUT - 1e-4).deriv).max() < 1e-8
    assert np.abs(at(3.0).descrpt).max() > 0.1
    assert at(RCUT + 1e-4).nlist[0, 0, 0] == -1


def test_order_is_by_float32_distance_then_index():
    """Two neighbours equal in float32 keep the order of their indices, whichever is nearer in float64."""
    coord = np.array([[0.0, 0, 0, 1.0 + 1e-9, 0, 0, 0, 1.0, 0, 0, 0, 0.5]])
    nlist = core.env_mat(coord, np.zeros((1, 4), int), None, rcut=4, rcut_smth=1, sel=[3], derivative=False).nlist
    assert nlist[0, 0].tolist() == [3, 1, 2]


def test_surplus_neighbors_are_the_farthest():
    coord = np.array([[0.0, 0, 0, 3.0, 0, 0, 1.0, 0, 0, 2.0, 0, 0]])
    nlist = core.env_mat(coord, np.zeros((1, 4), int), None, rcut=4, rcut_smth=1, sel=[2], derivative=False).nlist
    assert nlist[0, 0].tolist() == [2, 3]


def list_mesh(nlist_of: list[list[int]]) -> np.ndarray:
    """A neighbour list by value, its rows in reverse order."""
    rows = list(range(len(nlist_of)))[::-1]
    flat = [j for i in rows for j in nlist_of[i]]
    return np.array([len(rows)] + [0] * 15 + rows + [len(nlist_of[i]) for i in rows] + flat, np.int32)


def test_list_by_value_equals_the_search():
    case = CASES["open"]._replace(coord=CASES["open"].coord[:1], atype=CASES["open"].atype[:1])
    natoms = case.atype.shape[1]
    everyone = [[j for j in range(natoms) if j != i] for i in range(natoms)]
    assert_same(run_op(case, list_mesh(everyone)), run_op(case), 1e-14)


def test_list_by_address_equals_list_by_value():
    case = CASES["open"]._replace(coord=CASES["open"].coord[:1], atype=CASES["open"].atype[:1])
    natoms = case.atype.shape[1]
    rows = [np.array([j for j in range(natoms) if j != i and (i + j) % 3], np.int32) for i in range(natoms)]
    centre, count = np.arange(natoms, dtype=np.int32), np.array([len(r) for r in rows], np.int32)
    table = np.array([r.ctypes.data for r in rows], np.uint64)
    mesh = np.zeros(16, np.int32)
    mesh[1] = natoms
    mesh[4:].view(np.uint64)[[0, 2, 4]] = [centre.ctypes.data, count.ctypes.data, table.ctypes.data]
    assert_same(run_op(case, mesh), run_op(case, list_mesh([r.tolist() for r in rows])), 1e-14)


def test_listed_neighbor_beyond_the_cutoff_by_less_than_float32_tells():
    """It keeps its slot, with the values of the cutoff."""
    case = Case(np.array([[0.0, 0, 0, RCUT * (1 + 1e-8), 0, 0]]), np.zeros((1, 2), np.int32), None, (1,))
    found = run_op(case, list_mesh([[1], [0]]), davg=np.zeros((1, 4)), dstd=np.ones((1, 4)))
    assert found.nlist.ravel().tolist() == [1, 0]
    np.testing.assert_array_equal(found.descrpt, np.zeros_like(found.descrpt))
    np.testing.assert_array_equal(found.deriv, np.zeros_like(found.deriv))


def test_ghost_atoms_are_neighbors_without_a_row():
    """nall > nloc: neighbours are found among all atoms, rows are made for the local ones."""
    case = CASES["open"]
    natoms, nloc = case.atype.shape[1], 10
    whole = run_op(case)
    inputs = op_inputs(case) | dict(natoms=np.array([nloc, natoms, nloc, 0], np.int32))
    attributes = dict(rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)
    out = evaluate(lambda **k: prod_env_mat_a(**k, **attributes), inputs)
    np.testing.assert_array_equal(out.nlist.reshape(2, nloc, -1), whole.nlist[:, :nloc])
    np.testing.assert_array_equal(out.descrpt.reshape(2, nloc, -1, 4), whole.descrpt[:, :nloc])


def test_outputs_that_nothing_reads_are_left_out():
    """descrpt alone is the same as with its derivative."""
    case = CASES["periodic"]
    attributes = dict(rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)
    alone = evaluate(lambda **k: prod_env_mat_a(**k, **attributes).descrpt, op_inputs(case))
    np.testing.assert_array_equal(alone.ravel(), run_op(case).descrpt.ravel())
    deriv = evaluate(lambda **k: prod_env_mat_a(**k, **attributes).deriv, op_inputs(case))
    np.testing.assert_array_equal(deriv.ravel(), run_op(case).deriv.ravel())


def test_no_atoms_and_no_frames():
    for nf, natoms in ((1, 0), (0, 3)):
        case = Case(np.zeros((nf, 3 * natoms)), np.zeros((nf, natoms), np.int32), np.zeros((nf, 9)) + 1, (2, 2))
        case = case._replace(box=np.tile(5 * np.eye(3).ravel(), (nf, 1)))
        assert core.env_mat(*case[:3], **case.settings()).descrpt.shape == (nf, natoms, 4, 4)
        assert run_op(case).deriv.shape == (nf, natoms, 4, 4, 3)


def test_static_shapes():
    with tf.Graph().as_default():
        case = CASES["periodic"]
        inputs = {k: tf.placeholder(v.dtype, [None, *v.shape[1:]], name=k) for k, v in op_inputs(case).items()}
        unknown = prod_env_mat_a(**inputs, rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)
        assert unknown.descrpt.shape.as_list() == [None, None]
        inputs["natoms"] = tf.constant(op_inputs(case)["natoms"])
        known = prod_env_mat_a(**inputs, rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)
        slots = case.atype.shape[1] * case.nnei
        assert [t.shape.as_list()[1] for t in known] == [4 * slots, 12 * slots, 3 * slots, slots]
        inputs["davg"] = tf.zeros([2, 5], tf.float64)
        with pytest.raises(ValueError, match="136"):
            prod_env_mat_a(**inputs, rcut=RCUT, rcut_smth=RCUT_SMTH, sel=case.sel)


NAN = CASES["periodic"].coord.copy()
NAN[1, 7] = np.nan
BAD = {
    "type": (dict(atype=np.full((2, 24), 5, np.int32)), "frame 0, atom 0: expected a type below 2, found 5"),
    "position": (dict(coord=NAN), "frame 1, atom 2: expected a finite position, found nan"),
    "flat box": (dict(box=np.tile(np.diag([9.0, 9.0, 0.0]).ravel(), (2, 1))), "frame 0: expected a box that spans"),
    "tiny box": (dict(box=np.tile(1e-3 * np.eye(3).ravel(), (2, 1))), "too small for the cutoff"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_named(name):
    changes, text = BAD[name]
    case = CASES["periodic"]._replace(**changes)
    with pytest.raises(DataError, match=text):
        core.env_mat(*case[:3], **case.settings())
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_op(case)


BAD_INPUTS = {
    "mesh of 3": (dict(mesh=np.zeros(3, np.int32)), "invalid mesh tensor: expected length 0, 6, 16 or more, found 3"),
    "mixed mesh": (dict(mesh=np.zeros(7, np.int32)), "mixed types .length 7. are not supported"),
    "short list": (dict(mesh=np.r_[24, np.zeros(20)].astype(np.int32)), "expected at least 64 numbers, found 21"),
    "wrong rows": (dict(mesh=np.r_[23, np.zeros(99)].astype(np.int32)), "natoms.0. = 24 rows, found 23"),
    "centres": (dict(mesh=np.r_[24, np.zeros(99)].astype(np.int32)), "row 1: expected centres 0 to 23, each once"),
    "null addresses": (dict(mesh=np.r_[0, 24, np.zeros(14)].astype(np.int32)), "found a null address"),
    "types": (dict(natoms=np.array([24, 24, 24], np.int32)), "sel_a: expected one entry for each of 1 types"),
    "ghosts": (dict(natoms=np.array([20, 24, 20, 0], np.int32)), "expected no ghost atoms with a periodic box"),
    "atoms": (dict(natoms=np.array([25, 24, 25, 0], np.int32)), "natoms.0. <= natoms.1., found 25 and 24"),
    "coord": (dict(natoms=np.array([23, 23, 23, 0], np.int32)), r"coord: expected shape \[2,69\], found \[2,72\]"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs_of_the_op_are_named(name):
    changes, text = BAD_INPUTS[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run_op(CASES["periodic"], **changes)


def test_bad_settings_are_named():
    case = CASES["periodic"]
    for changes, text in (
        (dict(rcut=-1.0), "rcut: expected a positive number"),
        (dict(rcut_smth=5.0), "rcut_smth: expected 0 to rcut"),
        (dict(target="avx9"), "expected one of baseline.*found 'avx9'"),
        (dict(threads=0), "threads: expected at least 1, found 0"),
    ):
        with pytest.raises(DataError, match=text):
            core.env_mat(*case[:3], **case.settings() | changes)


def test_environment_variable_names_the_target(monkeypatch):
    monkeypatch.setenv("DEEPMD_TF_SIMD", "avx9")
    with pytest.raises(DataError, match="DEEPMD_TF_SIMD: expected one of baseline"):
        core.env_mat(*CASES["periodic"][:3], **CASES["periodic"].settings())
