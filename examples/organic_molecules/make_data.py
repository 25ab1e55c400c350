#!/usr/bin/env python3
"""Make the data set of small organic molecules of this folder with the semi-empirical method GFN2-xTB.

    pip install ase tblite
    python make_data.py [OUT] [--system NAME ...]

takes some ten minutes. The same call on the same machine writes the same bytes again: random numbers are seeded by
purpose and molecule, the calculator runs on one thread and is converged tightly, and the labels are computed for the
coordinates as stored (rounded to float32).
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

TYPE_MAP = ("H", "C", "N", "O")
# Names of ASE's geometries. A system holds all molecules of up to so many atoms, filled up with virtual ones.
SYSTEMS = {
    "atoms_04": (4, "H2O CO2 N2O HCN C2H2 H2CO NH3 H2O2"),
    "atoms_08": (8, "CH4 HCOOH H2CCO C2H4 CH3OH N2H4 CH3CN OCHCHO H3CNH2 CH3CHO CH2OCH2 CH3NO2 C3H4_C3v C2H6 CH2NHCH2 "
                    "CH3COOH HCOOCH3"),
    "atoms_12": (12, "CH3CH2OH CH3OCH3 C3H6_Cs CH3CONH2 C4H4O CH3CH2NH2 C2H6NH CH3COCH3 C4H4NH butadiene C5H5N C3H8 "
                     "C6H6"),
    "isopropanol": (12, "C2H6CHOH"),
}  # fmt: skip
HELD_OUT = ("isopropanol",)  # no frame of these is trained on
TEMPERATURES = (300.0, 600.0, 1200.0)  # K, of the first velocities; half of it stays kinetic
STARTS = {"training": 2, "validation": 1, "held_out": 2}  # trajectories at each temperature
SNAPSHOTS = 5  # of each
TIMESTEP = 0.5 * units.fs
STRIDE = 16  # steps between two snapshots: 8 fs
SETTLE = 80  # steps before the first snapshot


def calculator() -> TBLite:
    return TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)


def snapshots(name: str, purpose: str) -> list[Atoms]:
    """Frames of one molecule: NVE dynamics from its own geometry, at each temperature."""
    random = np.random.RandomState(zlib.crc32(f"{purpose}/{name}".encode()))
    frames = []
    for temperature in np.repeat(TEMPERATURES, STARTS[purpose]):
        walker = molecule(name)
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


def arrays_of(frame: Atoms, natoms: int) -> dict[str, np.ndarray]:
    """What a set holds of one frame; behind its own atoms stand virtual ones, of type -1, up to ``natoms``."""
    stored = frame.copy()
    stored.set_positions(np.float32(frame.positions).astype(np.float64))
    stored.calc = calculator()
    types = [TYPE_MAP.index(symbol) for symbol in stored.get_chemical_symbols()]
    fill = natoms - len(stored)
    return {
        "coord": np.pad(stored.positions, ((0, fill), (0, 0))).astype(np.float32).ravel(),
        "force": np.pad(stored.get_forces(), ((0, fill), (0, 0))).astype(np.float32).ravel(),
        "energy": np.float64(stored.get_potential_energy()),
        "real_atom_types": np.pad(types, (0, fill), constant_values=-1).astype(np.int32),
    }


def write_system(folder: Path, name: str, purpose: str) -> None:
    """Write a system into ``folder``: coord and force in float32, energy in float64 (Å, eV), types as integers."""
    natoms, molecules = SYSTEMS[name]
    frames = [arrays_of(frame, natoms) for one in molecules.split() for frame in snapshots(one, purpose)]
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "set.000").mkdir(parents=True)
    for key in frames[0]:
        np.save(folder / "set.000" / f"{key}.npy", np.array([frame[key] for frame in frames]))
    (folder / "type.raw").write_text("0\n" * natoms)  # of the mixed-type format only the number of lines counts
    (folder / "type_map.raw").write_text("\n".join(TYPE_MAP) + "\n")
    (folder / "nopbc").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "data", metavar="OUT")
    parser.add_argument("--system", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="only these systems")
    args = parser.parse_args()
    for purpose in STARTS:
        for name in args.system:
            if (name in HELD_OUT) == (purpose == "held_out"):
                write_system(args.out / purpose / name, name, purpose)
                print(args.out / purpose / name, flush=True)


if __name__ == "__main__":
    main()
