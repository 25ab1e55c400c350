"""The equations of DPA-1 in NumPy keep the symmetries of physics; their numbers are held to deepmd-kit's elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.nn.dialect import DIALECTS, REFERENCE
from deepmd_tf.selfcheck.numpy_atten import descriptor
from deepmd_tf.selfcheck.numpy_net import phi
from tests.suites.physics import CUBIC, TRICLINIC, cluster, crystal

SETTINGS = {"sel": 70, "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 3, "tebd_dim": 3, "attn": 5}
SECTIONS = {
    "concat": SETTINGS,
    "strip": {**SETTINGS, "tebd_input_mode": "strip", "exclude_types": [[0, 0]]},
    "smooth": {**SETTINGS, "smooth_type_embedding": True, "type_one_side": True},
    "strip, smooth": {**SETTINGS, "tebd_input_mode": "strip", "smooth_type_embedding": True},
}


@pytest.fixture(params=SECTIONS)
def section(request) -> dict:
    return SECTIONS[request.param]


def weights(section: dict, davg: float = 0.0, ntypes: int = 2) -> dict[str, np.ndarray]:
    """Random weights of two attention layers."""
    rng = np.random.default_rng(7)
    m, h, types = 8, section["attn"], section["tebd_dim"] * (1 if section.get("type_one_side") else 2)
    strip, side = section.get("tebd_input_mode") == "strip", "one" if section.get("type_one_side") else "two"
    widths = {"type_embed_net/matrix_1": (ntypes, section["tebd_dim"])}
    for tag, n_in in {"": 1 if strip else 1 + types, **({f"_{side}_side_ebd": types} if strip else {})}.items():
        widths |= {f"filter_type_all/matrix_1{tag}": (n_in, 4), f"filter_type_all/bias_1{tag}": (4,)}
        widths |= {f"filter_type_all/matrix_2{tag}": (4, m), f"filter_type_all/bias_2{tag}": (m,)}
    for scope in ("attention_layer_0", "attention_layer_1"):
        for name, (n_in, n_out) in {"query": (m, h), "key": (m, h), "value": (m, h), "out": (h, m)}.items():
            widths |= {f"{scope}/c_{name}/matrix": (n_in, n_out), f"{scope}/c_{name}/bias": (n_out,)}
        widths |= {f"{scope}/layer_normalization/{name}": (m,) for name in ("gamma", "beta")}
    shape = (ntypes, section["sel"] * 4)
    mean = np.tile([davg, 0.0, 0.0, 0.0], (ntypes, section["sel"]))
    drawn = {name: rng.normal(scale=0.7, size=size) for name, size in widths.items()}
    return {**drawn, "descrpt_attr/t_avg": mean, "descrpt_attr/t_std": np.full(shape, 0.3)}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_turning_moves_no_feature_and_turns_the_matrix(section, dialect):
    coord, types = crystal(TRICLINIC)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    given = weights(section, davg=0.2)
    before = descriptor(section, given, coord, types, TRICLINIC, dialect)
    after = descriptor(section, given, coord @ turn, types, TRICLINIC @ turn, dialect)
    np.testing.assert_allclose(after["D"], before["D"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(after["rot_mat"], before["rot_mat"] @ turn, rtol=0, atol=1e-11)
    assert np.abs(before["rot_mat"]).max() > 1e-3 and before["D"].shape[1] == 8 * 3 + 3


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_order_of_atoms_does_not_matter(section, dialect):
    coord, types = crystal(CUBIC)
    order = np.concatenate([[0], 1 + np.random.default_rng(2).permutation(len(types) - 1)])  # atom 0 may pad
    given = weights(section, davg=0.2)
    before = descriptor(section, given, coord, types, CUBIC, dialect)["D"]
    after = descriptor(section, given, coord[order], types[order], CUBIC, dialect)["D"]
    np.testing.assert_allclose(after, before[order], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["concat", "strip"])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_empty_slots_only_divide(name, dialect):
    coord, types = cluster()
    few = {**SECTIONS[name], "concat_output_tebd": False}
    many = {**few, "sel": 140}
    a, b = (descriptor(one, weights(one), coord, types, None, dialect)["D"] for one in (few, many))
    np.testing.assert_allclose(4 * b, a, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["smooth", "strip, smooth"])
def test_smooth_features_let_a_neighbour_go(name):
    section = SECTIONS[name]
    at = lambda z: np.array([[0.0, 0.0, 0.0], [1.0, 0.3, 0.0], [0.0, -0.2, 1.1], [0.0, 0.0, z]])  # noqa: E731
    given, types = weights(section), np.array([0, 1, 0, 1])
    inside, beyond = (descriptor(section, given, at(z), types, None, REFERENCE)["D"][0] for z in (3.999, 4.001))
    far = descriptor(section, given, at(2.5), types, None, REFERENCE)["D"][0]
    # What leaves does so with the third power of the distance to the cutoff.
    assert np.abs(inside - beyond).max() < 1e-7 < 1e-4 < np.abs(far - beyond).max()


def test_virtual_atoms_have_no_features(section):
    coord, types = cluster()
    marked = np.where(np.arange(len(types)) == 2, -1, types)
    for dialect in DIALECTS.values():
        found = descriptor(section, weights(section), coord, marked, None, dialect)
        assert not found["D"][2].any() and not (found["nlist"] == 2).any()


def test_second_name_of_an_activation():
    x = np.linspace(-3, 5, 17)
    assert np.array_equal(phi("custom_silu:1.5")(x), phi("silut:1.5")(x))
