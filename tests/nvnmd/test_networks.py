"""The networks of the first step: their equations in NumPy, and the path from training to a frozen model."""

from __future__ import annotations

import numpy as np
import pytest

import nvnmd.plugin  # noqa: F401  (registers the components)
from deepmd_tf.errors import ConfigError
from deepmd_tf.fitting.base import fittings
from deepmd_tf.model.make import make_model
from deepmd_tf.tf1 import tf
from nvnmd.model.activation import tanh4
from nvnmd.model.descriptor import band
from tests.suites.physics import TRICLINIC, crystal
from tests.support.graphs import ModelUnderTest

SECTION = {
    "type_map": ["Ge", "Te"],
    "descriptor": {"type": "nvnmd_se_a", "sel": [40, 44], "rcut": 4.0, "rcut_smth": 0.5},
    "fitting_net": {"type": "nvnmd_ener"},
}


def polynomial(x: float) -> float:
    """tanh4 of one number."""
    a = min(abs(x), 2.0)
    return float(np.sign(x)) * (a**4 / 16 - a**3 / 4 + a)


def test_tanh4_and_its_derivatives():
    x = np.array([-3.0, -2.0, -1.3, -0.2, 0.0, 0.7, 1.9, 2.0, 2.5])
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.constant(x)
        y = tanh4(fed)
        (slope,) = tf.gradients(y, fed)
        found = session.run([y, slope])
    np.testing.assert_allclose(found[0], [polynomial(value) for value in x], atol=1e-15)
    inside = np.abs(x) < 2
    expected = np.where(inside, np.abs(x) ** 2 * (np.abs(x) / 4 - 0.75) + 1, 0.0)
    away = x != 0.0  # at zero the sign has no slope to give
    np.testing.assert_allclose(found[1][away], expected[away], atol=1e-15)


def test_band_of_products():
    x = np.random.default_rng(0).normal(size=(3, 4, 6))
    with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(band(tf.constant(x), 2))
    for n in range(3):
        for a in range(6):
            for k in range(2):
                assert found[n, 2 * a + k] == pytest.approx(sum(x[n, c, a] * x[n, c, (a + k) % 6] for c in range(4)))


def test_energy_is_that_of_the_equations():
    model = ModelUnderTest(SECTION)
    coord, types = crystal(TRICLINIC)
    order = np.argsort(types, kind="stable")  # as the rows of the graph are
    coord, types = coord[order], types[order]
    with model.session.graph.as_default():
        rows = model.session.graph.get_tensor_by_name("o_rmat:0")
        rmat = model.session.run(rows, model.feeds(coord, types, TRICLINIC)).reshape(len(types), -1, 4)
    weights, found = model.weights, model(coord, types, TRICLINIC)
    slots = np.repeat([0, 1], SECTION["descriptor"]["sel"])
    for i, center in enumerate(types):
        features = np.array([embedded(weights, row[0], slot) for row, slot in zip(rmat[i], slots)])
        x = rmat[i].T @ features / 64  # 2^ceil(log2(84 / 1.5))
        products = x.T @ x
        d = np.array([products[a, (a + k) % 32] for a in range(32) for k in range(4)])
        energy = fitted(weights, d, center)
        assert found["atom_energy"].ravel()[i] == pytest.approx(energy, abs=1e-12)


def embedded(weights, s: float, slot: int) -> np.ndarray:
    """Features of one number."""
    x = np.array([s])
    for layer in (1, 2, 3):
        scope = "filter_type_all/{}_" + f"{layer}_{slot}"
        y = np.tanh(x @ weights[scope.format("matrix")] + weights[scope.format("bias")])
        x = y + (np.tile(x, 2) if layer > 1 else 0.0)
    return x


def fitted(weights, x: np.ndarray, center: int) -> float:
    """Energy of an atom from its features."""
    for k in range(3):
        scope = f"layer_{k}_type_{center}"
        y = np.array([polynomial(z) for z in x @ weights[f"{scope}/matrix"] + weights[f"{scope}/bias"]])
        x = y + (x if k else 0.0)
    final = f"final_layer_type_{center}"
    shift = weights["fitting_attr/t_bias_atom_e"][center]
    return (x @ weights[f"{final}/matrix"] + weights[f"{final}/bias"]).item() + shift


def test_force_is_the_gradient():
    model = ModelUnderTest(SECTION)
    coord, types = crystal(TRICLINIC)
    force = model(coord, types, TRICLINIC)["force"].reshape(-1, 3)
    for atom, axis in ((0, 0), (3, 2), (len(types) - 1, 1)):
        energies = []
        for sign in (1, -1):
            moved = coord.copy()
            moved[atom, axis] += sign * 1e-4
            energies.append(model(moved, types, TRICLINIC)["energy"].item())
        assert force[atom, axis] == pytest.approx(-(energies[0] - energies[1]) / 2e-4, rel=1e-6, abs=1e-9)


def test_other_sizes_are_refused():
    with pytest.raises(TypeError):
        fittings.get("nvnmd_ener")(2, 128, neuron=[64])
    with pytest.raises(ConfigError, match="sel"):
        make_model({**SECTION, "descriptor": {**SECTION["descriptor"], "sel": [1, 2, 3]}})
