"""Networks with their derivatives, against NumPy in extended precision and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.nn.activation import derivatives, is_smooth
from deepmd_tf.nn.embedding import EmbeddingNet
from deepmd_tf.nn.jet import net_jet, nets_jet, typed_jet
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.support.numpy_model import ACTIVATION_NAMES, embedding, phi

# Away from the corners of relu and relu6, where no derivative exists.
X = np.linspace(-7.9, 8.3, 61)
POINTS = np.linspace(-1.3, 2.9, 9)[:, None]


def weights(neuron, resnet_dt=False, seed=0, bias=True) -> dict[str, np.ndarray]:
    """Random weights under the names of a model file, scope ``net`` and no tag."""
    rng, found = np.random.default_rng(seed), {}
    for k, (rows, columns) in enumerate(zip([1, *neuron[:-1]], neuron), start=1):
        found[f"net/matrix_{k}"] = rng.normal(0, 1.0 / np.sqrt(rows), (rows, columns))
        found[f"net/bias_{k}"] = rng.normal(0, 1, columns) if bias else np.zeros(columns)
        if resnet_dt:
            found[f"net/idt_{k}"] = rng.normal(1, 0.2, (1, columns))
    return found


def network(values: dict, activation: str, depth: int, bias=True) -> EmbeddingNet:
    """The network over these weights, which may be tensors."""
    get = lambda kind, k: values.get(f"net/{kind}_{k}")  # noqa: E731
    layers = [
        tuple(
            None if part is None else tf.convert_to_tensor(part)
            for part in (get("matrix", k), get("bias", k) if bias else None, get("idt", k))
        )
        for k in range(1, depth + 1)
    ]
    return EmbeddingNet(layers, activation)


def expected(values: dict, neuron, activation, x, resnet_dt=False) -> np.ndarray:
    """[K, 3, width]: differences of five points in extended precision, good to about 1e-11."""
    long = {name: value.astype(np.longdouble) for name, value in values.items()}
    h = np.longdouble(3e-4)
    f = {
        j: embedding(x.astype(np.longdouble) + j * h, long, "net", "", neuron, activation, resnet_dt)
        for j in range(-2, 3)
    }
    first = (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * h)
    second = (16 * (f[1] + f[-1]) - (f[2] + f[-2]) - 30 * f[0]) / (12 * h * h)
    return np.stack([f[0], first, second], axis=1).astype(float)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_derivatives_of_activations(name):
    value, first, second = evaluate(lambda x: derivatives(name)(x), {"x": X})
    f, h = lambda x: phi(name)(x), np.longdouble(1e-4)
    x = X.astype(np.longdouble)
    assert np.allclose(value, f(X), rtol=0, atol=1e-14)
    assert np.allclose(first, ((f(x + h) - f(x - h)) / (2 * h)).astype(float), rtol=0, atol=3e-8)
    assert np.allclose(second, ((f(x + h) - 2 * f(x) + f(x - h)) / h**2).astype(float), rtol=0, atol=3e-7)


@pytest.mark.parametrize("name", [name for name in ACTIVATION_NAMES if is_smooth(name)])
def test_tensorflow_differentiates_the_second_derivative(name):
    third = evaluate(lambda x: tf.gradients(derivatives(name)(x)[2] + 0.0 * x, x)[0], {"x": X})
    h = 1e-5
    at = lambda x: evaluate(lambda x: derivatives(name)(x)[2], {"x": x})  # noqa: E731
    assert np.allclose(third, (at(X + h) - at(X - h)) / (2 * h), rtol=0, atol=1e-8)


def test_which_functions_are_smooth():
    assert [name for name in ACTIVATION_NAMES if not is_smooth(name)] == ["relu", "relu6", "silut", "silut:1.5"]
    assert is_smooth(None) and is_smooth("TANH") and not is_smooth("ReLU")


def test_corners_and_overflow():
    at = np.array([0.0, 6.0, 800.0, -800.0])
    first, second = evaluate(lambda x: derivatives("relu6")(x)[1:], {"x": at})
    assert np.array_equal(first, [0, 0, 0, 0]) and np.array_equal(second, [0, 0, 0, 0])
    for name in ("silut", "silu", "gelu", "softplus", "sigmoid", "tanh"):
        assert all(np.isfinite(part).all() for part in evaluate(lambda x, n=name: derivatives(n)(x), {"x": at}))


# Skip of the input, doubling of the input, none at first; then same, double and another width.
SHAPES = [[1, 2, 4], [2, 4, 4], [3, 3, 6], [5, 4, 8]]


@pytest.mark.parametrize("resnet_dt", [False, True])
@pytest.mark.parametrize("neuron", SHAPES, ids=str)
def test_skips_and_time_steps(neuron, resnet_dt):
    values = weights(neuron, resnet_dt)
    got = evaluate(lambda x: net_jet(network(values, "tanh", len(neuron)), x), {"x": POINTS})
    assert got.shape == (len(POINTS), 3, neuron[-1])
    assert np.allclose(got, expected(values, neuron, "tanh", POINTS, resnet_dt), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_every_activation(name):
    neuron = [3, 6, 6]
    values = weights(neuron, seed=4)
    got = evaluate(lambda x: net_jet(network(values, name, 3), x), {"x": POINTS})
    assert np.allclose(got, expected(values, neuron, name, POINTS), rtol=0, atol=1e-9)


def test_closed_form_of_one_layer():
    values = weights([3])
    w, b = values["net/matrix_1"], values["net/bias_1"]
    t = np.tanh(POINTS @ w + b)
    form = np.stack([t, w * (1 - t**2), -2 * w**2 * t * (1 - t**2)], axis=1)
    got = evaluate(lambda x: net_jet(network(values, "tanh", 1), x), {"x": POINTS})
    assert np.allclose(got, form, rtol=0, atol=1e-14)


def test_the_value_is_that_of_the_network():
    values = weights([4, 8, 8], resnet_dt=True)
    net = lambda: network(values, "gelu", 3)  # noqa: E731
    value, jet = evaluate(lambda x: (net()(x), net_jet(net(), x)), {"x": POINTS})
    assert np.allclose(jet[:, 0], value, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("resnet_dt", "bias"), [(True, True), (False, False)])
def test_all_networks_at_once(resnet_dt, bias):
    neuron = [2, 4, 5]
    sets = [weights(neuron, resnet_dt, seed, bias) for seed in range(3)]
    x = np.stack([POINTS, POINTS + 0.3, 2 * POINTS])

    def build(x):
        nets = [network(values, "silu", 3, bias) for values in sets]
        return nets_jet(nets, x), [net_jet(net, x[k]) for k, net in enumerate(nets)]

    together, alone = evaluate(build, {"x": x})
    assert together.shape == (3, len(POINTS), 3, 5)
    assert np.allclose(together, alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_gradient_with_respect_to_the_weights(name):
    neuron = [2, 2, 4]
    sets = [weights(neuron, True, seed) for seed in range(2)]
    rng = np.random.default_rng(7)
    x, factor = np.stack([POINTS, POINTS - 0.2]), rng.normal(0, 1, (2, len(POINTS), 3, 4))
    feeds = {f"n{k}__{name.replace('/', '__')}": v for k, values in enumerate(sets) for name, v in values.items()}

    def build(**tensors):
        nets = [
            network({f"net/{key[9:]}": t for key, t in tensors.items() if key.startswith(f"n{k}")}, name, 3)
            for k in range(2)
        ]
        loss = tf.reduce_sum(nets_jet(nets, tf.constant(x)) * factor)
        return loss, tf.gradients(loss, list(tensors.values()))

    h = 1e-5
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = {key: tf.placeholder("float64", value.shape, key) for key, value in feeds.items()}
        loss, derivatives_of_loss = build(**inputs)
        run = lambda what, values: session.run(what, {inputs[key]: v for key, v in values.items()})  # noqa: E731
        for gradient, key in zip(run(derivatives_of_loss, feeds), feeds):
            direction = rng.normal(0, 1, feeds[key].shape)
            up, down = (run(loss, {**feeds, key: feeds[key] + s * h * direction}) for s in (1, -1))
            found, expected = (gradient * direction).sum(), (up - down) / (2 * h)
            assert abs(found - expected) < 1e-6 * max(1.0, np.abs(gradient).max()), key


def test_float32():
    values = {name: value.astype(np.float32) for name, value in weights([3, 6]).items()}
    got = evaluate(lambda x: net_jet(network(values, "tanh", 2), x), {"x": POINTS.astype(np.float32)})
    assert got.dtype == np.float32
    exact = expected({name: value.astype(float) for name, value in values.items()}, [3, 6], "tanh", POINTS)
    assert np.allclose(got, exact, rtol=0, atol=1e-5)


@pytest.mark.parametrize("neuron", [(3, 6), (6, 5)], ids=["width of the input", "twice that"])
def test_types_are_constants(neuron):
    """Skip connections of the first layer carry them on; derivatives by differences of five points."""
    rng = np.random.default_rng(5)
    types, x = rng.normal(size=(4, 2)), rng.normal(size=(4, 7))
    layers = [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in zip((3, *neuron[:-1]), neuron)]
    values = {
        f"net/{kind}_{k}": part for k, pair in enumerate(layers, 1) for kind, part in zip(("matrix", "bias"), pair)
    }
    h = 1e-3

    def build(x, types):
        net = network(values, "tanh", 2)
        rows = lambda j: tf.concat([x[:, :, None] + j * h, tf.tile(types[:, None, :], [1, 7, 1])], axis=2)  # noqa: E731
        near = [tf.reshape(net(tf.reshape(rows(j), [-1, 3])), [4, 7, -1]) for j in range(-2, 3)]
        return typed_jet(net, x, types), near

    got, f = evaluate(build, {"x": x, "types": types})
    first = (8 * (f[3] - f[1]) - (f[4] - f[0])) / (12 * h)
    second = (16 * (f[3] + f[1]) - (f[4] + f[0]) - 30 * f[2]) / (12 * h * h)
    assert got.shape == (4, 7, 3, neuron[-1])
    for order, (expected, tolerance) in enumerate(((f[2], 1e-14), (first, 1e-9), (second, 1e-7))):
        np.testing.assert_allclose(got[:, :, order], expected, rtol=0, atol=tolerance)
