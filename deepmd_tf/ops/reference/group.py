"""Ragged contractions."""

from __future__ import annotations

import itertools

import numpy as np


def group_outer(env, feature, offsets):
    """See :func:`deepmd_tf.ops.core.group_outer`."""
    x = np.zeros((len(offsets) - 1, 4, feature.shape[1]), env.dtype)
    for group, (start, end) in enumerate(itertools.pairwise(offsets)):
        x[group] = env[start:end].T @ feature[start:end]
    return x


def group_spread(env, x, offsets):
    """See :func:`deepmd_tf.ops.core.group_spread`."""
    return np.einsum("ja,jak->jk", env, np.repeat(x, np.diff(offsets), axis=0))


def group_dot(feature, x, offsets):
    """See :func:`deepmd_tf.ops.core.group_dot`."""
    return np.einsum("jk,jak->ja", feature, np.repeat(x, np.diff(offsets), axis=0))
