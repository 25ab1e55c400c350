"""The fitting op: reference, finite differences of first and second order, sizes of all kinds, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.nn.activation import activation as stock_activation
from deepmd_tf.ops.fitting import fitting_net
from deepmd_tf.ops.reference.fitting import activation
from deepmd_tf.ops.reference.fitting import fitting_net as by_definition
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.support.numpy_model import ACTIVATION_NAMES

# Layers of several kinds: a first one as wide as x, a skip, another width, widths that fill no register.
NEURON = (5, 5, 7)
PRECISIONS = {np.float64: 1e-13, np.float32: 3e-5}


class Net:
    """Random weights of all types and random rows."""

    def __init__(self, counts, *, nframes=1, d=5, neuron=NEURON, timestep=True, activation_function="tanh", seed=0):
        self.rng = np.random.default_rng(seed)
        self.natoms = np.array([sum(counts), sum(counts), *counts], np.int32)
        self.options = dict(neuron=list(neuron), activation_function=activation_function, timestep=timestep)
        self.x = self.rng.normal(size=(nframes * sum(counts), d))
        self.weights = [w for _ in counts for w in self._network(d, neuron, timestep)]

    def _network(self, width, neuron, timestep):
        for k, size in enumerate(neuron):
            yield self.rng.normal(size=(width, size)) / np.sqrt(width)
            yield self.rng.normal(size=size)
            if timestep and k > 0 and size == width:
                yield self.rng.normal(0.5, 0.2, size)
            width = size
        yield self.rng.normal(size=(width, 1)) / np.sqrt(width)
        yield self.rng.normal(size=1)

    def feeds(self, dtype=np.float64) -> dict:
        weights = {f"w{k}": w.astype(dtype) for k, w in enumerate(self.weights)}
        return dict(x=self.x.astype(dtype), natoms=self.natoms, **weights)

    def op(self, x, natoms, **weights):
        return fitting_net(x, natoms, list(weights.values()), **self.options)

    def check(self, dtype=np.float64, **session):
        found = evaluate(self.op, self.feeds(dtype), **session)
        expected = by_definition(self.x, self.natoms, self.weights, **self.options)
        for a, b in zip(found, expected):
            assert a.dtype == dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=0, atol=PRECISIONS[dtype] * np.abs(b).max(initial=1))
        return found


def stock(net: Net):
    """The same function of stock TensorFlow ops, type by type."""

    def build(x, natoms, **weights):
        tensors, per_type = list(weights.values()), len(weights) // (len(net.natoms) - 2)
        frames = tf.reshape(x, [-1, net.natoms[0], x.shape[1]])
        energies, at = [], 0
        for t, count in enumerate(net.natoms[2:]):
            h = tf.reshape(frames[:, at : at + count], [-1, x.shape[1]])
            at += count
            mine = iter(tensors[t * per_type : (t + 1) * per_type])
            for k, width in enumerate(net.options["neuron"]):
                skip = k > 0 and width == net.options["neuron"][k - 1]
                y = stock_activation(net.options["activation_function"])(tf.matmul(h, next(mine)) + next(mine))
                if skip and net.options["timestep"]:
                    y *= next(mine)
                h = h + y if skip else y
            energies.append(tf.reshape(tf.matmul(h, next(mine)) + next(mine), [-1, count]))
        return tf.reshape(tf.concat(energies, axis=1), [-1])

    return build


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_reference_has_the_slopes_of_its_values(name):
    x, h = np.linspace(-7.9, 8.3, 60), 1e-5
    for order in (1, 2):
        slope = (activation(name, x + h, order=order - 1) - activation(name, x - h, order=order - 1)) / (2 * h)
        np.testing.assert_allclose(activation(name, x, order=order), slope, rtol=0, atol=1e-9)
    net = Net((2,), activation_function=name)
    slope = by_definition(net.x, net.natoms, net.weights, **net.options)[1]
    for j in range(net.x.shape[1]):
        sides = [
            by_definition(net.x + s * h * np.eye(5)[j], net.natoms, net.weights, **net.options)[0] for s in (1, -1)
        ]
        np.testing.assert_allclose(slope[:, j], (sides[0] - sides[1]) / (2 * h), rtol=0, atol=1e-8)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_equals_the_reference(name, dtype):
    Net((4, 3), activation_function=name).check(dtype)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("counts", [(0,), (1,), (3,), (17,), (0, 3), (3, 0, 2), (0, 0), (40, 101)])
def test_numbers_of_atoms(counts, dtype):
    Net(counts).check(dtype)


@pytest.mark.parametrize("nframes", [2, 3, 20])
def test_several_frames(nframes):
    Net((3, 0, 9), nframes=nframes).check()


@pytest.mark.parametrize("neuron", [(1,), (3, 3), (8, 8), (24, 25), (31, 48, 48), (300, 300)])
def test_widths(neuron):
    for d in (0, 1, 17, 300):
        Net((2, 9), d=d, neuron=neuron, timestep=d != 17).check()
    Net((2, 9), d=30, neuron=neuron).check(np.float32)


def gradients_of(build):
    """Loss of energies and forces of atoms at ``r``, x = sin(r mix), and its gradients by positions and weights."""

    def graph(x, mix, cosine, natoms, **weights):
        features = tf.sin(tf.matmul(x, mix))
        energy = build(features, natoms, **weights)
        force = -tf.gradients(energy, x)[0]
        loss = tf.reduce_sum(cosine * energy**2) + tf.reduce_sum(force**2) + tf.reduce_sum(force[:, 0])
        return loss, force, tf.gradients(loss, [x, *weights.values()])

    return graph


def with_positions(net: Net) -> dict:
    d = net.x.shape[1]
    return net.feeds() | dict(mix=np.random.default_rng(5).normal(size=(d, d)), cosine=np.cos(np.arange(len(net.x))))


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("counts, nframes", [((3, 2), 1), ((2, 0, 3), 2)])
def test_a_loss_with_forces_against_finite_differences(name, counts, nframes):
    net = Net(counts, nframes=nframes, activation_function=name)
    feeds, step = with_positions(net), 1e-6
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = {key: tf.placeholder(value.dtype, value.shape) for key, value in feeds.items()}
        loss, _, gradients = gradients_of(lambda *a, **k: net.op(*a, **k)[0])(**inputs)

        def run(fetch, **moved):
            return session.run(fetch, {inputs[key]: value for key, value in (feeds | moved).items()})

        variables = ["x", *(f"w{k}" for k in range(len(net.weights)))]
        for key, gradient in zip(variables, run(gradients)):
            move = np.random.default_rng(8).normal(size=feeds[key].shape)
            up, down = (run(loss, **{key: feeds[key] + s * step * move}) for s in (1, -1))
            assert (gradient * move).sum() == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("timestep", [True, False])
def test_a_loss_with_forces_equals_stock_tensorflow(name, timestep):
    """Every element of the gradients, with rows and columns that fill no register and several tasks."""
    net = Net((70, 9), nframes=2, d=37, neuron=(20, 20, 33), activation_function=name, timestep=timestep)
    found = evaluate(gradients_of(lambda *a, **k: net.op(*a, **k)[0]), with_positions(net))
    expected = evaluate(gradients_of(stock(net)), with_positions(net))
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(expected)):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


def test_the_energy_alone_and_the_slope_alone():
    net = Net((6, 5), d=8)

    def graph(op, which):
        def build(x, natoms, **weights):
            energy = op(x, natoms, **weights)
            out = energy if which == 0 else tf.gradients(energy, x)[0]
            return tf.gradients(tf.reduce_sum(tf.sin(out)), [x, *weights.values()], unconnected_gradients="zero")

        return build

    for which in range(2):
        found = evaluate(graph(lambda *a, **k: net.op(*a, **k)[0], which), net.feeds())
        for a, b in zip(found, evaluate(graph(stock(net), which), net.feeds())):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    direct = evaluate(lambda x, **k: tf.gradients(tf.reduce_sum(tf.sin(net.op(x, **k)[1])), x)[0], net.feeds())
    np.testing.assert_allclose(direct, found[0], rtol=0, atol=1e-12)  # slope itself, not through the energy


def test_types_may_share_weights():
    net = Net((4, 3))
    shared = net.weights[: len(net.weights) // 2]
    net.weights = [*shared, *shared]
    feeds = {k: v for k, v in net.feeds().items() if not k.startswith("w")} | {f"w{k}": w for k, w in enumerate(shared)}

    def build(op):
        def graph(x, natoms, **weights):
            twice = {f"v{t}{k}": w for t in range(2) for k, w in weights.items()}
            energy = op(x, natoms, **twice)
            loss = tf.reduce_sum(energy**2) + tf.reduce_sum(tf.gradients(energy, x)[0] ** 2)
            return energy, tf.gradients(loss, list(weights.values()))

        return graph

    found = evaluate(build(lambda *a, **k: net.op(*a, **k)[0]), feeds)
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(evaluate(build(stock(net)), feeds))):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_weights_of_a_type_without_atoms_get_zeros():
    net = Net((3, 0))
    gradients = evaluate(gradients_of(lambda *a, **k: net.op(*a, **k)[0]), with_positions(net))[2][1:]
    half = len(gradients) // 2
    assert all(np.abs(g).max() > 0 for g in gradients[:half])
    assert all((g == 0).all() for g in gradients[half:])


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_bits_do_not_depend_on_the_number_of_threads(dtype):
    net = Net((150, 61), d=70, neuron=(40, 40, 13))
    feeds = {k: v.astype(dtype) if v.dtype == np.float64 else v for k, v in with_positions(net).items()}
    graph = gradients_of(lambda *a, **k: net.op(*a, **k)[0])
    one, four = (tf.nest.flatten(evaluate(graph, feeds, threads=n)) for n in (1, 4))
    for a, b in zip(one, four):
        np.testing.assert_array_equal(a, b)


def test_float32_gradients_are_those_of_float64_to_rounding():
    net = Net((11, 6), d=9)
    feeds = with_positions(net)
    single = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in feeds.items()}
    graph = gradients_of(lambda *a, **k: net.op(*a, **k)[0])
    for a, b in zip(*(tf.nest.flatten(evaluate(graph, f)) for f in (single, feeds))):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max())


def test_static_shapes():
    net = Net((2, 3), d=9)
    with tf.Graph().as_default():
        weights = [tf.constant(w) for w in net.weights]
        energy, slope = fitting_net(tf.placeholder("float64", [None, 9]), net.natoms, weights, **net.options)
        assert energy.shape.as_list() == [None] and slope.shape.as_list() == [None, 9]
        x = tf.placeholder("float64", [10, 9])
        energy, slope = fitting_net(x, tf.placeholder("int32", None), weights, **net.options)
        assert energy.shape.as_list() == [10] and slope.shape.as_list() == [10, 9]
        for weight, gradient in zip(weights, tf.gradients(tf.gradients(energy, x)[0], weights)):
            assert gradient is None or gradient.shape == weight.shape


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(natoms=[5, 5, 2, 2]), "natoms: expected 5 atoms in all types together, found 4"),
        (dict(natoms=[4, 4, 2, 2]), "x: expected rows for whole frames of 4 atoms, found 5"),
        (dict(activation_function="tahn"), "expected one of tanh, gelu, .*, found 'tahn'"),
        (dict(activation_function="silut:-1"), "found 'silut:-1'"),
    ],
)
def test_values_that_do_not_fit(change, message):
    net = Net((2, 3))
    net.options |= {k: v for k, v in change.items() if k in net.options}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        evaluate(net.op, net.feeds() | {k: np.array(v, np.int32) for k, v in change.items() if k == "natoms"})


@pytest.mark.parametrize(
    "change", [dict(natoms=np.zeros(5, np.int32)), dict(w0=np.zeros((5, 4))), dict(w1=np.zeros(4))]
)
def test_shapes_that_do_not_fit(change):
    net = Net((2, 3))
    with pytest.raises(ValueError):
        evaluate(net.op, net.feeds() | change)
    net.weights = net.weights[:-1]
    with pytest.raises(ValueError, match="the same number for each type"):
        evaluate(net.op, net.feeds())
