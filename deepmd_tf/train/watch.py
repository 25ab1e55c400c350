"""Ends a process that waits too long for others: a rank that hangs, or a network that is cut, tells nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deepmd_tf.errors import RankError

log = logging.getLogger(__name__)


class Watch:
    """Measures how long a piece of work has gone on; after the timeout it says so and ends the process.

    Parameters
    ----------
    timeout : float
        Seconds.
    suspects : callable
        Says which rank it may be.
    """

    def __init__(self, timeout: float, suspects: Callable[[], str]):
        self._timeout, self._suspects = timeout, suspects
        self._work: tuple[str, float] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    @contextlib.contextmanager
    def __call__(self, what: str):
        self._work = what, time.monotonic()
        try:
            yield
        finally:
            self._work = None

    def _run(self) -> None:
        while True:
            time.sleep(min(1.0, self._timeout / 10))
            work = self._work
            if work is not None and time.monotonic() - work[1] > self._timeout:
                log.error("%s: no answer from other ranks for %g s%s", work[0], self._timeout, self._suspects())
                leave(RankError.exit_code)


def leave(code: int) -> None:
    """End the process at once: whatever waits for other ranks would wait for ever."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def absent(process: int) -> str:
    """How a process of this host does not work any more; empty where it does."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "has ended"
    state = status.rpartition(")")[2].split()[0]
    return {"Z": "has ended", "X": "has ended", "T": "is stopped"}.get(state, "")
