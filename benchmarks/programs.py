"""The two programs that are compared, and how a run of each is started and timed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
INPUT = HERE / "water" / "input.json"


@dataclass(frozen=True)
class Program:
    """A ``dp`` program: its name in tables and the words that start it."""

    name: str
    command: tuple[str, ...]

    def run(self, arguments, folder: Path, env: dict[str, str]) -> tuple[float, str]:
        """Run to the end in ``folder``; return wall time in seconds and what was printed."""
        start = time.perf_counter()
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wall = time.perf_counter() - start
        if done.returncode:
            sys.exit(f"{self.name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return wall, done.stdout

    def run_with_peak(self, arguments, folder: Path, env: dict[str, str]) -> tuple[float, float]:
        """Run to the end in ``folder``; return wall time in seconds and the largest memory of the process in MB."""
        with open(folder / "output.log", "w", encoding="utf-8") as log:
            start = time.perf_counter()
            process = subprocess.Popen([*self.command, *arguments], cwd=folder, env=env, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output = (folder / "output.log").read_text()[-4000:]
            sys.exit(f"{self.name} {' '.join(arguments)} ended with {process.returncode}:\n{output}")
        return wall, usage.ru_maxrss / 1024

    def time_until(self, arguments, folder: Path, env: dict[str, str], reached: Callable[[], bool]) -> float:
        """Seconds from the start of the process until ``reached()`` is true; the run then goes on to its end."""
        with open(folder / "output.log", "w", encoding="utf-8") as log:
            start = time.perf_counter()
            process = subprocess.Popen([*self.command, *arguments], cwd=folder, env=env, stdout=log, stderr=log)
            while not reached() and process.poll() is None:
                time.sleep(0.005)
            wall = time.perf_counter() - start
            process.wait()
        if process.returncode or not reached():
            sys.exit(f"{self.name} {' '.join(arguments)} ended with {process.returncode}; see {folder}/output.log")
        return wall

    def time_between_rows(self, arguments, folder: Path, env: dict[str, str], curve: Path) -> float:
        """Seconds from the second row of a learning curve to the third: start and end drop out."""
        seen = []

        def third_row_is_there() -> bool:
            if len(seen) < 2 and rows(curve) >= 2 + len(seen):
                seen.append(time.perf_counter())
            return len(seen) == 2

        self.time_until(arguments, folder, env, third_row_is_there)
        return seen[1] - seen[0]


def rows(curve: Path) -> int:
    """Whole rows of a learning curve; 0 where there is none yet."""
    text = curve.read_text() if curve.is_file() else ""
    return sum(not line.startswith("#") for line in text.splitlines(keepends=True) if line.endswith("\n"))


def parser(description: str) -> argparse.ArgumentParser:
    """Options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that takes the place of @DATA@ in the input")
    parser.add_argument("--input", default=INPUT, type=Path, help="training input")
    parser.add_argument("--threads", default=os.cpu_count(), type=int, help="threads of each run")
    parser.add_argument(
        "--deepmd-kit", default=os.environ.get("DEEPMD_KIT_ENV"), help="prefix of an environment with deepmd-kit"
    )
    return parser


def programs(args) -> list[Program]:
    """This program, and deepmd-kit when its environment is known."""
    ours = Program("deepmd_tf", (sys.executable, "-m", "deepmd_tf"))
    if not args.deepmd_kit:
        return [ours]
    return [ours, Program("deepmd-kit", (str(Path(args.deepmd_kit) / "bin" / "dp"), "--tf"))]


def environment(program: Program, threads: int) -> dict[str, str]:
    """Equal thread settings for both; our source folder stays out of the other program's sight."""
    env = dict(os.environ, DP_INTRA_OP_PARALLELISM_THREADS=str(threads), DP_INTER_OP_PARALLELISM_THREADS="1")
    env["OMP_NUM_THREADS"] = str(threads)
    if program.name == "deepmd_tf":
        env["PYTHONPATH"] = str(HERE.parent)
    else:
        env.pop("PYTHONPATH", None)
    return env


def fresh_folder(args, **training) -> Path:
    """A new folder with ``input.json``: the input with its data found and keys of ``training`` set."""
    text = args.input.read_text(encoding="utf-8").replace("@DATA@", str(Path(args.data).resolve()))
    config = json.loads(text)
    config["training"].update(training)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    (folder / "input.json").write_text(json.dumps(config, indent=2))
    return folder


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
