"""Runs of several processes, started as users start them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.training import environment

needs_horovod = pytest.mark.skipif(
    importlib.util.find_spec("horovod") is None, reason="Horovod is not installed; `make horovod` builds it"
)
needs_mpi = pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun")


def command(count: int, *arguments, launcher: str = "horovodrun") -> list[str]:
    """The line that starts ``dp`` with ``arguments`` in ``count`` processes."""
    start = {
        "horovodrun": [str(Path(sys.executable).with_name("horovodrun")), "--gloo", "-np", str(count)],
        "mpirun": ["mpirun", "--oversubscribe", "-np", str(count)],
    }[launcher]
    return [*start, sys.executable, "-m", "deepmd_tf", *map(str, arguments)]


def settings(**more) -> dict:
    """The environment of such a run."""
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    found = environment(**{**root, **more})
    # Set in this process where a test has called the program in it; Horovod's own launcher needs Keras.
    found.pop("TF_USE_LEGACY_KERAS", None)
    return found


def launch(count: int, *arguments, cwd, launcher: str = "horovodrun", check: bool = True, env: dict | None = None):
    """Run ``dp`` in several processes to its end; all they say is in ``stdout``."""
    done = subprocess.run(
        command(count, *arguments, launcher=launcher), cwd=cwd, env=settings(**(env or {})), text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(f"{count} processes ended with {done.returncode}:\n{done.stdout}")
    return done


class Running:
    """A run of several processes that is under way, for tests that do something to one of them."""

    def __init__(self, count: int, *arguments, cwd, launcher: str = "horovodrun", env: dict | None = None):
        self._text = Path(cwd) / "running.log"
        with self._text.open("w") as file:
            self._process = subprocess.Popen(
                command(count, *arguments, launcher=launcher), cwd=cwd, env=settings(**(env or {})),
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self._text.read_text()

    def wait_for(self, path: Path, seconds: float = 90) -> None:
        """Wait until a file is there."""
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline and self._process.poll() is None, self.text
            time.sleep(0.05)

    def rank(self, number: int) -> int:
        """The process of a rank."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is(entry, number):
                return int(entry.name)
        raise AssertionError(f"there is no process of rank {number}:\n{self.text}")

    def end(self, seconds: float = 90) -> tuple[int, float, str]:
        """Wait for the end: exit code, seconds it took, text."""
        begin = time.monotonic()
        try:
            code = self._process.wait(seconds)
        finally:
            self.kill()
        return code, time.monotonic() - begin, self.text

    def kill(self) -> None:
        """End whatever is left."""
        for number in range(2):
            try:
                os.kill(self.rank(number), 9)
            except (AssertionError, OSError):
                continue
        self._process.kill()

    def _is(self, entry: Path, number: int) -> bool:
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
            line = (entry / "cmdline").read_bytes().split(b"\0")
            here = os.path.samefile(entry / "cwd", self._text.parent)
        except OSError:
            return False
        ours = here and line[1:3] == [b"-m", b"deepmd_tf"]
        return ours and any(v in variables for v in (b"HOROVOD_RANK=%d" % number, b"OMPI_COMM_WORLD_RANK=%d" % number))
