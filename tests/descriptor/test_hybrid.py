"""Descriptors side by side: physics, equality with the NumPy equations, names of nodes, statistics of the parts."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.model.make import make_model
from tests.suites.equations import CELLS, check_float32_interface, deviation
from tests.suites.physics import RCUT, PhysicsSuite
from tests.support.graphs import ModelUnderTest, complete

ANGULAR = {"type": "se_e2_a", "sel": [40, 44], "rcut": RCUT, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 3}
RADIAL = {"type": "se_e2_r", "sel": [40, 42], "rcut": 3.5, "rcut_smth": 0.5, "neuron": [3, 6]}
THREE_BODY = {"type": "se_e3", "sel": [8, 7], "rcut": 3.0, "rcut_smth": 0.5, "neuron": [2, 4]}


def section(*parts: dict) -> dict:
    """A small model with two types."""
    listed = [{"seed": 5, **part} for part in parts or (ANGULAR, RADIAL, THREE_BODY)]
    return {
        "type_map": ["A", "B"],
        "descriptor": {"type": "hybrid", "list": listed},
        "fitting_net": {"neuron": [9, 9], "seed": 2},
    }


class TestAllKinds(PhysicsSuite):
    SECTION = section()


class TestVariants(PhysicsSuite):
    SECTION = section(
        {**ANGULAR, "type_one_side": True, "exclude_types": [[0, 0]]}, {**RADIAL, "resnet_dt": True}, ANGULAR
    )


VARIANTS = {
    "one": (ANGULAR,),
    "two alike": (RADIAL, RADIAL),
    "all": (),
    "one side here, two there": ({**ANGULAR, "type_one_side": True}, ANGULAR, {**RADIAL, "type_one_side": True}),
    "excluded here alone": (THREE_BODY, {**RADIAL, "exclude_types": [[0, 1]]}),
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cell", CELLS)
def test_equals_the_equations_in_numpy(name, cell):
    assert deviation(section(*VARIANTS[name]), CELLS[cell]) < 1e-11


def test_float32_interface():
    check_float32_interface(section())


def test_names_of_nodes():
    model = ModelUnderTest(section())
    names = {op.name for op in model.session.graph.get_operations()}
    outputs = {"o_descriptor", "o_rmat_0", "o_rmat_deriv_1", "o_nlist_2"}
    assert {"descrpt_attr/rcut", "descrpt_attr/ntypes"} | outputs <= names
    assert "o_rmat" not in names
    statistics = {"descrpt_attr_0/t_avg", "descrpt_attr_1/t_std"}
    networks = {"filter_type_0_0/matrix_1_1", "filter_type_1_1/bias_2_0", "filter_type_all_2/matrix_2_0_1"}
    assert statistics | networks <= set(model.weights)
    assert model.weights["descrpt_attr_1/t_avg"].shape == (2, 82)
    graph = model.session.graph
    value = lambda name: model.session.run(graph.get_tensor_by_name(f"{name}:0"))  # noqa: E731
    assert value("descrpt_attr/rcut") == RCUT
    assert value("descrpt_attr/ntypes") == 2


def test_sizes_and_scopes_of_the_parts():
    descriptor = make_model(complete(section(ANGULAR, RADIAL, {**ANGULAR, "neuron": [5]}))).descriptor
    assert descriptor.dim_out == 8 * 3 + 6 + 5 * 3
    assert descriptor.rcut == RCUT
    assert [env.scope for env in descriptor.environments("_x")] == [f"descrpt_attr_x_{k}" for k in range(3)]


def test_a_hybrid_in_a_hybrid_is_refused():
    with pytest.raises(ConfigError, match="model/descriptor/list/0: a hybrid inside a hybrid"):
        make_model({**complete(section()), "descriptor": section()["descriptor"] | {"list": [section()["descriptor"]]}})


def test_parts_differ_from_one_another():
    """Two parts with the same keys have weights of their own."""
    model = ModelUnderTest(section({**RADIAL, "seed": None}, {**RADIAL, "seed": None}))
    first, second = (model.weights[f"filter_type_0_{k}/matrix_1_0"] for k in (0, 1))
    assert not np.array_equal(first, second)
