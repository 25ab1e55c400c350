"""The ASE calculator of a device: its numbers, a run that keeps its energy, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, DataError
from nvnmd.simulate.device import Device
from tests.nvnmd.simulated import smooth_model, structure

ase = pytest.importorskip("ase")

from ase import Atoms, units  # noqa: E402
from ase.md.verlet import VelocityVerlet  # noqa: E402

from nvnmd.simulate.ase import NvnmdDevice  # noqa: E402

NAMES = ["Ge", "Te"]


def crystal(model) -> Atoms:
    coord, box, types = structure()
    atoms = Atoms([NAMES[t] for t in types], coord, cell=box, pbc=True)
    atoms.calc = NvnmdDevice(model, NAMES)
    return atoms


@pytest.fixture(scope="module", params=[0, 1])
def model(request):
    return smooth_model(request.param)


def test_properties(model):
    atoms, (coord, box, types) = crystal(model), structure()
    expected = Device(model).evaluate(coord[None], box[None], types)
    assert atoms.get_potential_energy() == expected.energy[0]
    np.testing.assert_array_equal(atoms.get_forces(), expected.force[0])
    np.testing.assert_array_equal(atoms.get_potential_energies(), expected.atom_energy[0])
    virial = expected.virial.reshape(3, 3)
    np.testing.assert_allclose(
        atoms.get_stress(voigt=False), -(virial + virial.T) / 2 / atoms.get_volume(), rtol=1e-12, atol=1e-15
    )
    atoms.rattle(0.1)
    atoms.get_forces()
    assert (atoms.calc.record.largest >= expected.record.largest).all()
    assert (atoms.calc.record.largest > expected.record.largest).any()


def test_a_run_keeps_its_energy(model):
    """To the steps of the device's energies: 2^-23 eV, amplified by tables with a jump in their second derivative."""
    atoms = crystal(model)
    speeds = np.random.default_rng(0).normal(size=(len(atoms), 3))
    atoms.set_momenta(speeds * np.sqrt(atoms.get_masses()[:, None] * units.kB * 300))
    start, total, kinetic = atoms.get_kinetic_energy(), [], []
    run = VelocityVerlet(atoms, 1.0 * units.fs)
    for _ in range(50):
        run.run(1)
        total.append(atoms.get_total_energy())
        kinetic.append(atoms.get_kinetic_energy())
    assert np.ptp(kinetic) > 0.02 * start
    assert np.ptp(total) < 0.02 * np.ptp(kinetic)


def test_what_is_refused(model):
    atoms = crystal(model)
    atoms.pbc = [True, True, False]
    with pytest.raises(DataError, match="all directions periodic or none"):
        atoms.get_forces()
    atoms.pbc = False
    atoms.get_forces()
    with pytest.raises(DataError, match=r"expected elements of type_map \['Ge', 'Te'\], found Si"):
        atoms.symbols[0] = "Si"
        atoms.get_forces()
    with pytest.raises(ConfigError, match="expected 2 different symbols"):
        NvnmdDevice(model, ["Ge", "Ge"])
