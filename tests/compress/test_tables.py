"""Tables of a model: which there are, on which ranges, and that they hold what the networks give."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.compress.table import Spacing
from deepmd_tf.compress.tables import make_tables, plan_tables
from deepmd_tf.errors import CheckpointError, ModelFormatError
from tests.compress.lookup import value_and_slope
from tests.compress.models import NEAREST
from tests.descriptor import test_se_e3
from tests.descriptor.test_se_e2_a import section
from tests.support.graphs import ModelUnderTest
from tests.support.numpy_model import embedding


def planned(model: ModelUnderTest, **replaced):
    values = {**model.weights, **replaced}
    return {plan.name: plan for plan in plan_tables(model.model, values, model.dtype, NEAREST, Spacing())}


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({}, ["filter_type_0/_0", "filter_type_0/_1", "filter_type_1/_0", "filter_type_1/_1"]),
        ({"type_one_side": True}, ["filter_type_all/_0", "filter_type_all/_1"]),
        ({"exclude_types": [[0, 1]]}, ["filter_type_0/_0", "filter_type_1/_1"]),
        ({"sel": [40, 0]}, ["filter_type_0/_0", "filter_type_1/_0"]),
    ],
)
def test_a_table_for_each_network(keys, names):
    assert list(planned(ModelUnderTest(section(keys)))) == names


def test_ranges_by_hand():
    # rcut_smth 1: the switch is 1 at 0.9, s = 1.111. Type 0: -0.5 and (1.111 - 0.05)/0.1 = 10.6; type 1: 0, 4.4.
    model = ModelUnderTest(section())
    shape = model.weights["descrpt_attr/t_avg"].shape
    mean, scale = np.zeros(shape), np.full(shape, 0.1)
    mean[0, ::4], scale[1] = 0.05, 0.25
    found = planned(model, **{"descrpt_attr/t_avg": mean, "descrpt_attr/t_std": scale})
    ends = {name: (plan.grid.lower, plan.grid.upper, plan.grid.largest) for name, plan in found.items()}
    assert ends["filter_type_0/_1"] == (-1, 11, 55) and ends["filter_type_1/_0"] == (0, 5, 25)
    one_side = ModelUnderTest(section({"type_one_side": True}), weights=model.weights)
    found = planned(one_side, **{"descrpt_attr/t_avg": mean, "descrpt_attr/t_std": scale})
    assert {(p.grid.lower, p.grid.upper) for p in found.values()} == {(-1, 11)}
    assert found["filter_type_all/_0"].nbytes == (1200 + 440) * 6 * 8 * 8


def test_tables_of_angles_serve_every_type_of_the_centre():
    # (1.111 / 0.25)^2 = 19.8 about type 0, (1.111 / 0.1)^2 = 123.5 about type 1, whatever the two neighbours are.
    model = ModelUnderTest(test_se_e3.section())
    scale = np.full(model.weights["descrpt_attr/t_std"].shape, 0.25)
    scale[1] = 0.1
    found = planned(model, **{"descrpt_attr/t_std": scale})
    assert list(found) == [f"filter_type_all/_{pair}" for pair in ("0_0", "0_1", "1_1")]
    for plan in found.values():
        assert (plan.grid.lower, plan.grid.upper, plan.grid.largest) == (-124, 124, 620)
        assert (plan.grid.fine, plan.grid.coarse) == (0.1, 1.0)


@pytest.mark.parametrize("keys", [{}, {"neuron": [2, 4, 4], "resnet_dt": True, "activation_function": "gelu"}])
def test_tables_hold_the_networks(keys):
    model = ModelUnderTest(section(keys))
    tables = make_tables(model.model, model.weights, model.dtype, NEAREST, Spacing())
    d = model.section["descriptor"]
    for name, table in tables.items():
        scope, tag = name.split("/")
        x = np.linspace(table.info[0], table.info[2], 333)
        net = lambda x, s=scope, t=tag: embedding(  # noqa: E731
            x[:, None], model.weights, s, t, d["neuron"], d["activation_function"], d["resnet_dt"]
        )
        value, slope = value_and_slope(table, x)
        h = 1e-5
        assert np.abs(value - net(x))[x < table.info[1]].max() < 1e-10
        assert np.abs(value - net(x)).max() < 1e-6
        assert np.abs(slope - (net(x + h) - net(x - h)) / (2 * h))[x < table.info[1]].max() < 1e-8


def test_float32_tables_are_rounded_not_computed_so():
    keys = {"precision": "float32"}
    single = ModelUnderTest(section(keys))
    weights = {n: v.astype(np.float32).astype(float) if "filter" in n else v for n, v in single.weights.items()}
    double = ModelUnderTest(section(), weights=weights)
    narrow = make_tables(single.model, single.weights, single.dtype, NEAREST, Spacing())
    wide = make_tables(double.model, double.weights, double.dtype, NEAREST, Spacing())
    for name, table in narrow.items():
        assert table.coefficients.dtype == table.info.dtype == np.float32
        # The coefficients of high order differ with the last digit of the stride.
        got, exact = (t.coefficients.reshape(-1, 6)[:, :3] for t in (table, wide[name]))
        assert np.abs(got - exact).max() < 3e-7 * np.abs(exact).max()


def test_what_cannot_be_tabulated():
    half = ModelUnderTest(section({"precision": "float16"}))
    with pytest.raises(ModelFormatError, match="precision float16 of the embedding network: expected"):
        planned(half)
    model = ModelUnderTest(section())
    mean = model.weights["descrpt_attr/t_avg"].copy()
    mean[0, 4] += 0.1
    with pytest.raises(ModelFormatError, match="differ among the slots"):
        planned(model, **{"descrpt_attr/t_avg": mean})


def test_a_missing_weight_is_named():
    model = ModelUnderTest(section())
    values = {name: value for name, value in model.weights.items() if name != "filter_type_1/matrix_2_0"}
    with pytest.raises(CheckpointError, match="filter_type_1/matrix_2_0"):
        plan_tables(model.model, values, model.dtype, NEAREST, Spacing())
