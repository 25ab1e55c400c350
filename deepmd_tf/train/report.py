"""What a training run tells its user: console lines, a progress bar, a closing line."""

from __future__ import annotations

import logging
import sys
import time

log = logging.getLogger(__name__)

BAR_WIDTH = 30
BAR_INTERVAL = 0.2


class Report:
    """Console lines of one run.

    Parameters
    ----------
    first, last : int
        Step the run starts from and number of steps it goes to.
    timing : bool
        Whether to show time per step and time left.
    """

    def __init__(self, first: int, last: int, timing: bool):
        self.first, self.last, self.timing = first, last, timing
        self.begin = self._mark = self._bar_mark = time.perf_counter()
        self._mark_step = first
        # A bar in a log file would be noise.
        self._bar = sys.stderr.isatty() and log.isEnabledFor(logging.INFO)

    def line(self, step: int, training: dict, validation: dict | None, rate: float) -> None:
        """Print the errors at ``step``, the learning rate, the time per step since the last line, time left."""
        self.clear_bar()
        parts = [f"step {step:7d}", "training " + _errors(training)]
        if validation is not None:
            parts.append("validation " + _errors(validation))
        parts.append(f"lr {rate:.2e}")
        if self.timing and step > self._mark_step:
            parts.append(f"{1e3 * self._seconds_per_step(step):.1f} ms/step")
            parts.append(f"{clock(self._left(step))} left")
        log.info(" | ".join(parts))
        self._mark, self._mark_step = time.perf_counter(), step

    def tick(self, step: int) -> None:
        """Move the bar, where there is a terminal to show it on."""
        now = time.perf_counter()
        if not self._bar or now - self._bar_mark < BAR_INTERVAL:
            return
        self._bar_mark = now
        done = round(BAR_WIDTH * step / self.last)
        bar = "#" * done + "." * (BAR_WIDTH - done)
        sys.stderr.write(f"\r[{bar}] {step}/{self.last}  {clock(self._left(step))} left \033[K")
        sys.stderr.flush()

    def clear_bar(self) -> None:
        """Take the bar away, so that a line can be printed."""
        if self._bar:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def summary(self, step: int, waited: float) -> None:
        """Print what the run has done: steps, time, and the share of it spent waiting for data."""
        self.clear_bar()
        seconds = time.perf_counter() - self.begin
        steps = step - self.first
        each = f", {1e3 * seconds / steps:.1f} ms each" if steps else ""
        share = f", waiting for data {100 * waited / seconds:.1f} %" if seconds else ""
        log.info("%d steps in %s%s%s", steps, clock(seconds), each, share)

    def _seconds_per_step(self, step: int) -> float:
        return (time.perf_counter() - self._mark) / max(step - self._mark_step, 1)

    def _left(self, step: int) -> float:
        return (time.perf_counter() - self.begin) / max(step - self.first, 1) * (self.last - step)


def clock(seconds: float) -> str:
    """Seconds as ``h:mm:ss``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _errors(errors: dict) -> str:
    return " ".join(f"{key} {value:.2e}" for key, value in errors.items())
