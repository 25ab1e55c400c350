"""The two-body descriptor: physics in all its variants, and equality with the NumPy equations."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from tests.suites.physics import CUBIC, RCUT, PhysicsSuite, cluster, crystal
from tests.support.graphs import ModelUnderTest, complete
from tests.support.numpy_model import ACTIVATION_NAMES, atom_energies


def section(descriptor: dict | None = None, fitting: dict | None = None) -> dict:
    """A small model with two types."""
    return {
        "type_map": ["A", "B"],
        "descriptor": {
            "type": "se_e2_a",
            "sel": [40, 44],
            "rcut": RCUT,
            "rcut_smth": 1.0,
            "neuron": [4, 8],
            "axis_neuron": 3,
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
@pytest.mark.parametrize("cell", [None, CUBIC], ids=["open", "periodic"])
def test_equals_the_equations_in_numpy(name, cell):
    model = ModelUnderTest(section(VARIANTS[name], {"activation_function": "gelu" if name == "gelu" else "tanh"}))
    coord, atype = cluster() if cell is None else crystal(cell)
    order = np.argsort(atype, kind="stable")
    expected = np.empty(len(atype))
    expected[order] = atom_energies(
        coord[order].ravel(), atype[order], None if cell is None else cell.ravel(), model.section, model.weights
    )
    assert np.allclose(model(coord, atype, cell)["atom_energy"][0], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "precision, tolerance", [("float32", 1e-5), ("float64", 1e-12), ("bfloat16", 0.1), ("float16", 2e-2)]
)
def test_precision_of_the_network(precision, tolerance):
    model = ModelUnderTest(section({"precision": precision}, {"precision": precision}))
    coord, atype = cluster()
    order = np.argsort(atype, kind="stable")
    expected = np.empty(len(atype))
    expected[order] = atom_energies(coord[order].ravel(), atype[order], None, model.section, model.weights)
    got = model(coord, atype)
    error = np.abs(got["atom_energy"][0] - expected).max()
    assert error < tolerance
    # A network that ran in double precision after all would be exact.
    assert precision == "float64" or error > 1e-9
    assert got["force"].dtype == np.float64


def test_float32_interface():
    model = ModelUnderTest(section(), interface=np.float32)
    coord, atype = cluster()
    got = model(coord, atype)
    assert got["force"].dtype == np.float32
    assert got["energy"].dtype == np.float64


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"sel": [3]}, "model/descriptor/sel: expected 2 numbers"),
        ({"sel": [0, 0]}, "not all 0"),
        ({"rcut_smth": 5.0}, "model/descriptor/rcut_smth: expected a number from 0 to below rcut = 4.0, found 5.0"),
        ({"axis_neuron": 9}, "model/descriptor/axis_neuron: expected 1 to 8"),
        ({"neuron": []}, "model/descriptor/neuron"),
        ({"exclude_types": [[0, 2]]}, "model/descriptor/exclude_types"),
        ({"activation_function": "tahn"}, "activation function 'tahn' is not known. Did you mean 'tanh'?"),
        ({"precision": "double"}, "precision 'double' is not known"),
    ],
)
def test_bad_values_are_named(keys, message):
    from deepmd_tf.model.make import make_model

    with pytest.raises(ConfigError, match=None) as caught:
        make_model(complete(section(keys)))
    assert message in str(caught.value)
