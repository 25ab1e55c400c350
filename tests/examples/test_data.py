"""The shipped data sets: made by their scripts, consistent with their calculators, small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DATA = sorted(EXAMPLES.glob("*/data"))
SETS = sorted(EXAMPLES.glob("*/data/*/*/set.*"))
STEP = 1e-4


def load(folder: Path, key: str) -> np.ndarray:
    return np.load(folder / f"{key}.npy", allow_pickle=False)


def make(example: str, system: str, out: Path) -> Path:
    """Run the script of an example for one system."""
    command = [sys.executable, str(EXAMPLES / example / "make_data.py"), str(out), "--system", system]
    subprocess.run(command, check=True, capture_output=True)
    return out


def arrays_below(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.npy"))}


@pytest.mark.parametrize("folder", DATA, ids=lambda folder: folder.parent.name)
def test_data_is_small(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 700_000


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: "-".join(folder.parts[-5:]))
def test_arrays_fit_together(folder):
    system = folder.parent
    natoms = len((system / "type.raw").read_text().split())
    energy, coord, force = load(folder, "energy"), load(folder, "coord"), load(folder, "force")
    frames = len(energy)
    assert frames and energy.dtype == np.float64
    assert coord.shape == force.shape == (frames, 3 * natoms)
    # Internal forces add up to nothing: float32 labels leave some 1e-6 eV/Å each.
    assert np.abs(force.reshape(frames, natoms, 3).sum(1)).max() < 1e-4
    if (system / "nopbc").exists():
        return
    box, virial = load(folder, "box").reshape(-1, 3, 3), load(folder, "virial").reshape(-1, 3, 3)
    assert len(box) == len(virial) == frames
    assert np.all(np.linalg.det(box) > 0)
    assert np.array_equal(virial, virial.transpose(0, 2, 1))


def test_training_and_validation_share_no_frame():
    for folder in DATA:
        energies = {
            purpose: {value for path in (folder / purpose).rglob("energy.npy") for value in load(path.parent, "energy")}
            for purpose in ("training", "validation")
        }
        assert not energies["training"] & energies["validation"]


@pytest.mark.parametrize("system", ["cu3ni"])
def test_copper_script_reproduces_the_data(system, tmp_path):
    pytest.importorskip("ase")
    first, second = (arrays_below(make("copper_alloy", system, tmp_path / name)) for name in ("first", "second"))
    assert len(first) == 20
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes(), name
        # Another machine may round the last digit of the dynamics differently.
        shipped = np.load(EXAMPLES / "copper_alloy" / "data" / name, allow_pickle=False)
        assert np.allclose(np.load(path, allow_pickle=False), shipped, rtol=1e-5, atol=1e-4), name


def test_water_script_reproduces_the_data(tmp_path):
    pytest.importorskip("tblite")
    for name, path in arrays_below(make("water_clusters", "monomer", tmp_path)).items():
        shipped = np.load(EXAMPLES / "water_clusters" / "data" / name, allow_pickle=False)
        assert np.allclose(np.load(path, allow_pickle=False), shipped, rtol=1e-5, atol=1e-4), name


def test_molecules_script_reproduces_the_data(tmp_path):
    pytest.importorskip("tblite")
    made = arrays_below(make("organic_molecules", "isopropanol", tmp_path))
    assert len(made) == 4
    for name, path in made.items():
        shipped = np.load(EXAMPLES / "organic_molecules" / "data" / name, allow_pickle=False)
        assert np.allclose(np.load(path, allow_pickle=False), shipped, rtol=1e-5, atol=1e-4), name


def compositions(purpose: str) -> set[tuple[int, ...]]:
    """Numbers of H, C, N, O of all frames of the molecules; also holds that virtual atoms are where they belong."""
    found = set()
    for file in sorted((EXAMPLES / "organic_molecules" / "data" / purpose).rglob("real_atom_types.npy")):
        types, force = np.load(file), load(file.parent, "force")
        virtual = types < 0
        assert (np.diff(virtual.astype(int), axis=1) >= 0).all(), "behind the others"
        assert not force.reshape(*types.shape, 3)[virtual].any()
        found |= {tuple((row == t).sum() for t in range(4)) for row in types}
    return found


def test_molecules_are_of_many_compositions():
    assert len(compositions("training")) == 34
    assert compositions("validation") == compositions("training")
    assert compositions("held_out") == {(8, 3, 0, 1)} and not compositions("held_out") & compositions("training")


@pytest.fixture
def copper():
    """A strained triclinic frame of the shipped data as ASE atoms with EMT, and the labels stored for it."""
    ase = pytest.importorskip("ase")
    from ase.calculators.emt import EMT

    system = EXAMPLES / "copper_alloy" / "data" / "training" / "copper"
    names = (system / "type_map.raw").read_text().split()
    symbols = [names[int(kind)] for kind in (system / "type.raw").read_text().split()]
    labels = {key: load(system / "set.000", key)[3] for key in ("coord", "box", "energy", "force", "virial")}
    atoms = ase.Atoms(symbols, labels["coord"].reshape(-1, 3), cell=labels["box"].reshape(3, 3), pbc=True)
    atoms.calc = EMT()
    return atoms, labels


def test_energy_and_force_belong_to_the_stored_coordinates(copper):
    atoms, labels = copper
    assert atoms.get_potential_energy() == pytest.approx(labels["energy"], abs=1e-9)
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.calc = atoms.calc
        moved.positions[5, 1] += sign * STEP
        energies.append(moved.get_potential_energy())
    assert -(energies[0] - energies[1]) / (2 * STEP) == pytest.approx(labels["force"][5 * 3 + 1], abs=1e-4)


@pytest.mark.parametrize(("d", "e"), [(0, 0), (2, 2), (0, 1), (2, 1)])
def test_virial_is_minus_the_strain_derivative(copper, d, e):
    atoms, labels = copper
    energies = []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.calc = atoms.calc
        strain = np.eye(3)
        strain[d, e] += sign * STEP
        strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        energies.append(strained.get_potential_energy())
    virial = labels["virial"].reshape(3, 3)[d, e]
    assert abs(virial) > 0.01, "a frame without strain would pass with any sign"
    assert -(energies[0] - energies[1]) / (2 * STEP) == pytest.approx(virial, abs=1e-3)
