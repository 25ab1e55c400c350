"""The attention descriptor: physics in all its variants, and the layout for speed against the portable one."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.infer.tables import NetworkTables
from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.nn.dialect import DIALECTS
from deepmd_tf.selfcheck.numpy_atten import descriptor
from tests.suites.physics import CUBIC, RCUT, ExcludedSuite, PhysicsSuite, cluster, crystal
from tests.support.graphs import ModelUnderTest


def section(descriptor: dict | None = None, fitting: dict | None = None, **model) -> dict:
    """A small model with two types."""
    return {
        "type_map": ["A", "B"],
        "descriptor": {
            "type": "se_atten",
            "sel": 84,
            "rcut": RCUT,
            "rcut_smth": 1.0,
            "neuron": [4, 8],
            "axis_neuron": 3,
            "attn": 5,
            "attn_layer": 2,
            "seed": 1,
            **(descriptor or {}),
        },
        "fitting_net": {"neuron": [9, 9], "seed": 2, **(fitting or {})},
        **model,
    }


# Wide enough for sums straight from tables.
WITHOUT_LAYERS = {
    "concat, excluded": {"exclude_types": [[0, 1]]},
    "one side": {"type_one_side": True},
    "strip": {"tebd_input_mode": "strip", "exclude_types": [[0, 0]]},
    "strip, one side": {"tebd_input_mode": "strip", "type_one_side": True},
    "v2": {"type": "se_atten_v2", "set_davg_zero": True, "exclude_types": [[1, 1]]},
    "v2, mean": {"type": "se_atten_v2"},
    "mean": {"set_davg_zero": False},
    "strip, mean": {"tebd_input_mode": "strip", "set_davg_zero": False},
}
VARIANTS = {
    "concat": {},
    "one side": {"type_one_side": True},
    "strip": {"tebd_input_mode": "strip"},
    "strip, one side": {"tebd_input_mode": "strip", "type_one_side": True},
    "strip, older key": {"stripped_type_embedding": True},
    "smooth": {"smooth_type_embedding": True},
    "smooth strip": {"smooth_type_embedding": True, "tebd_input_mode": "strip"},
    "no layer": {"attn_layer": 0},
    "no angle": {"attn_dotr": False},
    "masked diagonal": {"attn_mask": True},
    "not normalised": {"normalize": False},
    "temperature": {"temperature": 0.37},
    "excluded": {"exclude_types": [[0, 0]]},
    "smooth, excluded": {"exclude_types": [[0, 0]], "smooth_type_embedding": True},
    "mean": {"set_davg_zero": False},
    "smooth, mean": {"set_davg_zero": False, "smooth_type_embedding": True},
    "mean, excluded": {"set_davg_zero": False, "exclude_types": [[0, 1]]},
    "smooth, mean, excluded": {
        "set_davg_zero": False,
        "exclude_types": [[0, 0]],
        "smooth_type_embedding": True,
    },
    "time steps": {"neuron": [2, 4, 4], "resnet_dt": True},
    "types not told to the fitting": {"concat_output_tebd": False},
    "bias of types": {"use_tebd_bias": True, "tebd_dim": 3},
    "v2": {"type": "se_atten_v2"},
    "scaling factor": {"scaling_factor": 3.0},
    "protection": {"env_protection": 0.3},
    "smooth, protection, mean, excluded": {
        "env_protection": 0.3,
        "set_davg_zero": False,
        "exclude_types": [[0, 1]],
        "smooth_type_embedding": True,
    },
    **{
        f"no layer, {name}": {"attn_layer": 0, "neuron": [4, 16], **options} for name, options in WITHOUT_LAYERS.items()
    },
    **{
        f"reference, {name}": {"dialect": "reference", **options}
        for name, options in {
            "concat": {},
            "one side": {"type_one_side": True, "scaling_factor": 0.4, "env_protection": 0.1},
            "strip": {"tebd_input_mode": "strip", "temperature": 0.37, "normalize": False, "ln_eps": 1e-3},
            "strip, one side": {"tebd_input_mode": "strip", "type_one_side": True, "set_davg_zero": False},
            "smooth": {"smooth_type_embedding": True, "env_protection": 0.1},
            "smooth strip": {
                "smooth_type_embedding": True,
                "tebd_input_mode": "strip",
                "exclude_types": [[0, 1]],
                "set_davg_zero": False,
            },
            "mean, excluded": {"set_davg_zero": False, "exclude_types": [[0, 0]], "attn_dotr": False},
            "no layer": {"attn_layer": 0, "concat_output_tebd": False, "resnet_dt": True},
            "masked diagonal": {"attn_mask": True, "use_tebd_bias": True, "tebd_dim": 3},
            "v2": {"type": "se_atten_v2", "env_protection": 0.2},
        }.items()
    },
}


class TestSmooth(PhysicsSuite):
    SECTION = section(VARIANTS["smooth"])
    INSIDE = RCUT - 1.0  # the layer normalisation leaves little of a single neighbour far out


class TestSmoothStrip(PhysicsSuite):
    SECTION = section(VARIANTS["smooth strip"])


class TestRevised(PhysicsSuite):
    SECTION = section(VARIANTS["v2"])


class TestProtected(TestSmooth):
    SECTION = section({**VARIANTS["smooth"], **VARIANTS["protection"]})


class TestReference(TestSmooth):
    SECTION = section(VARIANTS["reference, smooth"])


class TestReferenceRevised(PhysicsSuite):
    SECTION = section(VARIANTS["reference, v2"])


class TestWithoutAttention(PhysicsSuite):
    SECTION = section(VARIANTS["no layer"])


class TestExcluded(ExcludedSuite):
    INSIDE = RCUT - 1.0
    SECTION = section({"exclude_types": [[0, 0]], "smooth_type_embedding": True})


class TestOwnTypeVectors(TestSmooth):
    SECTION = section(VARIANTS["smooth"], type_embedding={"neuron": [3, 6], "resnet_dt": True, "seed": 4})


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cell", [None, CUBIC], ids=["open", "periodic"])
def test_both_layouts_are_the_same(name, cell):
    """All slots by TensorFlow's operations, and neighbours alone by ours: energy, force and virial."""
    coord, atype = cluster() if cell is None else crystal(cell)
    portable = ModelUnderTest(section(VARIANTS[name]), primitives=PORTABLE)
    found = ModelUnderTest(section(VARIANTS[name]), primitives=FOUND, weights=portable.weights)
    expected, values = portable(coord, atype, cell), found(coord, atype, cell)
    for key in ("energy", "atom_energy", "force", "virial"):
        np.testing.assert_allclose(values[key], expected[key], rtol=0, atol=1e-11 * max(1, np.abs(expected[key]).max()))
    assert np.abs(expected["force"]).max() > 1e-6


