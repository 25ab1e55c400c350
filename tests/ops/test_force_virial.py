"""Force, virial and their transposes: reference, core per target and TensorFlow op; differences; gradients."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.ops import core, reference
from deepmd_tf.ops.env_mat import prod_env_mat_a
from deepmd_tf.ops.force import prod_force_se_a
from deepmd_tf.ops.library import op_module
from deepmd_tf.ops.session import evaluate
from deepmd_tf.ops.virial import prod_virial_se_a
from deepmd_tf.tf1 import tf
from tests.ops.cases import CASES, PRECISIONS, make
from tests.ops.test_env_mat import op_inputs

NAMES = ("periodic", "dense", "small_box", "virtual", "far_apart", "no_slots_of_a_type")


def energy(coord, case, box=None) -> np.ndarray:
    """A smooth energy per frame, sum of sin of the environment matrix, whose slots are equal within a type."""
    settings = case.settings() | dict(davg=None, dstd=None, derivative=False)
    env = core.env_mat(coord, case.atype, case.box if box is None else box, **settings)
    return np.sin(env.descrpt).sum(axis=(1, 2, 3))


def environment(case):
    """Environment matrix and the derivative of :func:`energy` by it."""
    env = core.env_mat(*case[:3], **case.settings() | dict(davg=None, dstd=None))
    return env, np.cos(env.descrpt)


def random_rows(case, dtype, seed=1):
    """Real deriv, rij and nlist with random numbers for what the kernels are linear in."""
    env = core.env_mat(*case.as_dtype(dtype)[:3], **case.settings())
    rng = np.random.default_rng(seed)
    nf, natoms = case.atype.shape

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    return env, draw(*env.descrpt.shape), draw(nf, natoms, 3), draw(nf, 9), draw(nf, natoms, 9)


def close(found, expected, dtype):
    scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=PRECISIONS[dtype] * scale)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", NAMES)
def test_core_equals_the_reference(name, dtype):
    env, net, vectors, matrices, atomic = random_rows(CASES[name], dtype)
    rows = (env.deriv, env.rij, env.nlist)
    for target in core.targets():
        settings = dict(target=target, threads=2)
        close(
            core.prod_force(net, env.deriv, env.nlist, **settings),
            reference.prod_force(net, env.deriv, env.nlist),
            dtype,
        )
        close(
            core.prod_force_grad(vectors, env.deriv, env.nlist, **settings),
            reference.prod_force_grad(vectors, env.deriv, env.nlist),
            dtype,
        )
        found, expected = core.prod_virial(net, *rows, **settings), reference.prod_virial(net, *rows)
        close(found[0], expected[0], dtype)
        close(found[1], expected[1], dtype)
        np.testing.assert_array_equal(core.prod_virial(net, *rows, atomic=False, **settings)[0], found[0])
        for grad_atom in (None, atomic):
            close(
                core.prod_virial_grad(matrices, *rows, grad_atom=grad_atom, **settings),
                reference.prod_virial_grad(matrices, *rows, grad_atom=grad_atom),
                dtype,
            )


def run_ops(case, net, dtype):
    """Force, virial, atomic virial of the ops."""

    def build(net, **inputs):
        env = prod_env_mat_a(rcut=4.0, rcut_smth=1.5, sel=case.sel, **inputs)
        force = prod_force_se_a(net, env.deriv, env.nlist, inputs["natoms"], nnei=case.nnei)
        virial = prod_virial_se_a(net, env.deriv, env.rij, env.nlist, inputs["natoms"], nnei=case.nnei)
        return force, *virial

    feeds = op_inputs(case.as_dtype(dtype)) | dict(net=net.reshape(len(net), -1))
    return evaluate(build, feeds)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", NAMES)
def test_ops_equal_the_core(name, dtype):
    case = CASES[name]
    env, net, *_ = random_rows(case, dtype)
    force, virial, atom_virial = run_ops(case, net, dtype)
    expected = core.prod_virial(net, env.deriv, env.rij, env.nlist)
    np.testing.assert_array_equal(force.reshape(*case.atype.shape, 3), core.prod_force(net, env.deriv, env.nlist))
    np.testing.assert_array_equal(virial, expected[0])
    np.testing.assert_array_equal(atom_virial.reshape(*case.atype.shape, 9), expected[1])


@pytest.mark.parametrize("name", ["periodic", "triclinic", "small_box", "open", "virtual"])
def test_force_is_minus_the_slope_of_the_energy(name):
    case, step = CASES[name], 1e-5
    env, net = environment(case)
    force = core.prod_force(net, env.deriv, env.nlist).reshape(len(case.coord), -1)
    for k in range(0, case.coord.shape[1], 4):
        up, down = case.coord.copy(), case.coord.copy()
        up[:, k] += step
        down[:, k] -= step
        slope = (energy(up, case) - energy(down, case)) / (2 * step)
        np.testing.assert_allclose(force[:, k], -slope, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ["periodic", "triclinic", "small_box"])
def test_virial_is_minus_the_slope_in_the_strain(name):
    """virial[d, e] = -dE/dF[e, d] for the deformation r -> r F, at F = 1."""
    case, step = CASES[name], 1e-5
    env, net = environment(case)
    virial, atom_virial = core.prod_virial(net, env.deriv, env.rij, env.nlist)
    for d in range(3):
        for e in range(3):
            sides = []
            for sign in (1, -1):
                strain = np.eye(3)
                strain[e, d] += sign * step
                coord = (case.coord.reshape(-1, 3) @ strain).reshape(case.coord.shape)
                box = (case.box.reshape(-1, 3) @ strain).reshape(case.box.shape)
                sides.append(energy(coord, case, box))
            np.testing.assert_allclose(virial[:, 3 * d + e], -(sides[0] - sides[1]) / (2 * step), rtol=0, atol=1e-6)
    np.testing.assert_allclose(atom_virial.sum(axis=1), virial, rtol=0, atol=1e-10)


def test_transposes_by_the_inner_product():
    """<force(net), g> = <net, force_grad(g)> and the same for the virial: exact, both being linear."""
    env, net, vectors, matrices, atomic = random_rows(make(natoms=130, size=13.0), np.float64)  # several chunks a frame
    rows = (env.deriv, env.rij, env.nlist)
    left = (core.prod_force(net, env.deriv, env.nlist) * vectors).sum()
    right = (net * core.prod_force_grad(vectors, env.deriv, env.nlist)).sum()
    np.testing.assert_allclose(left, right, rtol=1e-12)
    virial, atom_virial = core.prod_virial(net, *rows)
    left = (virial * matrices).sum() + (atom_virial * atomic).sum()
    right = (net * core.prod_virial_grad(matrices, *rows, grad_atom=atomic)).sum()
    np.testing.assert_allclose(left, right, rtol=1e-12)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_threads_and_targets_give_the_same_bits(dtype):
    env, net, vectors, _, _ = random_rows(make(natoms=150, size=13.0, frames=3), dtype)
    rows = (env.deriv, env.rij, env.nlist)
    force, virial = core.prod_force(net, env.deriv, env.nlist), core.prod_virial(net, *rows)
    grad = core.prod_force_grad(vectors, env.deriv, env.nlist)
    for target in core.targets():
        for threads in (1, 2, 5):
            settings = dict(target=target, threads=threads)
            np.testing.assert_array_equal(core.prod_force(net, env.deriv, env.nlist, **settings), force)
            np.testing.assert_array_equal(core.prod_force_grad(vectors, env.deriv, env.nlist, **settings), grad)
            for found, expected in zip(core.prod_virial(net, *rows, **settings), virial):
                np.testing.assert_array_equal(found, expected)


def test_session_threads_give_the_same_bits():
    case = make(natoms=150, size=13.0, frames=2)
    _, net, *_ = random_rows(case, np.float64)
    natoms = op_inputs(case)["natoms"]
    env = core.env_mat(*case[:3], **case.settings())
    feeds = dict(net=net.reshape(2, -1), deriv=env.deriv.reshape(2, -1), nlist=env.nlist.reshape(2, -1), natoms=natoms)

    def build(**inputs):
        return prod_force_se_a(inputs.pop("net"), **inputs, nnei=case.nnei)

    one, two = (evaluate(build, feeds, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def loss_graph(case, coefficients):
    """A loss of force and virial, its gradient by ``net`` and the product of its Hessian with a vector."""

    def build(net, vector, deriv, rij, nlist, natoms):
        force = prod_force_se_a(net, deriv, nlist, natoms, nnei=case.nnei)
        virial, _ = prod_virial_se_a(net, deriv, rij, nlist, natoms, nnei=case.nnei)
        loss = coefficients[0] * tf.reduce_sum(tf.sin(force)) + coefficients[1] * tf.reduce_sum(tf.sin(virial))
        (gradient,) = tf.gradients(loss, net)
        (product,) = tf.gradients(tf.reduce_sum(gradient * vector), net)
        return loss, gradient, product

    return build


@pytest.mark.parametrize("coefficients", [(1.0, 0.0), (0.0, 1.0)], ids=["force", "virial"])
def test_first_and_second_order_gradients(coefficients):
    case, step = make(natoms=6, size=5.0, sel=(10, 12), frames=1), 1e-6
    env, net, *_ = random_rows(case, np.float64)
    rng = np.random.default_rng(5)
    feeds = dict(
        vector=rng.normal(size=(1, net.size)),
        deriv=env.deriv.reshape(1, -1),
        rij=env.rij.reshape(1, -1),
        nlist=env.nlist.reshape(1, -1),
        natoms=op_inputs(case)["natoms"],
    )
    run = lambda values: evaluate(loss_graph(case, coefficients), feeds | dict(net=values))  # noqa: E731
    base = 0.1 * net.reshape(1, -1)
    _, gradient, product = run(base)
    (up, gradient_up, _), (down, gradient_down, _) = (run(base + sign * step * feeds["vector"]) for sign in (1, -1))
    np.testing.assert_allclose((gradient * feeds["vector"]).sum(), (up - down) / (2 * step), rtol=1e-6)
    slope = (gradient_up - gradient_down) / (2 * step)
    np.testing.assert_allclose(product, slope, rtol=0, atol=1e-6 * np.abs(slope).max())
    assert np.abs(product).max() > 1e-3


def test_gradient_without_ghost_atoms_wraps_their_indices():
    """With a gradient of nloc*3 columns, neighbour j >= nloc reads entry j mod nloc."""
    case = CASES["open"]
    env, net, vectors, *_ = random_rows(case, np.float64)
    nf, nloc = 2, 8
    natoms = np.array([nloc, 24, nloc, 0], np.int32)
    local = [x[:, :nloc].reshape(nf, -1) for x in (net, env.deriv, env.nlist)]
    feeds = dict(grad=vectors[:, :nloc].reshape(nf, -1), net=local[0], deriv=local[1], nlist=local[2], natoms=natoms)

    def build(grad, net, deriv, nlist, natoms):
        return op_module().prod_force_se_a_grad(grad, net, deriv, nlist, natoms, n_a_sel=case.nnei, n_r_sel=0)

    expected = reference.prod_force_grad(vectors[:, :nloc], env.deriv[:, :nloc], env.nlist[:, :nloc])
    assert env.nlist[:, :nloc].max() >= nloc
    np.testing.assert_allclose(evaluate(build, feeds).ravel(), expected.ravel(), rtol=0, atol=1e-12)


def test_gradient_of_the_atomic_virial_is_refused():
    def build(net, deriv, rij, nlist, natoms):
        _, atomic = prod_virial_se_a(net, deriv, rij, nlist, natoms, nnei=1)
        return tf.gradients(tf.reduce_sum(tf.square(atomic)), net)

    feeds = dict(net=np.ones((1, 4)), deriv=np.ones((1, 12)), rij=np.ones((1, 3)), nlist=[[0]], natoms=[1, 1, 1])
    feeds = {k: np.asarray(v, np.int32 if k in ("nlist", "natoms") else float) for k, v in feeds.items()}
    with pytest.raises(NotImplementedError, match="atomic virial"):
        evaluate(build, feeds)


def test_static_shapes():
    with tf.Graph().as_default():
        net, deriv = tf.placeholder("float64", [None, 4 * 6]), tf.placeholder("float64", [None, 12 * 6])
        rij, nlist = tf.placeholder("float64", [5, 3 * 6]), tf.placeholder("int32", [5, 6])
        natoms = tf.constant([2, 3, 2])
        assert prod_force_se_a(net, deriv, nlist, natoms, nnei=3).shape.as_list() == [5, 9]
        virial, atomic = prod_virial_se_a(net, deriv, rij, nlist, natoms, nnei=3)
        assert virial.shape.as_list() == [5, 9]
        assert atomic.shape.as_list() == [5, 27]
        (gradient,) = tf.gradients(virial, net)
        assert gradient.shape.as_list() == [5, 24]
        with pytest.raises(ValueError, match="in_deriv: expected 72 columns, found 24"):
            prod_force_se_a(net, net, nlist, natoms, nnei=3)


def test_no_atoms():
    """A processor of a parallel run may own none."""
    zeros = {name: np.zeros((1, 0)) for name in ("net", "deriv", "rij")}
    feeds = zeros | dict(nlist=np.zeros((1, 0), np.int32), natoms=np.array([0, 2, 0], np.int32))

    def build(net, deriv, rij, nlist, natoms):
        force = prod_force_se_a(net, deriv, nlist, natoms, nnei=3)
        return force, *prod_virial_se_a(net, deriv, rij, nlist, natoms, nnei=3)

    for value, width in zip(evaluate(build, feeds), (6, 9, 18)):
        np.testing.assert_array_equal(value, np.zeros((1, width)))


def test_neighbor_out_of_range_is_named():
    env, net, *_ = random_rows(CASES["periodic"], np.float64)
    nlist = env.nlist.copy()
    nlist[1, 2, 0] = 99
    for call in (
        lambda: core.prod_force(net, env.deriv, nlist),
        lambda: core.prod_virial(net, env.deriv, env.rij, nlist),
    ):
        with pytest.raises(DataError, match="nlist: expected atoms below 24, found 99"):
            call()


BAD_INPUTS = {
    "net_deriv": (dict(net=np.zeros((1, 5))), r"net_deriv: expected shape \[1,8\], found \[1,5\]"),
    "in_deriv": (dict(deriv=np.zeros((1, 23))), r"in_deriv: expected shape \[1,24\], found \[1,23\]"),
    "nlist": (dict(natoms=np.array([3, 3, 3], np.int32)), "nlist: expected natoms.0. = 3 times"),
    "natoms": (dict(natoms=np.array([2, 2], np.int32)), "natoms: expected a vector of 2 . ntypes"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs_of_the_op_are_named(name):
    changes, text = BAD_INPUTS[name]
    feeds = dict(
        net=np.zeros((1, 8)),
        deriv=np.zeros((1, 24)),
        nlist=np.zeros((1, 2), np.int32),
        natoms=np.array([2, 2, 2], np.int32),
    )

    def build(**inputs):  # shapes are hidden from the shape function, to reach the kernel
        hidden = {k: tf.placeholder_with_default(v, [None] * len(v.shape)) for k, v in inputs.items()}
        return prod_force_se_a(hidden.pop("net"), **hidden, nnei=1)

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(build, feeds | changes)
