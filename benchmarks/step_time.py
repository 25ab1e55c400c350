"""Wall time of a training step and of the start, and memory, both programs side by side in one run.

A run of few and a run of many steps differ by steps alone, so start and end drop out. Runs alternate
between the programs, so that what else the machine does falls on both.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

from programs import Program, environment, fresh_folder, parser, programs, table


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--steps", nargs=2, type=int, default=[50, 250], metavar=("FEW", "MANY"), help="lengths of a pair"
    )
    options.add_argument("--pairs", type=int, default=3, help="pairs of runs of each program")
    args = options.parse_args()
    few, many = args.steps
    contenders = programs(args)
    step = {program.name: [] for program in contenders}
    start = {program.name: [] for program in contenders}
    peak = {program.name: [] for program in contenders}
    for number in range(args.pairs):
        short = {program.name: measured(args, program, few)[0] for program in contenders}
        for program in contenders:
            wall, memory = measured(args, program, many)
            step[program.name].append((wall - short[program.name]) / (many - few))
            peak[program.name].append(memory)
            start[program.name].append(first_step(args, program))
            print(
                f"pair {number + 1}: {program.name} {1e3 * step[program.name][-1]:.1f} ms/step, "
                f"first step after {start[program.name][-1]:.2f} s, {memory:.0f} MB",
                flush=True,
            )
    report(step, start, peak)


def measured(args, program: Program, steps: int) -> tuple[float, float]:
    """Seconds and the largest memory, in MB, of a whole run; it shows and saves at its end only."""
    folder = fresh_folder(args, numb_steps=steps, disp_freq=steps, save_freq=steps)
    try:
        return program.run_with_peak(["train", "input.json"], folder, environment(program, args.threads))
    finally:
        shutil.rmtree(folder)


def first_step(args, program: Program) -> float:
    """Seconds from the start of the process to the first row of the learning curve."""
    folder = fresh_folder(args, numb_steps=1, disp_freq=1, save_freq=1)
    try:
        return program.time_until(
            ["train", "input.json"], folder, environment(program, args.threads), lambda: has_row(folder / "lcurve.out")
        )
    finally:
        shutil.rmtree(folder)


def has_row(lcurve: Path) -> bool:
    """Whether the learning curve holds a whole line of numbers."""
    if not lcurve.is_file():
        return False
    lines = lcurve.read_text().splitlines(keepends=True)
    return any(line.endswith("\n") and line.strip() and not line.startswith("#") for line in lines)


def report(step: dict[str, list[float]], start: dict[str, list[float]], peak: dict[str, list[float]]) -> None:
    """Print medians with their spread, and ratios to the other program."""
    rows = []
    for name in step:
        per_step = sorted(1e3 * value for value in step[name])
        rows.append(
            [name, f"{median(per_step):.1f}", f"{per_step[0]:.1f} to {per_step[-1]:.1f}", f"{median(start[name]):.2f}",
             f"{median(peak[name]):.0f}"]
        )  # fmt: skip
    if len(step) == 2:
        ours, theirs = step
        ratio = median(b / a for a, b in zip(step[ours], step[theirs]))
        others = [f"{median(values[theirs]) / median(values[ours]):.2f}" for values in (start, peak)]
        rows.append(["ratio", f"{ratio:.2f}", "", *others])
    print(table(["program", "ms/step (median)", "range", "s to first step (median)", "peak, MB"], rows))


if __name__ == "__main__":
    main()
