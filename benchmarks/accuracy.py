"""Train both programs on one input and freeze; this program tests both models on the validation data.

One judge for both: of frames filled up with virtual atoms, programs take different means.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from programs import Program, environment, fresh_folder, parser, programs, table

_ERROR = re.compile(r"(Energy (?:MAE|RMSE)/Natoms|Force\s+(?:MAE|RMSE))\s*:\s*(\S+)")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, help="steps of training; those of the input by default")
    options.add_argument("--keep", type=Path, help="copy each frozen model and learning curve into this folder")
    args = options.parse_args()
    judge, *_ = both = programs(args)
    found = {program.name: train_and_test(args, program, judge) for program in both}
    names = list(next(iter(found.values())))
    rows = [[program, *(f"{errors[name]:.4e}" for name in names)] for program, errors in found.items()]
    print(table(["program", *names], rows))


def train_and_test(args, program: Program, judge: Program) -> dict[str, float]:
    """Errors on the validation data after training."""
    folder = fresh_folder(args, **({"numb_steps": args.steps} if args.steps else {}))
    env = environment(program, args.threads)
    try:
        wall, _ = program.run(["train", "input.json"], folder, env)
        print(f"{program.name}: trained in {wall:.0f} s", flush=True)
        program.run(["freeze", "-o", "frozen.pb"], folder, env)
        systems = json.loads((folder / "input.json").read_text())["training"]["validation_data"]["systems"]
        systems = [systems] if isinstance(systems, str) else systems
        (folder / "systems.txt").write_text("\n".join(systems) + "\n")
        tested = ["test", "-m", "frozen.pb", "-f", "systems.txt"]
        _, printed = judge.run(tested, folder, environment(judge, args.threads))
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "frozen.pb", args.keep / f"{program.name}.pb")
            shutil.copy(folder / "lcurve.out", args.keep / f"{program.name}.lcurve.out")
    finally:
        shutil.rmtree(folder)
    # The last report is the one over all systems.
    return {re.sub(r"\s+", " ", name): float(value) for name, value in _ERROR.findall(printed)}


if __name__ == "__main__":
    main()