@pytest.mark.parametrize("name", VARIANTS)
def test_look_ups_are_the_networks(name):
    """Features and their projections from tables of each pair of types, against the networks in all slots."""
    coord, atype = crystal(CUBIC)
    exact = ModelUnderTest(section(VARIANTS[name]))
    tables = NetworkTables(FOUND, nearest=1.0)
    tabulated = ModelUnderTest(section(VARIANTS[name]), primitives=tables.primitives(), weights=exact.weights)
    # Rows of excluded pairs that other programs make of the mean have no tables.
    assert bool(tables.outside) == (not descriptors.get("se_atten").turns(section(VARIANTS[name])["descriptor"]))
    expected, values = exact(coord, atype, CUBIC), tabulated(coord, atype, CUBIC)
    for key in ("energy", "force", "virial"):
        np.testing.assert_allclose(values[key], expected[key], rtol=0, atol=1e-9 * max(1, np.abs(expected[key]).max()))


def test_sums_without_attention_come_straight_from_tables():
    ops = {
        "concat, excluded": "DpTableTwoBody",
        "strip": "DpTableTwoBody",
        "v2": "DpTableTwoRows",
        "v2, mean": "DpTableTwoRows",
    }
    for name, expected in ops.items():
        tables = NetworkTables(FOUND, nearest=1.0)
        graph = ModelUnderTest(section(VARIANTS[f"no layer, {name}"]), primitives=tables.primitives()).session.graph
        found = {op.type for op in graph.get_operations() if op.type.startswith("DpTable") and "Grad" not in op.type}
        assert found == {expected}, name


