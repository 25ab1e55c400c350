"""What to do with numbers that a format of the device cannot hold."""

from __future__ import annotations

import logging

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.log import ROOT

# Below the logger of the host, which alone reaches the console.
log = logging.getLogger(f"{ROOT}.{__name__}")
CHOICES = ("error", "count")


class Overflow:
    """Refuses numbers that do not fit, or counts them while they become the nearest ones that do.

    Parameters
    ----------
    on_overflow : str
        ``error`` or ``count``.

    Attributes
    ----------
    counts : dict of str to int
        How many numbers of each tensor did not fit.

    Raises
    ------
    ConfigError
        There is no such choice.
    """

    def __init__(self, on_overflow: str = "error"):
        if on_overflow not in CHOICES:
            raise ConfigError(f"on_overflow: expected {' or '.join(CHOICES)}, found {on_overflow!r}")
        self.on_overflow = on_overflow
        self.counts: dict[str, int] = {}

    def note(self, tensor: str, values, outside, expected: str) -> None:
        """Deal with the numbers of a tensor that do not fit.

        Parameters
        ----------
        tensor : str
            What messages call it.
        values, outside : array
            Its numbers, and True where one does not fit.
        expected : str
            What fits.

        Raises
        ------
        ConfigError
            Numbers do not fit, and that is an error; or a number is NaN, which has no nearest one.
        """
        values, outside = np.broadcast_arrays(values, outside)
        count = int(outside.sum())
        if not count:
            return
        wrong = outside if self.on_overflow == "error" else np.isnan(values)
        if wrong.any():
            index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            more = f", and {count - 1} more" if count > 1 else ""
            raise ConfigError(
                f"{tensor}[{','.join(map(str, index))}]: expected {expected}, found {values[index]:g}{more}",
                "The device cannot hold this model: train it again, or saturate such numbers by --on-overflow count",
            )
        self.counts[tensor] = self.counts.get(tensor, 0) + count
        log.warning("%s: %d of %d numbers saturated, expected %s", tensor, count, values.size, expected)
