"""Gradients that are known to be zero when a graph is built."""

from __future__ import annotations

import numpy as np

from deepmd_tf.tf1 import tf


def is_zero(tensor) -> bool:
    """Whether a gradient is known to be zero: TensorFlow fills in zeros for an output that the loss does not hold."""
    if tensor is None or tensor.op.type == "ZerosLike":
        return True
    value = tensor.op.inputs[1] if tensor.op.type == "Fill" else tensor
    value = tf.get_static_value(value)
    return value is not None and not np.any(value)
