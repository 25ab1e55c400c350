"""gelu and its derivatives."""

from __future__ import annotations

import math

import numpy as np

GELU_C = math.sqrt(2.0 / math.pi)
GELU_CUBE = 0.044715


def gelu(x, *, order: int = 0):
    """See :func:`deepmd_tf.ops.core.gelu`."""
    t = np.tanh(GELU_C * (x + GELU_CUBE * x**3))
    slope = GELU_C * (1 + 3 * GELU_CUBE * x**2)  # of the argument of tanh
    if order == 0:
        return 0.5 * x * (1 + t)
    if order == 1:
        return 0.5 * x * (1 - t**2) * slope + 0.5 * (1 + t)
    curvature = GELU_C * 6 * GELU_CUBE * x
    return (1 - t**2) * (slope + 0.5 * x * curvature - x * t * slope**2)
