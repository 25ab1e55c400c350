"""Layer normalisation of a sum."""

from __future__ import annotations

import numpy as np


def residual_norm(x, o, gamma, beta, *, eps):
    """See :func:`deepmd_tf.ops.residual_norm.residual_norm`."""
    y = np.zeros_like(x)
    for row, z in enumerate(x + o):
        y[row] = gamma * (z - z.mean()) / np.sqrt(z.var() + eps) + beta
    return y