def test_many_pairs_of_types_are_evaluated_by_the_networks():
    """Tables of all pairs of a long type map would be larger than the frames they are for."""
    tables = NetworkTables(FOUND, nearest=1.0)
    ModelUnderTest({**section(), "type_map": list("ABCDEFG")}, primitives=tables.primitives())
    assert not tables.outside


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cell", [None, CUBIC], ids=["open", "periodic"])
def test_equals_the_equations_in_numpy(name, cell):
    """Those hold for deepmd-kit's frozen models as well (tests/interop/test_dpa1_equations.py)."""
    coord, atype = cluster() if cell is None else crystal(cell)
    order = np.argsort(atype, kind="stable")
    model = ModelUnderTest(section(VARIANTS[name]))
    feeds = model.feeds(coord, atype, cell)
    found = model.session.run("o_descriptor:0", feeds)[0]
    keys = {**model.section["descriptor"], "concat_output_tebd": False}
    if keys["type"] == "se_atten_v2":
        keys.update(tebd_input_mode="strip", smooth_type_embedding=True)
    expected = descriptor(keys, model.weights, coord[order], atype[order], cell, DIALECTS[keys["dialect"]])["D"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("primitives", [PORTABLE, FOUND], ids=["portable", "found"])
@pytest.mark.parametrize("name", ["concat", "smooth strip", "v2"])
def test_frames_of_several_compositions_in_one_batch(name, primitives):
    """Each is what it is alone; the smaller one is filled up with virtual atoms."""
    model = ModelUnderTest(section(VARIANTS[name]), primitives=primitives)
    (a, types_a), (b, types_b) = cluster(9, 1), cluster(6, 2)
    alone = [model(a, types_a), model(b, types_b)]
    feeds = {
        "t_coord:0": np.concatenate([a.ravel(), b.ravel(), np.zeros(9)]),
        "t_type:0": np.concatenate([types_a, types_b, [-1] * 3]),
        "t_natoms:0": [9, 9, 9, 0],
        "t_mesh:0": np.zeros(1, np.int32),
        "t_box:0": np.tile(np.eye(3).ravel(), 2),
    }
    found = model.session.run(model.output.__dict__, feeds)
    for frame, (n, expected) in enumerate(zip((9, 6), alone)):
        np.testing.assert_allclose(found["energy"][frame], expected["energy"][0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found["force"][frame].reshape(9, 3)[:n], expected["force"][0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found["virial"][frame].reshape(3, 3), expected["virial"][0], rtol=0, atol=1e-12)
        assert not found["atom_energy"][frame][n:].any() and not found["force"][frame][3 * n :].any()


def test_types_that_are_not_told_need_a_section_less():
    typed = section()
    typed["descriptor"] = {"type": "se_e2_a", "sel": [40, 44]}
    with pytest.raises(ConfigError, match="type_embedding: descriptor 'se_e2_a' has networks of each type"):
        ModelUnderTest({**typed, "type_embedding": {}})


@pytest.mark.parametrize(
    ("kind", "changes", "turns"),
    [
        ("se_atten_v2", {}, True),
        ("se_atten_v2", {"dialect": "reference"}, False),
        ("se_atten_v2", {"set_davg_zero": True}, False),
        ("se_atten_v2", {"exclude_types": []}, False),
        ("se_atten", {"set_davg_zero": False}, False),
        ("se_atten", {"set_davg_zero": False, "smooth_type_embedding": True}, True),
    ],
)
def test_what_depends_on_the_orientation_is_said(kind, changes, turns):
    section = {"exclude_types": [[0, 1]], **changes}
    assert bool(descriptors.get(kind).turns(section)) is turns
