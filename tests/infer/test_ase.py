"""The ASE calculator: properties against DeepPot and finite differences, and a run that keeps its energy."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.infer import DeepPot
from tests.infer.conftest import frames

ase = pytest.importorskip("ase")

from ase import Atoms, units  # noqa: E402
from ase.calculators.calculator import PropertyNotImplementedError  # noqa: E402
from ase.md.verlet import VelocityVerlet  # noqa: E402

from deepmd_tf.infer.ase import DP  # noqa: E402


def crystal(seed=4) -> Atoms:
    coords, cell, types = frames(1, seed)
    return Atoms(["OH"[t] for t in types], coords[0], cell=cell, pbc=True)


@pytest.fixture
def atoms(water) -> Atoms:
    atoms = crystal()
    atoms.calc = DP(water.path)
    return atoms


def test_properties(water, atoms):
    coords, cell, types = frames(1)
    energy, force, virial, atom_energy, _ = DeepPot(water.path).eval(coords, cell[None], types, atomic=True)
    assert atoms.get_potential_energy() == pytest.approx(energy[0, 0], abs=1e-12)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_forces(), force[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(atoms.get_potential_energies(), atom_energy[0, :, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(atoms.get_stresses().sum(axis=0), atoms.get_stress(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(atoms.calc.results["virial"], virial[0].reshape(3, 3), rtol=0, atol=1e-12)


def test_stress_is_the_derivative_with_strain(atoms):
    stress = atoms.get_stress(voigt=False)
    step = 1e-5
    for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2)):
        energy = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * step
            strain[b, a] += 0.5 * sign * step
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.calc = atoms.calc
            energy.append(strained.get_potential_energy())
        assert stress[a, b] == pytest.approx(
            (energy[0] - energy[1]) / (2 * step) / atoms.get_volume(), rel=1e-5, abs=1e-9
        )


def test_only_what_is_asked_for_is_evaluated(atoms, monkeypatch):
    asked = []
    evaluate = atoms.calc.dp.eval_outputs
    monkeypatch.setattr(
        atoms.calc.dp,
        "eval_outputs",
        lambda names, *rest, **more: (asked.append(names), evaluate(names, *rest, **more))[1],
    )
    atoms.get_potential_energy()
    atoms.get_forces()
    assert asked == [["energy", "force"]]
    atoms.get_stress()
    atoms.rattle(0.01)
    atoms.get_forces()
    atoms.get_stress()
    assert asked[1:] == [["energy", "force", "virial"]] * 2


def test_no_stress_without_a_cell(water):
    molecule = Atoms("OHH", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]], calculator=DP(water.path))
    assert np.isfinite(molecule.get_potential_energy())
    with pytest.raises(PropertyNotImplementedError):
        molecule.get_stress()


def test_partly_periodic_is_refused(atoms):
    atoms.pbc = (True, True, False)
    with pytest.raises(DataError, match=r"pbc.*\[True, True, False\].*vacuum"):
        atoms.get_potential_energy()


def test_unknown_element(water):
    atoms = Atoms("OHC", [[0, 0, 0], [1, 0, 0], [0, 1, 0]], calculator=DP(water.path))
    with pytest.raises(DataError, match=r"O, H.*found C.*type_dict"):
        atoms.get_potential_energy()


def test_type_dict_renames(water, atoms):
    renamed = atoms.copy()
    renamed.set_chemical_symbols(["Te" if s == "O" else "Ge" for s in atoms.get_chemical_symbols()])
    renamed.calc = DP(water.path, type_dict={"Te": 0, "Ge": 1})
    assert renamed.get_potential_energy() == atoms.get_potential_energy()


def test_parameters_come_from_info(with_parameters):
    atoms = crystal()
    atoms.calc = DP(with_parameters.path)
    coords, cell, types = frames(1)
    energies = []
    for fparam in ([0.5, -0.3], [1.5, 0.3]):
        atoms.info.update(fparam=fparam, aparam=np.linspace(0, 1, 8))
        expected = DeepPot(with_parameters.path).eval(
            coords, cell[None], types, fparam=fparam, aparam=np.linspace(0, 1, 8).reshape(8, 1)
        )[0]
        energies.append(atoms.get_potential_energy())
        assert energies[-1] == pytest.approx(expected[0, 0], abs=1e-12)
    assert energies[0] != energies[1], "a changed parameter must not be answered from memory"


def total_energies(water, step_fs: float, duration_fs: float) -> np.ndarray:
    """Total energy along a run at constant energy, started from rest on a rough surface."""
    atoms = crystal()
    atoms.calc = DP(water.path)
    run = VelocityVerlet(atoms, timestep=step_fs * units.fs)
    energies = []
    run.attach(lambda: energies.append(atoms.get_total_energy()))
    run.run(round(duration_fs / step_fs))
    return np.array(energies)


def test_total_energy_does_not_drift(water):
    """Velocity Verlet errs by dt²: half the step quarters the fluctuation, and nothing accumulates."""
    coarse, fine = total_energies(water, 2.0, 120.0), total_energies(water, 1.0, 120.0)
    assert np.ptp(fine) < np.ptp(coarse) / 3
    assert np.ptp(fine) > np.ptp(coarse) / 6
    # The energy the two runs agree on, extrapolated to a step of zero, is the energy of the start.
    half = len(coarse) // 2
    assert abs(coarse[half:].mean() - coarse[:half].mean()) < np.ptp(coarse)
