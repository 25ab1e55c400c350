"""The step from the sums over neighbours, which turn with the frame, to features that do not."""

from __future__ import annotations

from deepmd_tf.ops.gram import gram
from deepmd_tf.tf1 import tf


def gram_by_product(x, columns: int):
    """Products of all columns with the first ones, by TensorFlow's operations: [n, 4, M] -> [n, M*columns]."""
    d = tf.matmul(x, x[:, :, :columns], transpose_a=True)  # [n, M, columns]
    return tf.reshape(d, [-1, x.shape.as_list()[2] * columns])


def gram_at_once(x, columns: int):
    """The same in one operation of ours, for the precisions that it has."""
    return gram(x, columns=columns) if x.dtype in (tf.float32, tf.float64) else gram_by_product(x, columns)
