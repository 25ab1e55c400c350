#!/usr/bin/env python3
"""Make the copper-nickel data set of this folder with ASE's effective medium theory (EMT).

    python make_data.py [OUT] [--system NAME ...]

needs ASE and NumPy alone and takes less than half a minute. The same call writes the same bytes again: every
random number comes from a generator seeded by the system's name and purpose, and the labels are computed
for the coordinates as stored (rounded to float32), so that data and labels agree to the last digit kept.
"""

from __future__ import annotations

import argparse
import shutil
import zlib
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

TYPE_MAP = ("Cu", "Ni")
TEMPERATURES = (300.0, 600.0, 900.0)  # K
FRAMES = {"training": (40, 60), "validation": (12, 12)}  # (perturbed lattices, snapshots of dynamics) per system
TIMESTEP = 5.0 * units.fs
STRIDE = 20  # steps between two snapshots: 100 fs


def crystal(constant: float = 3.60) -> Atoms:
    """32 copper atoms: eight cubic fcc cells of ``constant`` Å."""
    return bulk("Cu", "fcc", a=constant, cubic=True).repeat(2)


def ordered(n_nickel: int, constant: float) -> Atoms:
    """32 atoms, ``n_nickel`` of the four sites of each cubic fcc cell nickel: 1 is L1_2 Cu3Ni, 2 is L1_0 CuNi."""
    atoms = crystal(constant)
    for site in range(n_nickel):
        atoms.symbols[site::4] = "Ni"
    return atoms


def solution(atoms: Atoms, n_nickel: int, random: np.random.RandomState) -> Atoms:
    """The same lattice with nickel on ``n_nickel`` random sites."""
    atoms.symbols[random.permutation(len(atoms))[:n_nickel]] = "Ni"
    return atoms


def structure(name: str, purpose: str, random: np.random.RandomState) -> Atoms:
    """The ideal crystal of system ``name``; the solid solution to validate on has a composition of its own."""
    if name == "copper":  # the rhombohedral supercell of the primitive cell: triclinic, 27 atoms
        return bulk("Cu", "fcc", a=3.61).repeat(3)
    if name == "cu3ni":
        return ordered(1, 3.59)
    if name == "cuni":
        return ordered(2, 3.56)
    if name == "solution":
        return solution(crystal(), 16 if purpose == "training" else 10, random)
    atoms = solution(crystal(), 8, random)  # name == "vacancy": 31 atoms
    del atoms[0]
    return atoms


SYSTEMS = ("copper", "cu3ni", "cuni", "solution", "vacancy")


def strained(atoms: Atoms, amplitude: float, random: np.random.RandomState) -> Atoms:
    """A copy under a random strain, symmetric, each component uniform within ``amplitude``."""
    strain = random.uniform(-amplitude, amplitude, (3, 3))
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
    return copy


def perturbed_lattices(atoms: Atoms, count: int, random: np.random.RandomState) -> list[Atoms]:
    """Strained crystals with atoms displaced at random, by up to 0.08 Å (standard deviation)."""
    frames = []
    for _ in range(count):
        frame = strained(atoms, 0.04, random)
        frame.positions += random.normal(scale=random.uniform(0.01, 0.08), size=frame.positions.shape)
        frames.append(frame)
    return frames


def dynamics(atoms: Atoms, count: int, random: np.random.RandomState) -> list[Atoms]:
    """Snapshots of NVE dynamics, an equal share near each temperature, each in a strained cell of its own."""
    frames = []
    for temperature in TEMPERATURES:
        walker = strained(atoms, 0.02, random)
        walker.calc = EMT()
        # Of the kinetic energy given to a perfect lattice half goes to the potential energy: start at twice T.
        spread = np.sqrt(walker.get_masses() * units.kB * 2.0 * temperature)
        momenta = spread[:, None] * random.normal(size=walker.positions.shape)
        walker.set_momenta(momenta - momenta.mean(axis=0))
        motion = VelocityVerlet(walker, TIMESTEP)
        for _ in range(count // len(TEMPERATURES)):
            motion.run(STRIDE)
            frames.append(walker.copy())
    return frames


def write_set(folder: Path, frames: list[Atoms]) -> None:
    """Write one ``set.*`` folder: coord, box, force, virial in float32, energy in float64 (Å, eV)."""
    arrays: dict[str, list] = {key: [] for key in ("coord", "box", "energy", "force", "virial")}
    for frame in frames:
        stored = frame.copy()
        stored.set_cell(np.float32(frame.cell.array).astype(np.float64))
        stored.set_positions(np.float32(frame.get_positions(wrap=True)).astype(np.float64))
        stored.calc = EMT()
        arrays["coord"].append(stored.positions.ravel())
        arrays["box"].append(stored.cell.array.ravel())
        arrays["energy"].append(stored.get_potential_energy())
        arrays["force"].append(stored.get_forces().ravel())
        # virial = -dE/dstrain; ASE's stress is +dE/dstrain per volume
        arrays["virial"].append(-stored.get_volume() * stored.get_stress(voigt=False).ravel())
    folder.mkdir(parents=True)
    for key, values in arrays.items():
        np.save(folder / f"{key}.npy", np.asarray(values, dtype=np.float64 if key == "energy" else np.float32))


def write_system(folder: Path, name: str, purpose: str) -> None:
    """Write the system ``name`` for ``purpose`` (training or validation) into ``folder``."""
    random = np.random.RandomState(zlib.crc32(f"{purpose}/{name}".encode()))
    atoms = structure(name, purpose, random)
    n_lattice, n_dynamics = FRAMES[purpose]
    shutil.rmtree(folder, ignore_errors=True)
    write_set(folder / "set.000", perturbed_lattices(atoms, n_lattice, random))
    write_set(folder / "set.001", dynamics(atoms, n_dynamics, random))
    types = [TYPE_MAP.index(symbol) for symbol in atoms.get_chemical_symbols()]
    np.savetxt(folder / "type.raw", types, fmt="%d")
    (folder / "type_map.raw").write_text("\n".join(TYPE_MAP) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "data", metavar="OUT")
    parser.add_argument("--system", nargs="+", choices=SYSTEMS, default=SYSTEMS, help="only these systems")
    args = parser.parse_args()
    for purpose in FRAMES:
        for name in args.system:
            write_system(args.out / purpose / name, name, purpose)
            print(f"{args.out / purpose / name}: {sum(FRAMES[purpose])} frames", flush=True)


if __name__ == "__main__":
    main()
