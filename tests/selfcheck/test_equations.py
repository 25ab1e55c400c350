"""The equations in NumPy: against slow loops, closed forms, and differences of their own energies."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.ops import reference
from deepmd_tf.ops.reference.tabulate import table_value
from deepmd_tf.selfcheck import checks
from deepmd_tf.selfcheck.frames import Frame
from deepmd_tf.selfcheck.numpy_env import environment_rows, surroundings
from deepmd_tf.selfcheck.numpy_model import predict
from deepmd_tf.selfcheck.numpy_net import ACTIVATION_NAMES, phi, phi_slope, table_slope
from tests.suites.physics import CUBIC, TRICLINIC, cluster, crystal
from tests.support import numpy_model as loops
from tests.support.graphs import ModelUnderTest, complete

SETTINGS = {"sel": [18, 20], "rcut": 4.0, "rcut_smth": 1.0, "neuron": [2, 4, 8], "seed": 1}
PLAIN = {"type": "se_e2_a", "axis_neuron": 3, **SETTINGS}
RADIAL = {"type": "se_e2_r", **SETTINGS}
THREE = {"type": "se_e3", **SETTINGS, "sel": [6, 7], "neuron": [3, 6]}
DESCRIPTORS = {
    "se_e2_a": PLAIN,
    "one-sided": {**PLAIN, "type_one_side": True},
    "excluded": {**PLAIN, "exclude_types": [[0, 1]]},
    "one-sided, excluded": {**PLAIN, "type_one_side": True, "exclude_types": [[0, 1]]},
    "time steps, widths 4 8 8": {**PLAIN, "resnet_dt": True, "neuron": [4, 8, 8], "activation_function": "gelu"},
    "a type without slots": {**PLAIN, "sel": [18, 0]},
    "too few slots": {**PLAIN, "sel": [3, 2]},
    "se_e2_r": RADIAL,
    "se_e2_r, excluded": {**RADIAL, "exclude_types": [[1, 1]], "activation_function": "silut:1.5"},
    "se_e2_r, one-sided, excluded": {**RADIAL, "exclude_types": [[1, 1]], "type_one_side": True},
    "se_e3": THREE,
    "hybrid": {"type": "hybrid", "list": [PLAIN, RADIAL, THREE]},
}
FITTINGS = {
    "plain": {"neuron": [7, 7], "seed": 1},
    "parameters": {"neuron": [7, 7], "numb_fparam": 2, "numb_aparam": 1, "seed": 1},
    "atom_ener": {"neuron": [7], "atom_ener": [None, -0.7], "activation_function": "softplus", "seed": 1},
    "named layers": {"neuron": [6, 6], "layer_name": ["first", None, "last"], "resnet_dt": False, "seed": 1},
}


def model(descriptor: str = "se_e2_a", fitting: str = "plain") -> ModelUnderTest:
    section = {"type_map": ["A", "B"], "descriptor": DESCRIPTORS[descriptor], "fitting_net": FITTINGS[fitting]}
    return ModelUnderTest(section)


def cases():
    return [(name, "plain") for name in DESCRIPTORS] + [("se_e2_a", name) for name in FITTINGS if name != "plain"]


def seen_of_type(coord, types, cell) -> np.ndarray:
    """Neighbours of each atom by type, [N, 2]."""
    many = surroundings(coord, types, cell, rcut=4.0, rcut_smth=1.0, sel=[200, 200]).nlist >= 0
    return np.stack([many[:, :200].sum(axis=1), many[:, 200:].sum(axis=1)], axis=1)


def slots(descriptor: dict) -> list[int]:
    """The least slots by type that a descriptor, or one of a list, has."""
    parts = descriptor.get("list", [descriptor])
    return np.min([part["sel"] for part in parts], axis=0)


@pytest.mark.parametrize(("descriptor", "fitting"), cases())
@pytest.mark.parametrize("cell", [None, TRICLINIC], ids=["open", "periodic"])
def test_energies_forces_and_virials_of_graphs(descriptor, fitting, cell):
    graph = model(descriptor, fitting)
    coord, types = cluster() if cell is None else crystal(cell)
    rng = np.random.default_rng(2)
    given = (
        {"fparam": rng.normal(size=2), "aparam": rng.normal(size=(len(types), 1))} if fitting == "parameters" else {}
    )
    found = predict(coord, types, cell, graph.section, graph.weights, **given)
    expected = graph(coord, types, cell, **given)
    assert np.abs(found.atom_energy - expected["atom_energy"][0]).max() < 1e-12
    assert np.abs(found.force - expected["force"][0]).max() < 1e-11
    assert np.abs(found.virial - expected["virial"][0]).max() < 1e-11
    assert np.abs(found.force).max() > 1e-4
    assert found.cut_off.any() == (seen_of_type(coord, types, cell) > slots(graph.section["descriptor"])).any()


@pytest.mark.parametrize("descriptor", DESCRIPTORS)
def test_energies_of_slow_loops(descriptor):
    graph = model(descriptor)
    coord, types = crystal(CUBIC)
    order = np.argsort(types, kind="stable")
    expected = loops.atom_energies(coord[order].ravel(), types[order], CUBIC.ravel(), graph.section, graph.weights)
    found = predict(coord, types, CUBIC, graph.section, graph.weights)
    assert np.abs(found.atom_energy[order] - expected).max() < 1e-12


@pytest.mark.parametrize("descriptor", ["se_e2_a", "se_e2_r", "hybrid"])
def test_forces_are_the_slope_of_the_energy(descriptor):
    graph = model(descriptor)
    coord, types = crystal(CUBIC)
    energy = lambda x: predict(x, types, CUBIC, graph.section, graph.weights).energy  # noqa: E731
    force = predict(coord, types, CUBIC, graph.section, graph.weights).force
    for atom, axis in ((0, 0), (3, 1), (7, 2)):
        step = np.zeros_like(coord)
        step[atom, axis] = 1e-4
        slope = 8 * (energy(coord + step) - energy(coord - step)) - (
            energy(coord + 2 * step) - energy(coord - 2 * step)
        )
        assert force[atom, axis] == pytest.approx(-slope / 12e-4, abs=1e-9)


def test_virtual_atoms_take_no_part():
    graph = model()
    coord, types = crystal(CUBIC)
    marked = np.where(np.arange(8) == 3, -1, types)
    found = predict(coord, marked, CUBIC, graph.section, graph.weights)
    rest = predict(coord[marked >= 0], types[marked >= 0], CUBIC, graph.section, graph.weights)
    assert np.array_equal(found.atom_energy[marked >= 0], rest.atom_energy)
    assert not found.force[3].any() and found.atom_energy[3] == 0


@pytest.mark.parametrize("cell", [None, CUBIC, TRICLINIC, 0.55 * CUBIC], ids=["open", "cubic", "triclinic", "small"])
def test_neighbours_and_rows(cell):
    coord, types = cluster() if cell is None else crystal(cell)
    settings = {"rcut": 4.1, "rcut_smth": 1.3, "sel": [60, 55]}
    found = surroundings(coord, types, cell, **settings)
    slow = reference.env_mat(
        coord.reshape(1, -1), types[None], None if cell is None else cell.reshape(1, 9), **settings
    )
    occupied = slow.nlist[0] >= 0
    assert np.array_equal(found.nlist >= 0, occupied) and occupied.any()
    # Neighbours at equal distances may stand in any order.
    assert np.abs(found.rows[..., 0] - slow.descrpt[0][..., 0]).max() < 1e-12
    assert np.abs(found.rows.sum(axis=1) - slow.descrpt[0].sum(axis=1)).max() < 1e-11
    assert np.abs(found.slopes.sum(axis=1) + slow.deriv[0].sum(axis=1)).max() < 1e-10
    for i in range(len(types)):
        assert sorted(found.nlist[i]) == sorted(slow.nlist[0, i])


def test_rows_are_smooth_at_both_ends_of_the_switch():
    at = lambda d: environment_rows(np.array([[0.0, 0.0, d]]), 1.0, 4.0)  # noqa: E731
    assert np.allclose(at(0.5)[0], [[2.0, 0.0, 0.0, 2.0]])
    assert not any(part.any() for d in (4.0, 5.0) for part in at(d))
    for edge in (1.0, 4.0):
        assert np.allclose(at(edge - 1e-9)[1], at(edge + 1e-9)[1], atol=1e-7)


@pytest.mark.parametrize("name", [*ACTIVATION_NAMES, "TANH", None])
def test_slopes_of_activations(name):
    x, h = np.linspace(-7.9, 8.3, 61), 1e-4
    f = phi(name)
    expected = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
    assert np.abs(phi_slope(name)(x) - expected).max() < 1e-9


@pytest.mark.parametrize("symmetric", [False, True])
def test_tables(symmetric):
    info = np.array([-1.0, 2.0, 6.0, 0.25, 0.5, -1])
    rows = 12 + 8 + (10 if symmetric else 0)
    table = np.random.default_rng(0).normal(size=(rows, 6 * 3))
    x = np.array([-9.0, -6.0, -5.9, -1.0, -0.99, 0.1, 1.9999, 2.0, 3.3, 5.99, 6.0, 8.0])
    value, slope = table_slope(x, table, info, symmetric)
    for k, one in enumerate(x):
        expected = table_value(table, info, one, symmetric=symmetric)
        assert np.allclose(value[k], expected[0], rtol=1e-12) and np.allclose(slope[k], expected[1], rtol=1e-12)


def test_what_is_not_known_is_named():
    graph = model()
    coord, types = cluster()
    frame = Frame("here", coord, types, None, None, None)
    other = {**graph.section, "descriptor": {**graph.section["descriptor"], "type": "dpa2"}}
    with pytest.raises(ModelFormatError, match="no equations in NumPy for the descriptor 'dpa2'"):
        checks.evaluate_numpy(other, graph.weights, np.float64, [frame])
    weights = {name: value for name, value in graph.weights.items() if name != "filter_type_1/bias_2_0"}
    with pytest.raises(ModelFormatError, match="holds no filter_type_1/bias_2_0"):
        checks.evaluate_numpy(complete(graph.section), weights, np.float64, [frame])
