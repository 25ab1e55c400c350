"""Wall time of a training step of both steps of ``dp train-nvnmd``, both programs side by side in one run.

A run of few and a run of many updates differ by updates alone. Runs alternate between the programs. Version 1 does not
run in deepmd-kit as it is; tests/interop/nvnmd_runner.py helps it.
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
    options.add_argument("--updates", nargs=2, type=int, default=[20, 80], metavar=("FEW", "MANY"), help="of a pair")
    options.add_argument("--pairs", type=int, default=3, help="pairs of runs of each program and step")
    args = options.parse_args()
    contenders = [with_help(program, args) for program in programs(args)]
    folders = {program.name: prepared(args, program) for program in contenders}
    for step in ("s1", "s2"):
        found = {program.name: [] for program in contenders}
        for _ in range(args.pairs):
            short = [wall_time(args, program, folders[program.name], step, args.updates[0]) for program in contenders]
            for program, before in zip(contenders, short):
                long = wall_time(args, program, folders[program.name], step, args.updates[1])
                found[program.name].append(1e3 * (long - before) / (args.updates[1] - args.updates[0]))
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
    wall_time(args, program, folder, "s1", 2)
    return folder


def wall_time(args, program: Program, folder: Path, step: str, updates: int) -> float:
    """Seconds of a whole run; it shows and saves at its end only."""
    config = json.loads(args.input.read_text(encoding="utf-8").replace("@DATA@", str(Path(args.data).resolve())))
    section = config["nvnmd"]
    section.update(version=args.version, max_nnei=args.max_nnei)
    if args.version == 1:
        section["sel"] = sum(section["sel"])
    config["training"].update(stop_batch=updates, disp_freq=updates, save_freq=updates)
    (folder / "input.json").write_text(json.dumps(config))
    return program.run(["train-nvnmd", "input.json", "-s", step], folder, environment(program, args.threads))[0]


def report(title: str, found: dict[str, list[float]]) -> None:
    """Print medians with their spread, and the ratio."""
    rows = [[name, f"{median(ms):.1f}", f"{min(ms):.1f} to {max(ms):.1f}"] for name, ms in found.items()]
    if len(found) == 2:
        ours, theirs = found.values()
        rows.append(["ratio", f"{median(b / a for a, b in zip(ours, theirs)):.2f}", ""])
    print(f"\n{title}\n\n{table(['program', 'ms/step (median)', 'range'], rows)}", flush=True)


if __name__ == "__main__":
    main()
