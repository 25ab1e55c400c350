"""What every descriptor's test compares with the NumPy equations."""

from __future__ import annotations

import numpy as np

from tests.suites.physics import CUBIC, cluster, crystal
from tests.support.graphs import ModelUnderTest
from tests.support.numpy_model import ACTIVATION_NAMES, atom_energies

CELLS = {"open": None, "periodic": CUBIC}
# Largest error of the atomic energies for each precision of the networks; eV.
PRECISIONS = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 0.1, "float16": 2e-2}

# Of descriptors with networks by pair of types.
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


def deviation(section: dict, cell=None) -> float:
    """Largest difference of an atomic energy from the equations in NumPy, for a model with random weights."""
    model = ModelUnderTest(section)
    coord, atype = cluster() if cell is None else crystal(cell)
    order = np.argsort(atype, kind="stable")
    expected = np.empty(len(atype))
    expected[order] = atom_energies(
        coord[order].ravel(), atype[order], None if cell is None else cell.ravel(), model.section, model.weights
    )
    found = model(coord, atype, cell)
    assert found["force"].dtype == np.float64
    return np.abs(found["atom_energy"][0] - expected).max()


def check_precision(section: dict, precision: str) -> None:
    """The deviation is that of the precision, and no smaller: networks that ran in float64 after all would be exact."""
    error = deviation(section)
    assert error < PRECISIONS[precision]
    assert precision == "float64" or error > 1e-9


def check_float32_interface(section: dict) -> None:
    """Forces are float32, energies float64 nevertheless."""
    coord, atype = cluster()
    found = ModelUnderTest(section, interface=np.float32)(coord, atype)
    assert found["force"].dtype == np.float32
    assert found["energy"].dtype == np.float64
