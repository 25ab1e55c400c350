"""Wall time of an update in both steps of ``dp train-nvnmd``, both programs side by side in one run.

What counts is the time between two rows of the learning curve, so start and end drop out. Runs alternate between the
programs. Version 1 does not run in deepmd-kit as it is; tests/interop/nvnmd_runner.py helps it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from statistics import median

from programs import HERE, Program, environment, parser, programs, table

RUNNER = HERE.parent / "tests" / "interop" / "nvnmd_runner.py"


def main() -> None:
    options = parser(__doc__)
    options.set_defaults(input=HERE / "nvnmd" / "input.json")
    options.add_argument("--version", type=int, choices=(0, 1), default=0, help="of the device")
    options.add_argument("--max-nnei", type=int, choices=(128, 256), default=128, help="neighbours of the device")
    options.add_argument("--updates", type=int, default=50, help="between the two rows, and before the first of them")
    options.add_argument("--pairs", type=int, default=2, help="runs of each program and step")
    args = options.parse_args()
    contenders = [with_help(program, args) for program in programs(args)]
    folders = {program.name: prepared(args, program) for program in contenders}
    for step in ("s1", "s2"):
        found = {program.name: [] for program in contenders}
        for _ in range(args.pairs):
            for program in contenders:
                seconds = between_rows(args, program, folders[program.name], step)
                found[program.name].append(1e3 * seconds / args.updates)
        report(f"version {args.version}, {args.max_nnei} neighbours, {step}", found)
    for folder in folders.values():
        shutil.rmtree(folder)


def with_help(program: Program, args) -> Program:
    """The program; deepmd-kit needs help with version 1."""
    if program.name != "deepmd-kit" or args.version == 0:
        return program
    return Program(program.name, (str(Path(args.deepmd_kit) / "bin" / "python"), str(RUNNER)))


def prepared(args, program: Program) -> Path:
    """A folder in which the first step was done, so that the second can be."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    write_input(args, folder, updates=2)
    program.run(["train-nvnmd", "input.json", "-s", "s1"], folder, environment(program, args.threads))
    return folder


def between_rows(args, program: Program, folder: Path, step: str) -> float:
    """Seconds from the second row of the learning curve to the third."""
    write_input(args, folder, updates=2 * args.updates)
    curve = folder / {"s1": "nvnmd_cnn", "s2": "nvnmd_qnn"}[step] / "lcurve.out"
    curve.unlink(missing_ok=True)
    command = ["train-nvnmd", "input.json", "-s", step]
    return program.time_between_rows(command, folder, environment(program, args.threads), curve)


def write_input(args, folder: Path, updates: int) -> None:
    """The input, with rows of the learning curve at its start, in its middle and at its end."""
    config = json.loads(args.input.read_text(encoding="utf-8").replace("@DATA@", str(Path(args.data).resolve())))
    section = config["nvnmd"]
    section.update(version=args.version, max_nnei=args.max_nnei)
    if args.version == 1:
        section["sel"] = sum(section["sel"])
    config["training"].update(stop_batch=updates, disp_freq=max(updates // 2, 1), save_freq=updates)
    (folder / "input.json").write_text(json.dumps(config))


def report(title: str, found: dict[str, list[float]]) -> None:
    """Print medians with their spread, and the ratio."""
    rows = [[name, f"{median(ms):.1f}", f"{min(ms):.1f} to {max(ms):.1f}"] for name, ms in found.items()]
    if len(found) == 2:
        ours, theirs = found.values()
        rows.append(["ratio", f"{median(b / a for a, b in zip(ours, theirs)):.2f}", ""])
    print(f"\n{title}\n\n{table(['program', 'ms/update (median)', 'range'], rows)}", flush=True)


if __name__ == "__main__":
    main()
