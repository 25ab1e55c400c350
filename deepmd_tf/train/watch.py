"""Ends a process that waits too long for others: a rank that hangs, or a network that is cut, tells nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from deepmd_tf.errors import RankError

log = logging.getLogger(__name__)

PATIENCE = 0.7  # share of the time-out after which a rank says that others wait for it, before they end


class Watch:
    """Measures how long a piece of work that waits for other ranks has gone on, and how long there was none.

    What waits longer than the timeout ends the process; a long time without exchange is told, as others may wait.

    Parameters
    ----------
    timeout : float
        Seconds.
    suspects : callable
        Says which rank it may be.
    """

    def __init__(self, timeout: float, suspects: Callable[[], str]):
        self._timeout, self._suspects = timeout, suspects
        self._work: str | None = None
        self._since = time.monotonic()
        self._told = False
        threading.Thread(target=self._run, args=(threading.get_ident(),), daemon=True).start()

    @contextlib.contextmanager
    def __call__(self, what: str):
        self._enter(what)
        try:
            yield
        finally:
            self._enter(None)

    def _enter(self, work: str | None) -> None:
        # The time first: between the two lines the watch may look, and must not find an old time with new work.
        self._since = time.monotonic()
        self._work, self._told = work, False

    def _run(self, watched: int) -> None:
        while True:
            time.sleep(min(1.0, self._timeout / 10))
            work, seconds = self._work, time.monotonic() - self._since
            if work is not None and seconds > self._timeout:
                log.error("%s: no answer from other ranks for %g s%s", work, self._timeout, self._suspects())
                leave(RankError.exit_code)
            if work is None and seconds > PATIENCE * self._timeout and not self._told:
                self._told = True
                log.warning(
                    "other ranks may be waiting for this one: no exchange for %.0f s%s", seconds, place(watched)
                )


def place(thread: int) -> str:
    """Where in this package a thread is, for a message."""
    frames = traceback.extract_stack(sys._current_frames().get(thread))
    package = str(Path(__file__).parents[1])
    own = [frame for frame in frames if frame.filename.startswith(package)]
    return f", it is in {own[-1].name} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


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
