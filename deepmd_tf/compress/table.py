"""Tables of fifth-order polynomials: where their knots lie, and their coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ConfigError

# Polynomials of fifth order have six coefficients.
ORDER = 6
OUTER = 10
"""Intervals outside the range of the training data are so many times wider."""

# A length that a stride divides up to rounding is not given one more interval.
_COMMENSURATE = 1e-6
# Narrower intervals hold fewer different numbers than this, and polynomials on them are noise.
_POINTS_PER_INTERVAL = 64


@dataclass(frozen=True)
class Spacing:
    """What the user chooses, by the options of the field.

    Attributes
    ----------
    step : float
        Width of the intervals inside the range; those outside are :data:`OUTER` times wider.
    extrapolate : float
        The table reaches to so many times the upper end of the range; above 1.
    frequency : int
        Stored in the file for programs that look at it; no known one does.
    """

    step: float = 0.01
    extrapolate: float = 5
    frequency: int = -1


@dataclass(frozen=True)
class Grid:
    """The intervals of one table, so that every program finds the same one for a number (contract G.4).

    Strides are rounded to the precision of the table, in which the number of an interval is computed, and divide
    the pieces of the range: an interval that crossed the end of the range would be looked up as its neighbour.

    Attributes
    ----------
    lower, upper, largest : float
        The range, and the end of the table.
    fine, coarse : float
        Width of the intervals inside and outside the range.
    below, inside, above : int
        Numbers of intervals below the range, inside it and above it.
    """

    lower: float
    upper: float
    largest: float
    fine: float
    coarse: float
    below: int
    inside: int
    above: int

    @classmethod
    def choose(cls, lower: float, upper: float, spacing: Spacing, dtype, *, angular: bool = False) -> Grid:
        """Lay intervals over a range; ``angular`` ones are symmetric, and 10 times wider because products spread."""
        real = np.dtype(dtype).type
        step = spacing.step * OUTER if angular else spacing.step
        largest = float(real(spacing.extrapolate * upper))
        length, beyond = real(upper) - real(lower), real(largest) - real(upper)
        # The last number inside the table must not fall behind it, and the pieces must begin where they are looked up.
        last = np.nextafter(real(largest), real(lower)) - real(upper)
        fine, inside = _divide(length, step, lambda stride, count: int(length / stride) == count)
        coarse, above = _divide(
            beyond,
            step * OUTER,
            lambda stride, count: (
                int(last / stride) == count - 1
                and (not angular or int((real(lower) - real(-largest)) / stride) == count)
            ),
        )
        return cls(lower, upper, largest, fine, coarse, above if angular else 0, inside, above)

    def __len__(self) -> int:
        return self.below + self.inside + self.above

    @property
    def knots(self) -> np.ndarray:
        """The ends of the intervals [len + 1]."""
        return np.concatenate(
            [
                -self.largest + self.coarse * np.arange(self.below),
                self.lower + self.fine * np.arange(self.inside),
                self.upper + self.coarse * np.arange(self.above),
                [self.largest],
            ]
        )

    @property
    def strides(self) -> np.ndarray:
        """The width of each interval [len]."""
        return np.repeat([self.coarse, self.fine, self.coarse], [self.below, self.inside, self.above])

    def info(self, frequency: int, dtype) -> np.ndarray:
        """The six numbers by which the operations look up an interval."""
        return np.array([self.lower, self.upper, self.largest, self.fine, self.coarse, frequency], dtype)

    def nbytes(self, width: int, dtype) -> int:
        """Size of a table of ``width`` features."""
        return len(self) * ORDER * width * np.dtype(dtype).itemsize


def coefficients(jet: np.ndarray, strides: np.ndarray) -> np.ndarray:
    r"""Quintic polynomials with given value, first and second derivative at both ends of each interval.

    With :math:`t` the width and :math:`h = v_{k+1} - v_k` (contract G.3),

    .. math::
        a_0 = v_k, \quad a_1 = v'_k, \quad a_2 = v''_k / 2, \\
        a_3 = (20h - (8v'_{k+1} + 12v'_k)t - (3v''_k - v''_{k+1})t^2) / 2t^3, \\
        a_4 = (-30h + (14v'_{k+1} + 16v'_k)t + (3v''_k - 2v''_{k+1})t^2) / 2t^4, \\
        a_5 = (12h - 6(v'_{k+1} + v'_k)t + (v''_{k+1} - v''_k)t^2) / 2t^5.

    Parameters
    ----------
    jet : [n + 1, 3, width]
        At the knots.
    strides : [n]

    Returns
    -------
    ndarray [n, 6*width]
    """
    t = strides[:, None]  # [n, 1]
    (v, d, e), (v1, d1, e1) = (np.moveaxis(part, 1, 0) for part in (jet[:-1], jet[1:]))
    h = v1 - v
    a = [
        v,
        d,
        e / 2,
        (20 * h - (8 * d1 + 12 * d) * t - (3 * e - e1) * t**2) / (2 * t**3),
        (-30 * h + (14 * d1 + 16 * d) * t + (3 * e - 2 * e1) * t**2) / (2 * t**4),
        (12 * h - 6 * (d1 + d) * t + (e1 - e) * t**2) / (2 * t**5),
    ]
    return np.stack(a, axis=-1).reshape(len(strides), -1)


def _divide(length, step: float, fits: Callable) -> tuple[float, int]:
    """A stride of at most about ``step`` that divides ``length``, and how often, such that ``fits(stride, count)``."""
    count = max(1, math.ceil(float(length) / step - _COMMENSURATE))
    while count * _POINTS_PER_INTERVAL * np.finfo(type(length)).eps < 1:
        for stride in _around(length / type(length)(count)):
            if fits(stride, count):
                return float(stride), count
        count += 1
    raise ConfigError(
        f"--step {step:g}: expected intervals that {type(length).__name__} numbers can tell apart, "
        f"found {count} over a range of {float(length):g}",
        "Take a wider step",
    )


def _around(stride) -> Iterator:
    """The number itself and its closest neighbours in its precision."""
    yield stride
    down = up = stride
    for _ in range(4):
        down, up = np.nextafter(down, type(stride)(0)), np.nextafter(up, type(stride)(np.inf))
        yield down
        yield up
