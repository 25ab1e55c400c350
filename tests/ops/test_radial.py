"""The radial ops, rows of s(r) alone: reference, core per target and ops; the first component of the full rows."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.ops import core, reference
from deepmd_tf.ops.env_mat import EnvMatTensors, prod_env_mat_a, prod_env_mat_r
from deepmd_tf.ops.force import prod_force_se_r
from deepmd_tf.ops.library import op_module
from deepmd_tf.ops.session import evaluate
from deepmd_tf.ops.virial import prod_virial_se_r
from deepmd_tf.tf1 import tf
from tests.ops.cases import CASES, PRECISIONS, RCUT, RCUT_SMTH, Case, make
from tests.ops.test_env_mat import assert_same, list_mesh, op_inputs

ATTRIBUTES = dict(rcut=RCUT, rcut_smth=RCUT_SMTH)


def settings(case: Case) -> dict:
    full = case.settings()
    return full | dict(components=1, davg=full["davg"][:, ::4], dstd=full["dstd"][:, ::4])


def inputs_of(case: Case, mesh=None) -> dict:
    """The inputs of the op: mean and scale of the first component."""
    full = op_inputs(case, mesh)
    return full | {name: np.ascontiguousarray(full[name][:, ::4]) for name in ("davg", "dstd")}


def run_op(case: Case, mesh=None, **changes) -> EnvMatTensors:
    out = evaluate(lambda **k: prod_env_mat_r(**k, **ATTRIBUTES, sel=case.sel), inputs_of(case, mesh) | changes)
    nf, natoms = case.atype.shape
    return EnvMatTensors(
        *[value.reshape(nf, natoms, case.nnei, *shape) for value, shape in zip(out, ((1,), (1, 3), (3,), ()))]
    )


def random_rows(case: Case, dtype, seed=1):
    """Real deriv, rij and nlist with random numbers for what the kernels are linear in."""
    env = core.env_mat(*case.as_dtype(dtype)[:3], **settings(case))
    rng = np.random.default_rng(seed)
    nf, natoms = case.atype.shape
    shapes = (env.descrpt.shape, (nf, natoms, 3), (nf, 9), (nf, natoms, 9))
    return env, *[rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_core_and_op_equal_the_reference(name, dtype):
    case = CASES[name].as_dtype(dtype)
    expected = reference.env_mat(*case[:3], **settings(case))
    for target in core.targets():
        assert_same(core.env_mat(*case[:3], **settings(case), target=target), expected, PRECISIONS[dtype])
    assert_same(run_op(case), expected, PRECISIONS[dtype])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_first_component_bit_for_bit(name, dtype):
    case = CASES[name].as_dtype(dtype)
    full = evaluate(lambda **k: prod_env_mat_a(**k, **ATTRIBUTES, sel=case.sel), op_inputs(case))
    found = run_op(case)
    np.testing.assert_array_equal(found.descrpt.ravel(), full.descrpt.reshape(-1, 4)[:, 0])
    np.testing.assert_array_equal(found.deriv.reshape(-1, 3), full.deriv.reshape(-1, 4, 3)[:, 0])
    np.testing.assert_array_equal(found.rij.ravel(), full.rij.ravel())
    np.testing.assert_array_equal(found.nlist.ravel(), full.nlist.ravel())


def test_targets_and_threads_give_the_same_bits():
    case = make(natoms=90, size=11.0, frames=3)
    env, net, vectors, matrices, _ = random_rows(case, np.float64)
    rows = (env.deriv, env.rij, env.nlist)

    def everything(**where):
        return (
            *core.env_mat(*case[:3], **settings(case), **where),
            core.prod_force(net, env.deriv, env.nlist, **where),
            core.prod_force_grad(vectors, env.deriv, env.nlist, **where),
            *core.prod_virial(net, *rows, **where),
            core.prod_virial_grad(matrices, *rows, **where),
        )

    expected = everything(target="baseline")
    for target in core.targets():
        for threads in (1, 3):
            for value, other in zip(everything(target=target, threads=threads), expected):
                np.testing.assert_array_equal(value, other)


def test_list_by_value_equals_the_search():
    case = CASES["open"]._replace(coord=CASES["open"].coord[:1], atype=CASES["open"].atype[:1])
    natoms = case.atype.shape[1]
    everyone = [[j for j in range(natoms) if j != i] for i in range(natoms)]
    assert_same(run_op(case, list_mesh(everyone)), run_op(case), 1e-14)


def test_ghost_atoms_are_neighbors_without_a_row():
    case = CASES["open"]
    natoms, nloc = case.atype.shape[1], 10
    whole = run_op(case)
    inputs = inputs_of(case) | dict(natoms=np.array([nloc, natoms, nloc, 0], np.int32))
    out = evaluate(lambda **k: prod_env_mat_r(**k, **ATTRIBUTES, sel=case.sel), inputs)
    np.testing.assert_array_equal(out.nlist.reshape(2, nloc, -1), whole.nlist[:, :nloc])
    np.testing.assert_array_equal(out.descrpt.reshape(2, nloc, -1, 1), whole.descrpt[:, :nloc])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", ["periodic", "dense", "small_box", "virtual", "far_apart", "no_slots_of_a_type"])
def test_force_and_virial_equal_the_reference(name, dtype):
    env, net, vectors, matrices, _ = random_rows(CASES[name], dtype)
    rows = (env.deriv, env.rij, env.nlist)
    natoms = inputs_of(CASES[name])["natoms"]

    def build(net, vectors, matrices, deriv, rij, nlist):
        force = prod_force_se_r(net, deriv, nlist, natoms, nnei=CASES[name].nnei)
        virial, atomic = prod_virial_se_r(net, deriv, rij, nlist, natoms, nnei=CASES[name].nnei)
        transposes = tf.gradients(force, net, vectors)[0], tf.gradients(virial, net, matrices)[0]
        return force, virial, atomic, *transposes

    arrays = dict(zip(("net", "vectors", "matrices", "deriv", "rij", "nlist"), (net, vectors, matrices, *rows)))
    found = evaluate(build, {key: value.reshape(len(value), -1) for key, value in arrays.items()})
    expected = (
        reference.prod_force(net, env.deriv, env.nlist),
        *reference.prod_virial(net, *rows),
        reference.prod_force_grad(vectors, env.deriv, env.nlist),
        reference.prod_virial_grad(matrices, *rows),
    )
    for value, other in zip(found, expected):
        scale = np.abs(other).max(initial=1.0)
        np.testing.assert_allclose(value.ravel(), other.ravel(), rtol=0, atol=PRECISIONS[dtype] * scale)


def energy(coord, case: Case, box) -> np.ndarray:
    env = core.env_mat(coord, case.atype, box, components=1, sel=case.sel, derivative=False, **ATTRIBUTES)
    return np.sin(env.descrpt).sum(axis=(1, 2, 3))


@pytest.mark.parametrize("name", ["periodic", "triclinic", "small_box", "virtual"])
def test_force_and_virial_are_slopes_of_the_energy(name):
    case, step = CASES[name], 1e-5
    env = core.env_mat(*case[:3], components=1, sel=case.sel, **ATTRIBUTES)
    net = np.cos(env.descrpt)
    force = core.prod_force(net, env.deriv, env.nlist).reshape(len(case.coord), -1)
    for k in range(0, case.coord.shape[1], 7):
        move = step * (np.arange(case.coord.shape[1]) == k)
        slope = (energy(case.coord + move, case, case.box) - energy(case.coord - move, case, case.box)) / (2 * step)
        np.testing.assert_allclose(force[:, k], -slope, rtol=0, atol=1e-7)
    virial, _ = core.prod_virial(net, env.deriv, env.rij, env.nlist)
    for d, e in ((0, 0), (0, 1), (2, 1)):
        sides = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[e, d] += sign * step
            stretched = [(x.reshape(-1, 3) @ strain).reshape(x.shape) for x in (case.coord, case.box)]
            sides.append(energy(stretched[0], case, stretched[1]))
        np.testing.assert_allclose(virial[:, 3 * d + e], -(sides[0] - sides[1]) / (2 * step), rtol=0, atol=1e-6)


@pytest.mark.parametrize("coefficients", [(1.0, 0.0), (0.0, 1.0)], ids=["force", "virial"])
def test_first_and_second_order_gradients(coefficients):
    case, step = make(natoms=6, size=5.0, sel=(10, 12), frames=1), 1e-6
    env, net, *_ = random_rows(case, np.float64)
    natoms = inputs_of(case)["natoms"]
    feeds = {name: getattr(env, name).reshape(1, -1) for name in ("deriv", "rij", "nlist")}
    feeds["vector"] = np.random.default_rng(5).normal(size=(1, net.size))

    def build(net, vector, deriv, rij, nlist):
        force = prod_force_se_r(net, deriv, nlist, natoms, nnei=case.nnei)
        virial, _ = prod_virial_se_r(net, deriv, rij, nlist, natoms, nnei=case.nnei)
        loss = coefficients[0] * tf.reduce_sum(tf.sin(force)) + coefficients[1] * tf.reduce_sum(tf.sin(virial))
        (gradient,) = tf.gradients(loss, net)
        return loss, gradient, tf.gradients(tf.reduce_sum(gradient * vector), net)[0]

    base = 0.1 * net.reshape(1, -1)
    sides = [evaluate(build, feeds | dict(net=base + sign * step * feeds["vector"])) for sign in (1, -1)]
    _, gradient, product = evaluate(build, feeds | dict(net=base))
    slope = (sides[0][0] - sides[1][0]) / (2 * step)
    np.testing.assert_allclose((gradient * feeds["vector"]).sum(), slope, rtol=1e-6)
    curvature = (sides[0][1] - sides[1][1]) / (2 * step)
    np.testing.assert_allclose(product, curvature, rtol=0, atol=1e-6 * np.abs(curvature).max())
    assert np.abs(product).max() > 1e-3


def test_gradient_without_ghost_atoms_wraps_their_indices():
    case, nloc = CASES["open"], 8
    env, net, vectors, *_ = random_rows(case, np.float64)
    arrays = dict(grad=vectors, net=net, deriv=env.deriv, nlist=env.nlist)
    feeds = {key: value[:, :nloc].reshape(2, -1) for key, value in arrays.items()}
    feeds["natoms"] = np.array([nloc, 24, nloc, 0], np.int32)
    found = evaluate(
        lambda grad, net, **k: op_module().prod_force_se_r_grad(grad, net, k["deriv"], k["nlist"], k["natoms"]), feeds
    )
    expected = reference.prod_force_grad(vectors[:, :nloc], env.deriv[:, :nloc], env.nlist[:, :nloc])
    assert env.nlist[:, :nloc].max() >= nloc
    np.testing.assert_allclose(found.ravel(), expected.ravel(), rtol=0, atol=1e-12)


def test_the_old_name_is_the_same_op():
    case = CASES["periodic"]
    call = dict(ATTRIBUTES, sel=list(case.sel))
    old = evaluate(lambda **k: op_module().descrpt_se_r(type=k.pop("atype"), **k, **call), inputs_of(case))
    np.testing.assert_array_equal(old.descrpt.ravel(), run_op(case).descrpt.ravel())


def test_static_shapes():
    with tf.Graph().as_default():
        case = CASES["periodic"]
        inputs = {k: tf.placeholder(v.dtype, [None, *v.shape[1:]], name=k) for k, v in inputs_of(case).items()}
        inputs["natoms"] = tf.constant(inputs_of(case)["natoms"])
        env = prod_env_mat_r(**inputs, **ATTRIBUTES, sel=case.sel)
        slots = case.atype.shape[1] * case.nnei
        assert [t.shape.as_list()[1] for t in env] == [slots, 3 * slots, 3 * slots, slots]
        net = tf.placeholder("float64", [5, slots])
        virial, atomic = prod_virial_se_r(net, env.deriv, env.rij, env.nlist, inputs["natoms"], nnei=case.nnei)
        assert [virial.shape.as_list(), atomic.shape.as_list()] == [[5, 9], [5, 9 * 24]]
        force = prod_force_se_r(net, env.deriv, env.nlist, inputs["natoms"], nnei=case.nnei)
        assert tf.gradients(force, net)[0].shape.as_list() == [5, slots]
        with pytest.raises(ValueError, match=f"in_deriv: expected {3 * slots} columns, found {slots}"):
            prod_force_se_r(net, net, env.nlist, inputs["natoms"], nnei=case.nnei)


def test_bad_inputs_are_named():
    case = CASES["periodic"]
    natoms = np.array([24, 24, 24], np.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="sel: expected one entry for each of 1 types"):
        run_op(case, natoms=natoms)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"mixed types .length 7. are not supported"):
        run_op(case, np.zeros(7))
    with pytest.raises(DataError, match="components: expected 4 or 1, found 3"):
        core.env_mat(*case[:3], **ATTRIBUTES, sel=case.sel, components=3)
