"""How long 10,000 small systems take to open, to give their statistics and batches.

``python benchmarks/many_systems.py [--systems 10000] [--frames 5] [--atoms 48]`` writes them into a temporary
folder and prints seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.stat.bias import energy_bias
from deepmd_tf.stat.env import EnvSpec, environment_statistics
from deepmd_tf.stat.neighbor import neighbor_statistics

LABELS = (
    DataRequirement("energy", 1, high_precision=True),
    DataRequirement("force", 3, atomic=True),
    DataRequirement("virial", 9),
)
SPEC = EnvSpec(rcut=6.0, rcut_smth=0.5, sel=(46, 92), ntypes=2)


def write_systems(root: Path, nsystems: int, nframes: int, natoms: int) -> None:
    """Random systems of two types, a hundred to a folder."""
    rng = np.random.default_rng(0)
    coord = rng.uniform(0, 12, (nframes, natoms * 3))
    for i in range(nsystems):
        folder = root / f"group.{i // 100:04d}" / f"system.{i:06d}" / "set.000"
        folder.mkdir(parents=True)
        (folder.parent / "type.raw").write_text(" ".join(str(a % 2) for a in range(natoms)))
        (folder.parent / "type_map.raw").write_text("O H\n")
        np.save(folder / "coord.npy", coord + i * 1e-6)
        np.save(folder / "box.npy", np.tile(12.0 * np.eye(3).ravel(), (nframes, 1)))
        np.save(folder / "energy.npy", rng.normal(size=nframes))
        np.save(folder / "force.npy", rng.normal(size=coord.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=10000)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--atoms", type=int, default=48)
    parser.add_argument("--batches", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        timed("write", lambda: write_systems(Path(folder), args.systems, args.frames, args.atoms))
        data = timed(
            "open", lambda: DataSet.open(folder, type_map=["O", "H"], requirements=LABELS, batch_size=1, seed=1)
        )
        timed("neighbour statistics", lambda: neighbor_statistics(data.systems, SPEC.rcut, 2, cache=False))
        timed("environment statistics", lambda: environment_statistics(data.sample(10, labels=()), SPEC))
        timed("energy bias", lambda: energy_bias(data.sample(10, labels=("energy",)), 2))
        timed(f"{args.batches} batches", lambda: [data.batch(i) for i in range(args.batches)])
        timed("batch of step 1,000,000", lambda: data.batch(1_000_000))


def timed(what: str, work):
    """Result of ``work``; prints how long it took."""
    begin = time.perf_counter()
    result = work()
    print(f"{what:32s} {time.perf_counter() - begin:8.3f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
