"""The networks of the first step in version 1: their equations in NumPy, physics, and the way to a frozen model."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nvnmd.plugin  # noqa: F401  (registers the components)
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.infer import DeepPot
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.train.run import train
from tests.nvnmd.test_networks import polynomial
from tests.suites.physics import RCUT, TRICLINIC, PhysicsSuite, cluster, crystal
from tests.support.graphs import ModelUnderTest
from tests.support.training import small_input, write_input

SMOOTH_FROM = 1.0
SHAPES = {
    "descrpt_attr/t_avg": (2, 336), "descrpt_attr/t_std": (2, 336), "fitting_attr/t_bias_atom_e": (2,),
    "type_embed_net/matrix_1": (2, 8), "type_embed_net/bias_1": (8,),
    "filter_type_all/matrix_1": (1, 8), "filter_type_all/matrix_2": (8, 16), "filter_type_all/matrix_3": (16, 32),
    "filter_type_all/bias_1": (8,), "filter_type_all/bias_2": (16,), "filter_type_all/bias_3": (32,),
    "filter_type_all/matrix_1_two_side_ebd": (16, 8), "filter_type_all/bias_1_two_side_ebd": (8,),
    "filter_type_all/matrix_2_two_side_ebd": (8, 16), "filter_type_all/bias_2_two_side_ebd": (16,),
    "filter_type_all/matrix_3_two_side_ebd": (16, 32), "filter_type_all/bias_3_two_side_ebd": (32,),
    "layer_0/matrix_1": (128, 128), "layer_0/tweight": (8, 128), "layer_0/bias": (128,),
    "layer_1/matrix": (128, 128), "layer_1/bias": (128,), "layer_2/matrix": (128, 128), "layer_2/bias": (128,),
    "final_layer/matrix": (128, 1), "final_layer/bias": (1,),
}  # fmt: skip


def section(names=("A", "B"), **descriptor) -> dict:
    """A model of the given types, with seeds."""
    keys = {"type": "nvnmd_se_atten", "sel": 84, "rcut": RCUT, "rcut_smth": SMOOTH_FROM, "seed": 1}
    fitting = {"type": "nvnmd_ener_types", "seed": 100}
    return {"type_map": list(names), "descriptor": {**keys, **descriptor}, "fitting_net": fitting}


class TestPhysics(PhysicsSuite):
    SECTION = section()


def neighbors(coord, cell, i: int, most: int) -> list[tuple[int, np.ndarray]]:
    """Index and vector of the nearest atoms within the cutoff, images included."""
    shifts = [np.zeros(3)] if cell is None else [np.array(n) @ cell for n in np.ndindex(5, 5, 5)]
    shifts = shifts if cell is None else [shift - 2 * cell.sum(axis=0) for shift in shifts]
    found = [(j, other + shift - coord[i]) for j, other in enumerate(coord) for shift in shifts]
    found = [(j, d) for j, d in found if 0 < np.linalg.norm(d) <= RCUT]
    return sorted(found, key=lambda one: np.linalg.norm(one[1]))[:most]


def row(d: np.ndarray) -> np.ndarray:
    """s(r) (1, x/r, y/r, z/r)."""
    r = np.linalg.norm(d)
    x = max((r - SMOOTH_FROM) / (RCUT - SMOOTH_FROM), 0.0)
    return (x**3 * (-6 * x**2 + 15 * x - 10) + 1) / r * np.array([1.0, *(d / r)])


def embedded(weights, x: np.ndarray, tag: str = "") -> np.ndarray:
    """The network of 8-16-32 features; layers that double the width add their input twice."""
    for layer in (1, 2, 3):
        matrix, bias = (weights[f"filter_type_all/{kind}_{layer}{tag}"] for kind in ("matrix", "bias"))
        x = np.tanh(x @ matrix + bias) + (np.tile(x, 2) if layer > 1 else 0.0)
    return x


def vectors(weights) -> np.ndarray:
    """Of the types: a linear layer of unit vectors, which it adds where they are as wide as it is, or half of it."""
    matrix = weights["type_embed_net/matrix_1"]
    added = {4: np.tile(np.eye(4), 2), 8: np.eye(8)}.get(len(matrix), 0.0)
    return matrix + weights["type_embed_net/bias_1"] + added


def atom_energies(weights, coord, types, cell, sel: int) -> np.ndarray:
    """The equations, atom by atom and neighbour by neighbour."""
    of_type, energies = vectors(weights), []
    for i, center in enumerate(types):
        x = np.zeros((4, 32))
        for j, d in neighbors(coord, cell, i, sel):
            r = row(d) / weights["descrpt_attr/t_std"][center, :4]
            g = embedded(weights, r[:1])
            pair = np.concatenate([of_type[types[j]], of_type[center]])
            x += np.outer(r, g * embedded(weights, pair, "_two_side_ebd") + g)
        x /= 2 ** np.ceil(np.log2(sel / 1.5))
        d = np.array([x[:, a] @ x[:, (a + k) % 32] for a in range(32) for k in range(4)])
        energies.append(fitted(weights, d, of_type[center]) + weights["fitting_attr/t_bias_atom_e"][center])
    return np.array(energies)


def fitted(weights, x: np.ndarray, of_type: np.ndarray) -> float:
    """The network of three layers with tanh4 and a linear one."""
    for k in range(3):
        z = x @ weights["layer_0/matrix_1" if k == 0 else f"layer_{k}/matrix"] + weights[f"layer_{k}/bias"]
        z += of_type @ weights["layer_0/tweight"] if k == 0 else 0.0
        x = np.array([polynomial(one) for one in z]) + (x if k else 0.0)
    return (x @ weights["final_layer/matrix"] + weights["final_layer/bias"]).item()


@pytest.mark.parametrize("primitives", [PORTABLE, FOUND], ids=["portable", "found"])
@pytest.mark.parametrize("ntypes, sel", [(2, 84), (2, 7), (4, 84), (8, 84)])
def test_energies_are_those_of_the_equations(primitives, ntypes, sel):
    """A crystal, and a cluster with an atom far from all others; types in no order; 7 slots are too few."""
    model = ModelUnderTest(section([f"T{t}" for t in range(ntypes)], sel=sel), primitives=primitives)
    coord, _ = crystal(TRICLINIC)
    rng = np.random.default_rng(4)
    frames = [(coord, TRICLINIC), (np.vstack([cluster()[0], [[50.0, 0.0, 0.0]]]), None)]
    for coord, cell in frames:
        types = rng.permutation(np.arange(len(coord)) % ntypes)
        found = model(coord, types, cell)["atom_energy"].ravel()
        expected = atom_energies(model.weights, coord, types, cell, sel)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        assert np.ptp(expected) > 1e-3


def test_the_isolated_atom_alone():
    """No slot of the frame holds a neighbour: the features are zeros."""
    model = ModelUnderTest(section())
    found = model(np.zeros((1, 3)), np.array([1]))
    shift = model.weights["fitting_attr/t_bias_atom_e"][1]
    expected = fitted(model.weights, np.zeros(128), vectors(model.weights)[1]) + shift
    assert found["energy"].item() == pytest.approx(expected, abs=1e-13)
    assert not found["force"].any()


def test_weights_have_the_names_and_shapes_of_the_field():
    found = ModelUnderTest(section()).weights
    assert {name: np.shape(value) for name, value in found.items()} == SHAPES


def test_initial_weights_repeat_and_differ_from_each_other():
    first, second = (ModelUnderTest(section(), seed=seed).weights for seed in (0, 1))
    drawn = [name for name in SHAPES if "attr" not in name]
    assert all(np.array_equal(first[name], second[name]) for name in drawn)
    # Two arrays of one seed would be the same numbers but for their scale.
    ratios = {round(first[name].flat[0] / first[name].flat[1], 12) for name in drawn if first[name].size > 1}
    assert len(ratios) == len(drawn) - 1


@pytest.mark.parametrize("sel", [[40, 44], 0, [], True])
def test_one_number_of_neighbors_is_wanted(sel):
    with pytest.raises(ConfigError, match="model/descriptor/sel: expected one number >= 1"):
        make_model(section(sel=sel))
    assert make_model(section(sel=[84])).descriptor.nnei == 84


def test_what_the_device_has_no_place_for():
    assert make_model(section([f"T{t}" for t in range(32)])).descriptor.ntypes == 32
    with pytest.raises(ConfigError, match="at most 32 types, found 33"):
        make_model(section([f"T{t}" for t in range(33)]))
    with pytest.raises(ConfigError, match="rcut_smth"):
        make_model(section(rcut_smth=RCUT))
    with pytest.raises(ModelFormatError, match="t_avg: expected zeros"):
        ModelUnderTest(section(), weights={"descrpt_attr/t_avg": np.full((2, 336), 0.1)})


def test_from_training_to_a_frozen_model(tmp_path, monkeypatch, caplog):
    """Slots are counted over all types together; the file says the same stored and rebuilt with our operations."""
    monkeypatch.chdir(tmp_path)
    content = small_input(tmp_path, steps=3)
    model = section(content["model"]["type_map"], sel="auto")
    content["model"] = model
    assert train(write_input(tmp_path, content)) == 0
    sel = json.loads((tmp_path / "out.json").read_text())["model"]["descriptor"]["sel"]
    assert isinstance(sel, int) and sel % 4 == 0
    values = find_checkpoint(tmp_path).values()
    assert not values["descrpt_attr/t_avg"].any() and values["descrpt_attr/t_std"].shape == (2, 4 * sel)
    _, graph = freeze_checkpoint(tmp_path)
    write_graph(tmp_path / "model.pb", graph)
    coord, types = crystal(TRICLINIC)
    given = coord[None], TRICLINIC[None], types
    caplog.set_level("DEBUG")
    stored, rebuilt = (DeepPot(tmp_path / "model.pb", as_stored=kind).eval(*given) for kind in (True, False))
    assert "evaluated as stored" not in caplog.text
    for found, expected in zip(rebuilt, stored):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    expected = atom_energies(values, coord, types, TRICLINIC, sel).sum()
    assert stored[0].item() == pytest.approx(expected, abs=1e-9)
