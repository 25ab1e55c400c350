"""Programs in processes of their own, without the seconds that imports take."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.training import environment

SERVER = Path(__file__).with_name("fork_server.py")


class Programs:
    """What a Python with these modules imported runs; its server starts with the first program and ends with the tests.

    Parameters
    ----------
    python : Path
        The interpreter.
    modules : list of str
        To import before any program starts.
    env : dict
        Environment of all programs.
    """

    def __init__(self, python: Path, modules: list[str], env: dict):
        self._command, self._env, self._server = [python, SERVER, *modules], env, None

    def run(self, *arguments, cwd) -> str:
        """Run a script, ``-m`` and a module or ``-c`` and code, with arguments; return what was printed."""
        if self._server is None:
            self._server = subprocess.Popen(
                self._command, env=self._env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        with tempfile.NamedTemporaryFile() as printed:
            request = [str(Path(cwd).resolve()), printed.name, [str(part) for part in arguments]]
            print(json.dumps(request), file=self._server.stdin, flush=True)
            status, text = self._server.stdout.readline().strip(), Path(printed.name).read_text(errors="replace")
        assert status == "0", f"{request[-1]} ended with {status or 'its server'}:\n{text[-6000:]}"
        return text


# Of this checkout; that of the gradients imports TensorFlow.
MODULES = ["deepmd_tf.ops.gradients", "deepmd_tf.train.run", "deepmd_tf.infer.potential"]
OURS = Programs(Path(sys.executable), MODULES, environment())
