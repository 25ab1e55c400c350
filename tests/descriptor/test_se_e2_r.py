"""The descriptor of distances: physics in all its variants, and equality with the NumPy equations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.suites.equations import CELLS, PRECISIONS, check_float32_interface, check_precision, deviation
from tests.suites.physics import RCUT, PhysicsSuite, cluster
from tests.support.graphs import ModelUnderTest
from tests.support.numpy_model import ACTIVATION_NAMES


def section(descriptor: dict | None = None, fitting: dict | None = None) -> dict:
    """A small model with two types."""
    return {
        "type_map": ["A", "B"],
        "descriptor": {
            "type": "se_e2_r",
            "sel": [40, 44],
            "rcut": RCUT,
            "rcut_smth": 1.0,
            "neuron": [4, 8],
            "seed": 1,
            **(descriptor or {}),
        },
        "fitting_net": {"neuron": [9, 9], "seed": 2, **(fitting or {})},
    }


class TestTwoSided(PhysicsSuite):
    SECTION = section()


class TestOneSided(PhysicsSuite):
    SECTION = section({"type_one_side": True})


class TestExcluded(PhysicsSuite):
    # Type 0 and 1 still see each other, or the control of the cutoff test would see nothing.
    SECTION = section({"exclude_types": [[0, 0]]})

    def test_empty_type(self, model):
        coord, _ = cluster()
        assert np.array_equal(model(coord, np.zeros(len(coord), int))["force"], np.zeros((1, len(coord), 3)))
        assert np.abs(model(coord, np.ones(len(coord), int))["force"]).max() > 1e-6


class TestOneSidedExcluded(TestExcluded):
    SECTION = section({"type_one_side": True, "exclude_types": [[0, 0]]})


VARIANTS = {
    "two sided": {},
    "one sided": {"type_one_side": True},
    "excluded": {"exclude_types": [[0, 1]]},
    "one sided, excluded": {"type_one_side": True, "exclude_types": [[1, 1], [0, 1]]},
    "all excluded for a type": {"exclude_types": [[0, 0], [0, 1]]},
    "doubling, equal and other widths with time steps": {"neuron": [2, 4, 4, 7], "resnet_dt": True},
    "first layer of one neuron": {"neuron": [1, 2, 5]},
    "davg zero": {"set_davg_zero": True},
    "a type without slots": {"sel": [0, 44]},
    **{name: {"activation_function": name} for name in ACTIVATION_NAMES},
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cell", CELLS)
def test_equals_the_equations_in_numpy(name, cell):
    assert deviation(section(VARIANTS[name]), CELLS[cell]) < 1e-11


@pytest.mark.parametrize("precision", PRECISIONS)
def test_precision_of_the_network(precision):
    check_precision(section({"precision": precision}, {"precision": precision}), precision)


def test_float32_interface():
    check_float32_interface(section())


def test_directions_do_not_matter():
    """Atoms on a line and in a right angle at the same distances give the central atom the same energy."""
    model = ModelUnderTest(section())
    types = np.array([0, 1, 1])
    line, angle = ([[0, 0, 0], [1.5, 0, 0], end] for end in ([-1.8, 0, 0], [0, 1.8, 0]))
    energy = [model(np.array(x, float), types)["atom_energy"][0, 0] for x in (line, angle)]
    assert abs(energy[0] - energy[1]) < 1e-13
