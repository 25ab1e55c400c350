"""The linear layer as it is written."""

from __future__ import annotations


def linear(x, w, b):
    """See :func:`deepmd_tf.ops.linear.linear`."""
    return x @ w + b
