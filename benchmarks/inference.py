"""Time and memory per atom of evaluating a frozen model, both programs side by side in one run.

Energy, force and virial of one frame of a system repeated in space. Runs alternate between the programs; of the
evaluations of a run the shortest counts. Memory is the peak of the process after the model was loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from programs import HERE, Program, environment, table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", required=True, nargs="+", type=Path, help="frozen models, exact or compressed")
    options.add_argument("--system", required=True, type=Path, help="system whose first frame is repeated")
    options.add_argument("--repeat", nargs="+", type=int, default=[2], help="times along each axis")
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--evaluations", type=int, default=10)
    options.add_argument("--threads", default=os.cpu_count(), type=int)
    options.add_argument("--deepmd-kit", default=os.environ.get("DEEPMD_KIT_ENV"))
    args = options.parse_args()
    programs = [Program("deepmd_tf", (sys.executable,))]
    if args.deepmd_kit:
        programs.append(Program("deepmd-kit", (str(Path(args.deepmd_kit) / "bin" / "python"),)))
    rows = [
        row
        for model in args.model
        for repeat in args.repeat
        for row in measured(args, programs, model.resolve(), repeat)
    ]
    print(table(["model", "atoms", "program", "µs/atom", "range", "MB growth", "ratio of times"], rows))


def measured(args, programs: list[Program], model: Path, repeat: int) -> list[list[str]]:
    """One row per program."""
    runs = {program.name: [] for program in programs}
    for _ in range(args.pairs):
        for program in programs:
            runs[program.name].append(evaluate(args, program, model, repeat))
    energies = {name: found[0]["energy"] for name, found in runs.items()}
    if max(energies.values()) - min(energies.values()) > 1e-6 * abs(max(energies.values())):
        sys.exit(f"{model}: the programs disagree: {energies}")
    times = {name: [run["microseconds"] for run in found] for name, found in runs.items()}
    rows = []
    for name, found in runs.items():
        ratios = [theirs / ours for ours, theirs in zip(times["deepmd_tf"], times[name])]
        rows.append(
            [
                model.name,
                str(found[0]["natoms"]),
                name,
                f"{median(times[name]):.1f}",
                f"{min(times[name]):.1f} to {max(times[name]):.1f}",
                f"{median(run['growth'] for run in found):.0f}",
                f"{median(ratios):.2f}" if name != "deepmd_tf" else "",
            ]
        )
    return rows


def evaluate(args, program: Program, model: Path, repeat: int) -> dict:
    """The figures that one process found."""
    command = [HERE / "evaluate.py", program.name, model, args.system.resolve(), repeat, args.evaluations]
    env = environment(program, args.threads)
    done = subprocess.run([*program.command, *map(str, command)], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{program.name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
