"""Force and virial in one op: the results of the separate ops, in any combination, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import core, reference
from deepmd_tf.ops.force_virial import force_virial, force_virial_by_two
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops import test_radial
from tests.ops.cases import CASES, PRECISIONS, Case, make
from tests.ops.test_env_mat import op_inputs

NAMES = ("periodic", "dense", "small_box", "virtual", "far_apart", "no_slots_of_a_type")
COMPONENTS = (4, 1)


def settings(case: Case, components: int) -> dict:
    return case.settings() if components == 4 else test_radial.settings(case)


def inputs(case: Case, components: int, dtype=np.float64, seed=1) -> tuple[core.EnvMat, dict]:
    """Rows of real neighbours, with random numbers for the derivative of an energy; and the feeds of the op."""
    env = core.env_mat(*case.as_dtype(dtype)[:3], **settings(case, components))
    net = np.random.default_rng(seed).normal(size=env.descrpt.shape).astype(dtype)
    arrays = dict(net_deriv=net, deriv=env.deriv, rij=env.rij, nlist=env.nlist)
    feeds = {key: value.reshape(len(value), -1) for key, value in arrays.items()}
    return env, feeds | dict(natoms=op_inputs(case)["natoms"])


def build(net_deriv, deriv, rij, nlist, natoms):
    return force_virial(net_deriv, deriv, rij, nlist, natoms, nnei=1)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("components", COMPONENTS)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference_and_the_separate_kernels(name, components, dtype):
    env, feeds = inputs(CASES[name], components, dtype)
    net = feeds["net_deriv"].reshape(env.descrpt.shape)
    found = evaluate(build, feeds)
    expected = (
        reference.prod_force(net, env.deriv, env.nlist),
        *reference.prod_virial(net, env.deriv, env.rij, env.nlist),
    )
    separate = (core.prod_force(net, env.deriv, env.nlist), *core.prod_virial(net, env.deriv, env.rij, env.nlist))
    for value, slow, alone in zip(found, expected, separate):
        tolerance = PRECISIONS[dtype] * np.abs(slow).max(initial=1.0)
        np.testing.assert_allclose(value.ravel(), slow.ravel(), rtol=0, atol=tolerance)
        np.testing.assert_array_equal(value.ravel(), alone.ravel())


@pytest.mark.parametrize("components", COMPONENTS)
def test_by_two_gives_the_same_bits(components):
    case = CASES["periodic"]
    _, feeds = inputs(case, components)
    two = evaluate(lambda **k: force_virial_by_two(**k, nnei=case.nnei, components=components), feeds)
    for value, expected in zip(evaluate(build, feeds), two):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("components", COMPONENTS)
@pytest.mark.parametrize("read", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_what_is_read_does_not_depend_on_what_else_is_read(read, components):
    _, feeds = inputs(make(natoms=90, size=11.0, frames=2), components)  # several chunks a frame
    everything = evaluate(build, feeds)
    some = evaluate(lambda **k: [build(**k)[part] for part in read], feeds)
    for part, value in zip(read, some):
        np.testing.assert_array_equal(value, everything[part])


@pytest.mark.parametrize("components", COMPONENTS)
def test_session_threads_give_the_same_bits(components):
    _, feeds = inputs(make(natoms=150, size=13.0, frames=2), components)

    def with_gradient(**k):
        out = build(**k)
        loss = tf.reduce_sum(tf.sin(out.force)) + tf.reduce_sum(tf.sin(out.virial))
        return *out, tf.gradients(loss, k["net_deriv"])[0]

    for one, two in zip(*(evaluate(with_gradient, feeds, threads=n) for n in (1, 2))):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("components", COMPONENTS)
@pytest.mark.parametrize("coefficients", [(1.0, 0.0), (0.0, 1.0), (0.7, 0.3)], ids=["force", "virial", "both"])
def test_first_and_second_order_gradients(coefficients, components):
    case, step = make(natoms=6, size=5.0, sel=(10, 12), frames=1), 1e-6
    _, feeds = inputs(case, components)
    base = 0.1 * feeds.pop("net_deriv")
    feeds["vector"] = np.random.default_rng(5).normal(size=base.shape)

    def losses(vector, **k):
        force, virial, _ = build(**k)
        loss = coefficients[0] * tf.reduce_sum(tf.sin(force)) + coefficients[1] * tf.reduce_sum(tf.sin(virial))
        (gradient,) = tf.gradients(loss, k["net_deriv"])
        return loss, gradient, tf.gradients(tf.reduce_sum(gradient * vector), k["net_deriv"])[0]

    sides = [evaluate(losses, feeds | dict(net_deriv=base + sign * step * feeds["vector"])) for sign in (1, -1)]
    _, gradient, product = evaluate(losses, feeds | dict(net_deriv=base))
    slope = (sides[0][0] - sides[1][0]) / (2 * step)
    np.testing.assert_allclose((gradient * feeds["vector"]).sum(), slope, rtol=1e-6)
    curvature = (sides[0][1] - sides[1][1]) / (2 * step)
    np.testing.assert_allclose(product, curvature, rtol=0, atol=1e-6 * np.abs(curvature).max())
    assert np.abs(product).max() > 1e-3


def test_gradient_of_the_atomic_virial_is_refused():
    _, feeds = inputs(CASES["periodic"], 4)
    with pytest.raises(NotImplementedError, match="atomic virial"):
        evaluate(lambda **k: tf.gradients(tf.reduce_sum(tf.square(build(**k).atom_virial)), k["net_deriv"]), feeds)


@pytest.mark.parametrize("components", COMPONENTS)
def test_static_shapes(components):
    with tf.Graph().as_default():
        net = tf.placeholder("float64", [None, components * 6])
        deriv = tf.placeholder("float64", [None, 3 * components * 6])
        rij, nlist = tf.placeholder("float64", [5, 3 * 6]), tf.placeholder("int32", [5, 6])
        out = build(net, deriv, rij, nlist, tf.constant([2, 3, 2]))
        assert [tensor.shape.as_list() for tensor in out] == [[5, 9], [5, 9], [5, 27]]
        (gradient,) = tf.gradients(out.force, net)
        assert gradient.shape.as_list() == [5, components * 6]
        with pytest.raises(ValueError, match=f"in_deriv: expected {3 * components * 6} columns"):
            build(net, net, rij, nlist, tf.constant([2, 3, 2]))


def test_no_atoms():
    """A processor of a parallel run may own none."""
    zeros = {name: np.zeros((1, 0)) for name in ("net_deriv", "deriv", "rij")}
    feeds = zeros | dict(nlist=np.zeros((1, 0), np.int32), natoms=np.array([0, 2, 0], np.int32))
    for value, width in zip(evaluate(build, feeds), (6, 9, 18)):
        np.testing.assert_array_equal(value, np.zeros((1, width)))


BAD_INPUTS = {
    "net_deriv": (dict(net_deriv=np.zeros((1, 5))), r"net_deriv: expected shape \[1,8\], found \[1,5\]"),
    "in_deriv": (dict(deriv=np.zeros((1, 23))), "in_deriv: expected 12 or 3 columns for each of 2 slots"),
    "rij": (dict(rij=np.zeros((1, 5))), r"rij: expected shape \[1,6\], found \[1,5\]"),
    "nlist": (dict(natoms=np.array([3, 3, 3], np.int32)), r"nlist: expected natoms\[0\] = 3 times"),
    "neighbour": (dict(nlist=np.array([[0, 7]], np.int32)), "nlist: expected atoms below 2, found 7"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_inputs_are_named(name):
    changes, text = BAD_INPUTS[name]
    feeds = dict(
        net_deriv=np.zeros((1, 8)), deriv=np.zeros((1, 24)), rij=np.zeros((1, 6)), nlist=np.zeros((1, 2), np.int32)
    )

    def hidden(**k):  # from the shape function, to reach the kernel
        return build(**{key: tf.placeholder_with_default(v, [None] * len(v.shape)) for key, v in k.items()})

    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        evaluate(hidden, feeds | dict(natoms=np.array([2, 2, 2], np.int32)) | changes)
