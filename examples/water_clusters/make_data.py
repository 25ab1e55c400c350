#!/usr/bin/env python3
"""Make the water-cluster data set of this folder with the semi-empirical method GFN2-xTB.

    pip install ase tblite
    python make_data.py [OUT] [--system NAME ...]

takes some three minutes. The same call on the same machine writes the same bytes again: random numbers are
seeded by the system's name and purpose, the calculator runs on one thread and is converged tightly, and the
labels are computed for the coordinates as stored (rounded to float32).
"""

from __future__ import annotations

import argparse
import os
import shutil
import zlib
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when tblite is loaded; one thread adds in one order

import numpy as np
from ase import Atoms, units
from ase.build import molecule
from ase.md.verlet import VelocityVerlet
from tblite.ase import TBLite

TYPE_MAP = ("O", "H")
SYSTEMS = {"monomer": 1, "dimer": 2, "trimer": 3, "tetramer": 4, "hexamer": 6}  # molecules in each
TEMPERATURES = (200.0, 350.0, 500.0)  # K, of all modes: hot enough to bend and stretch each molecule
STARTS = {"training": 8, "validation": 2}  # clusters of their own at each temperature
SNAPSHOTS = 5  # of each cluster
TIMESTEP = 0.5 * units.fs
STRIDE = 20  # steps between two snapshots: 10 fs
SETTLE = 150  # steps before the first snapshot
CENTRE_DISTANCE = 2.9  # Å, least distance of two oxygen atoms at the start


def calculator() -> TBLite:
    return TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)


def random_rotation(random: np.random.RandomState) -> np.ndarray:
    """A rotation matrix, uniform over all rotations: the orthogonal factor of a normal matrix."""
    q, r = np.linalg.qr(random.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def cluster(count: int, random: np.random.RandomState) -> Atoms:
    """``count`` molecules in random orientations, the oxygen atoms packed into a small ball."""
    centres: list[np.ndarray] = []
    radius = 0.5 * CENTRE_DISTANCE * count ** (1.0 / 3.0)
    while len(centres) < count:
        trial = random.uniform(-radius, radius, 3)
        if all(np.linalg.norm(trial - other) > CENTRE_DISTANCE for other in centres):
            centres.append(trial)
        radius *= 1.001  # so that the search always ends
    atoms = Atoms()
    for centre in centres:
        water = molecule("H2O")
        water.positions = (water.positions - water.positions[0]) @ random_rotation(random).T + centre
        atoms += water
    return atoms


def snapshots(starts: int, molecules: int, random: np.random.RandomState) -> list[Atoms]:
    """Frames of NVE dynamics near each temperature, from ``starts`` clusters each."""
    frames = []
    for temperature in np.repeat(TEMPERATURES, starts):
        walker = cluster(molecules, random)
        walker.calc = calculator()
        spread = np.sqrt(walker.get_masses() * units.kB * temperature)
        momenta = spread[:, None] * random.normal(size=walker.positions.shape)
        walker.set_momenta(momenta - momenta.mean(axis=0))
        motion = VelocityVerlet(walker, TIMESTEP)
        motion.run(SETTLE)
        for _ in range(SNAPSHOTS):
            motion.run(STRIDE)
            frames.append(walker.copy())
    return frames


def write_set(folder: Path, frames: list[Atoms]) -> None:
    """Write one ``set.*`` folder: coord and force in float32, energy in float64 (Å, eV)."""
    arrays: dict[str, list] = {key: [] for key in ("coord", "energy", "force")}
    for frame in frames:
        stored = frame.copy()
        stored.set_positions(np.float32(frame.positions).astype(np.float64))
        stored.calc = calculator()
        arrays["coord"].append(stored.positions.ravel())
        arrays["energy"].append(stored.get_potential_energy())
        arrays["force"].append(stored.get_forces().ravel())
    folder.mkdir(parents=True)
    for key, values in arrays.items():
        np.save(folder / f"{key}.npy", np.asarray(values, dtype=np.float64 if key == "energy" else np.float32))


def write_system(folder: Path, name: str, purpose: str) -> None:
    """Write the system ``name`` for ``purpose`` (training or validation) into ``folder``."""
    random = np.random.RandomState(zlib.crc32(f"{purpose}/{name}".encode()))
    frames = snapshots(STARTS[purpose], SYSTEMS[name], random)
    shutil.rmtree(folder, ignore_errors=True)
    write_set(folder / "set.000", frames)
    types = [TYPE_MAP.index(symbol) for symbol in frames[0].get_chemical_symbols()]
    np.savetxt(folder / "type.raw", types, fmt="%d")
    (folder / "type_map.raw").write_text("\n".join(TYPE_MAP) + "\n")
    (folder / "nopbc").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "data", metavar="OUT")
    parser.add_argument("--system", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="only these systems")
    args = parser.parse_args()
    for purpose in STARTS:
        for name in args.system:
            write_system(args.out / purpose / name, name, purpose)
            print(args.out / purpose / name, flush=True)


if __name__ == "__main__":
    main()
