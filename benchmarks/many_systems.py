"""How long 10,000 small systems take to open, to sample for statistics and to give batches.

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

LABELS = (
    DataRequirement("energy", 1, high_precision=True),
    DataRequirement("force", 3, atomic=True),
    DataRequirement("virial", 9),
)


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
        root = Path(folder)
        begin = _report(
            "write", time.perf_counter(), lambda: write_systems(root, args.systems, args.frames, args.atoms)
        )[0]
        begin, data = _report(
            "open",
            begin,
            lambda: DataSet.open(str(root), type_map=["O", "H"], requirements=LABELS, batch_size=1, seed=1),
        )
        begin, _ = _report("sample, 10 batches a system", begin, lambda: sum(1 for _ in data.sample(10)))
        begin, _ = _report(f"{args.batches} batches", begin, lambda: [data.batch(i) for i in range(args.batches)])
        _report("batch of step 1,000,000", begin, lambda: data.batch(1_000_000))


def _report(what: str, begin: float, work):
    result = work()
    now = time.perf_counter()
    print(f"{what:32s} {now - begin:8.3f} s", flush=True)
    return now, result


if __name__ == "__main__":
    main()
