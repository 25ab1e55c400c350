"""Time of a molecular dynamics step in deepmd-kit's LAMMPS with compressed models, ours and its own, in one run.

Both files go through the same plug-in: the figure says whether the graphs that we write cost others anything.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from evaluate import replicated
from programs import table

INPUT = """
units metal
atom_style atomic
boundary p p p
neighbor 1.0 bin
read_data {data}
mass 1 16.0
mass 2 1.0
pair_style deepmd {model}
pair_coeff * *
velocity all create 300 1
fix 1 all nve
timestep 0.0005
thermo {steps}
run 5
run {steps}
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", required=True, nargs="+", type=Path, help="compressed models to compare")
    options.add_argument("--system", required=True, type=Path, help="system whose first frame is run")
    options.add_argument("--deepmd-kit", required="DEEPMD_KIT_ENV" not in os.environ,
                         default=os.environ.get("DEEPMD_KIT_ENV"))  # fmt: skip
    options.add_argument("--steps", type=int, default=100)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    args = options.parse_args()
    found = {model: [] for model in args.model}
    for _ in range(args.pairs):
        for model in args.model:
            found[model].append(per_step(args, model.resolve()))
    first = found[args.model[0]]
    rows = [
        [
            model.name,
            f"{1e3 * median(times):.2f}",
            f"{1e3 * min(times):.2f} to {1e3 * max(times):.2f}",
            f"{median(a / b for a, b in zip(first, times)):.2f}",
        ]
        for model, times in found.items()
    ]
    print(table(["model", "ms/step (median)", "range", "times as fast as the first"], rows))


def per_step(args, model: Path) -> float:
    """Seconds of one step, from LAMMPS' own loop time."""
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder) / "data", *replicated(args.system, 1))
        text = INPUT.format(data="data", model=model, steps=args.steps)
        (Path(folder) / "in.lmp").write_text(text)
        env = dict(os.environ, DP_INTRA_OP_PARALLELISM_THREADS=str(args.threads), DP_INTER_OP_PARALLELISM_THREADS="1")
        env.update(OMP_NUM_THREADS="1")
        env.pop("PYTHONPATH", None)
        command = [str(Path(args.deepmd_kit) / "bin" / "lmp"), "-in", "in.lmp"]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"LAMMPS ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return float(re.findall(r"Loop time of ([0-9.e+-]+)", done.stdout)[-1]) / args.steps


def write_data(path: Path, coord, cell, types) -> None:
    """A LAMMPS data file of an orthogonal cell."""
    cell = cell.reshape(3, 3)
    if np.abs(cell - np.diag(np.diag(cell))).max() > 1e-6:
        sys.exit("the cell of the system is not orthogonal")
    positions = np.mod(coord.reshape(-1, 3), np.diag(cell))
    lines = ["water", "", f"{len(types)} atoms", f"{types.max() + 1} atom types", ""]
    lines += [f"0.0 {length:.10f} {axis}lo {axis}hi" for axis, length in zip("xyz", np.diag(cell))]
    lines += ["", "Atoms", ""]
    lines += [f"{i + 1} {t + 1} {x:.10f} {y:.10f} {z:.10f}" for i, (t, (x, y, z)) in enumerate(zip(types, positions))]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
