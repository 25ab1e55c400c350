"""The descriptor of distances: physics in all its variants, and equality with the NumPy equations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.suites.equations import CELLS, PRECISIONS, VARIANTS, check_float32_interface, check_precision, deviation
from tests.suites.physics import RCUT, ExcludedSuite, PhysicsSuite
from tests.support.graphs import ModelUnderTest


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


class TestExcluded(ExcludedSuite):
    # Type 0 and 1 still see each other, or the control of the cutoff test would see nothing.
    SECTION = section({"exclude_types": [[0, 0]]})


class TestOneSidedExcluded(TestExcluded):
    SECTION = section({"type_one_side": True, "exclude_types": [[0, 0]]})


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
