"""Compressed models with one network of all types: DPA-1 in all its variants against its original."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.compress.lookups import count
from deepmd_tf.compress.measure import Frames
from deepmd_tf.compress.table import Spacing
from deepmd_tf.compress.tables import make_tables, plan_tables
from deepmd_tf.data.system import System
from deepmd_tf.infer.tables import StoredTables
from deepmd_tf.nn.context import FOUND
from deepmd_tf.stat.ranges import switch
from tests.compress.models import NEAREST, error, tabulated
from tests.compress.test_models import Compressed, frames
from tests.descriptor.test_se_atten import VARIANTS, section
from tests.suites.physics import CUBIC, RCUT, TRICLINIC, PhysicsSuite, cluster
from tests.support.graphs import ModelUnderTest
from tests.support.systems import write_system

# What layers do with features is no matter of tables.
OF_LAYERS = {"no angle", "masked diagonal", "not normalised", "temperature", "types not told to the fitting"}
TYPES = {"type_map": ["A", "B", "C"]}
SMOOTH_STRIP = {**VARIANTS["smooth strip"], "attn_layer": 0}
MORE = {
    "first layer as wide as the input": {"neuron": [17, 34], "attn_layer": 0, "resnet_dt": True},
    "first layer twice as wide": {"neuron": [34, 34], "attn_layer": 0},
    "first layer as wide as s and the neighbour": {"neuron": [9, 18], "type_one_side": True, "attn_layer": 0},
    "no layer": {"attn_layer": 0},
    "no layer, strip": {"tebd_input_mode": "strip", "attn_layer": 0},
    "no layer, smooth strip, excluded": {**SMOOTH_STRIP, "exclude_types": [[0, 1]]},
    "no layer, strip, mean": {"tebd_input_mode": "strip", "attn_layer": 0, "set_davg_zero": False},
    "no layer, strip, one side": {"tebd_input_mode": "strip", "attn_layer": 0, "type_one_side": True},
    "no layer, smooth, mean, excluded": {**VARIANTS["smooth, mean, excluded"], "attn_layer": 0},
    "one side, mean, excluded": {"type_one_side": True, "set_davg_zero": False, "exclude_types": [[1, 1]]},
    "gelu": {"activation_function": "gelu"},
    "all excluded": {"exclude_types": [[0, 0], [0, 1], [1, 1]]},
}


class TestConcat(Compressed, PhysicsSuite):
    SECTION = section(VARIANTS["smooth"])
    INSIDE = RCUT - 1.0


class TestConcatWithoutAttention(Compressed, PhysicsSuite):
    SECTION = section({"attn_layer": 0, "type_one_side": True})


class TestStrip(Compressed, PhysicsSuite):
    SECTION = section({**VARIANTS["v2"], "attn_layer": 1})


class TestStripWithoutAttention(Compressed, PhysicsSuite):
    SECTION = section(SMOOTH_STRIP)


@pytest.mark.parametrize("name", [*sorted(VARIANTS.keys() - OF_LAYERS), *MORE])
def test_equal_to_the_original(name):
    """Portable, and with operations of our own; no weight of an embedding network is asked for."""
    original = ModelUnderTest(section({**VARIANTS, **MORE}[name]))
    tables = make_tables(original.model, original.weights, original.dtype, NEAREST, Spacing())
    stored = ModelUnderTest(
        original.section, weights=original.weights, primitives=StoredTables(FOUND, tables).primitives()
    )
    scale = np.abs(original(*frames(TRICLINIC))["force"]).max()
    for model, tolerance in ((tabulated(original), 1e-10), (stored, 1e-8)):
        found = error(original, model, *frames(TRICLINIC))
        assert max(found.values()) < tolerance and found["force"] <= tolerance * scale, found
        assert not [weight for weight in model.store.tensors if weight.startswith("filter_type")]


@pytest.mark.parametrize("keys", [{}, {"attn_layer": 0}, VARIANTS["v2"], SMOOTH_STRIP], ids=str)
def test_error_falls_with_the_fifth_power_of_the_step(keys):
    original = ModelUnderTest(section(keys))
    errors = [error(original, tabulated(original, step), *frames(CUBIC))["force"] for step in (0.8, 0.4)]
    assert errors[0] > 1e-9
    assert np.log2(errors[0] / errors[1]) > 3.5


@pytest.mark.parametrize("keys", [{}, VARIANTS["v2"]], ids=["concat", "strip"])
def test_float32(keys):
    original = ModelUnderTest(section({**keys, "precision": "float32"}, {"precision": "float32"}))
    found = error(original, tabulated(original), *frames(TRICLINIC))
    assert found["force"] < 1e-4 * np.abs(original(*frames(TRICLINIC))["force"]).max()


def test_hybrid():
    parts = [
        section(keys)["descriptor"] for keys in (SMOOTH_STRIP, {"rcut": 3.0, "type_one_side": True}, VARIANTS["v2"])
    ]
    original = ModelUnderTest({**section(), "descriptor": {"type": "hybrid", "list": parts}})
    assert max(error(original, tabulated(original), *frames(TRICLINIC)).values()) < 1e-10


def test_types_of_several_layers():
    original = ModelUnderTest(section(type_embedding={"neuron": [3, 6], "resnet_dt": True, "seed": 4}))
    assert max(error(original, tabulated(original), *frames(TRICLINIC)).values()) < 1e-10


def names(keys, types=None, **model) -> list[str]:
    one = ModelUnderTest(section(keys, **model))
    plans = plan_tables(one.model, one.weights, one.dtype, NEAREST, Spacing(), types)
    return [plan.name for plan in plans]


def test_a_table_for_each_pair_that_occurs():
    assert names({}) == ["filter_type_0/_0", "filter_type_0/_1", "filter_type_1/_0", "filter_type_1/_1"]
    assert names({"exclude_types": [[0, 1]]}) == ["filter_type_0/_0", "filter_type_1/_1"]
    assert names({"type_one_side": True}) == ["filter_type_all/_0", "filter_type_all/_1"]
    assert names({}, types=[1], **TYPES) == ["filter_type_1/_1"]
    # Empty slots have rows of their own, and excluded ones may have.
    assert names({"set_davg_zero": False}, types=[0, 2], **TYPES) == [
        f"filter_type_{c}/_{n}" for c in (0, 2) for n in (0, 2, 3)
    ]
    assert names(SMOOTH_STRIP, types=[0], **TYPES) == ["filter_type_all/_all"]


def test_ranges_by_hand():
    # rcut_smth 1: the switch is 1 at 0.9, s = 1.111. Type 0: -0.5 and 10.6; type 1: 0 and 4.4.
    for keys, expected in (
        ({"set_davg_zero": False}, {"0/_1": (-1, 11), "1/_0": (0, 5), "0/_2": (-1, 1), "1/_2": (0, 1)}),
        ({"set_davg_zero": False, "type_one_side": True}, {"all/_0": (-1, 11), "all/_2": (-1, 1)}),
        ({"set_davg_zero": False, "tebd_input_mode": "strip"}, {"all/_all": (-1, 11)}),
    ):
        model = ModelUnderTest(section(keys))
        mean, scale = (np.zeros_like(model.weights[f"descrpt_attr/{name}"]) for name in ("t_avg", "t_std"))
        mean[0, ::4], scale[0], scale[1] = 0.05, 0.1, 0.25
        values = {**model.weights, "descrpt_attr/t_avg": mean, "descrpt_attr/t_std": scale}
        plans = plan_tables(model.model, values, model.dtype, NEAREST, Spacing())
        found = {plan.name.removeprefix("filter_type_"): (plan.grid.lower, plan.grid.upper) for plan in plans}
        assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("keys", [{}, {"attn_layer": 0, "set_davg_zero": False}, {"type_one_side": True}], ids=str)
def test_the_network_serves_pairs_without_a_table(keys):
    """Any composition gives the numbers of the original; of pairs with a table those of the table."""
    coord, _ = cluster()
    original = ModelUnderTest(section(keys, **TYPES))
    some, all_ = (tabulated(original, step=0.8, types=types) for types in ([0, 2], None))
    assert "filter_type_all/matrix_1" in some.store.tensors
    for types, with_tables in (([1] * 9, False), ([0, 2] * 4 + [2], True), ([0, 1, 2] * 3, None)):
        frame = coord, np.array(types)
        exact, coarse = (error(some, other, *frame)["force"] for other in (original, all_))
        assert (exact < 1e-13) == (with_tables is False)
        assert (coarse < 1e-13) == (with_tables is True)


def test_frames_of_several_compositions_in_one_batch():
    original = ModelUnderTest(section(VARIANTS["smooth, mean"]))
    (a, types_a), (b, types_b) = cluster(9, 1), cluster(6, 2)
    feeds = {
        "t_coord:0": np.concatenate([a.ravel(), b.ravel(), np.zeros(9)]),
        "t_type:0": np.concatenate([types_a, types_b, [-1] * 3]),
        "t_natoms:0": [9, 9, 9, 0],
        "t_mesh:0": np.zeros(1, np.int32),
        "t_box:0": np.tile(np.eye(3).ravel(), 2),
    }
    expected, found = (model.session.run(model.output.__dict__, feeds) for model in (original, tabulated(original)))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("keys", [{}, {"type_one_side": True}, SMOOTH_STRIP], ids=["pairs", "one side", "strip"])
def test_every_pair_is_looked_up_once(keys, tmp_path):
    model = ModelUnderTest(section({**keys, "exclude_types": [[0, 0]], "set_davg_zero": False}))
    coord = np.random.default_rng(3).uniform(0, 3.2, (7, 3))
    types = np.array([0, 0, 0, 1, 1, 1, 1])
    path = write_system(tmp_path / "s", types, type_map=("A", "B"), nframes=1, pbc=False,
                        arrays={"coord": coord.reshape(1, -1)})  # fmt: skip
    system = System.open(path, ["A", "B"])
    plans = plan_tables(model.model, model.weights, model.dtype, 2.2, Spacing(extrapolate=1.2))
    found = {key[1:]: one for key, one in count(plans, Frames([(system, system.load(0, [0], []))])).items()}
    assert set(found) == {(0, 1), (1, 0), (1, 1)}
    for (a, b), one in found.items():
        grid = next(p.grid for p in plans if p.key in ((a, b), (-1, b), (-1, -1)))
        mean, scale = (model.weights[f"descrpt_attr/{key}"][a, 0] for key in ("t_avg", "t_std"))
        pairs = [(i, j) for i in range(7) for j in range(7) if i != j and (types[i], types[j]) == (a, b)]
        r = np.array([np.linalg.norm(coord[i] - coord[j]) for i, j in pairs])
        x = (np.array([switch(one, RCUT, 1.0) for one in r[r < RCUT]]) / r[r < RCUT] - mean) / scale
        assert (one.total, one.nearest) == (len(x), pytest.approx(r.min(), abs=1e-6))
        assert (one.outside, one.beyond) == ((x > grid.upper).sum(), (x > grid.largest).sum())
    assert sum(one.outside for one in found.values()) > 0
