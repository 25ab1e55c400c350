"""Sums over the slots that hold a neighbour, of features that a descriptor has made for these slots alone.

Both functions take

found : [n, nnei] bool
    Which slots hold a neighbour; there are nfound of them.
rows : [nfound, 4]
    Their rows of the environment matrix, slot after slot.
features : [nfound, M]

and return the sum over the slots of an atom of row times features, [n, 4, M]; 0 for an atom without neighbours.
"""

from __future__ import annotations

from deepmd_tf.ops.group import group_outer
from deepmd_tf.tf1 import tf


def outer_by_product(found, rows, features):
    """By TensorFlow's operations: everything goes back to its slot, and empty slots are zeros."""
    at = tf.where(tf.reshape(found, [-1]))  # [nfound, 1]

    def in_slots(x):
        width, nnei = x.shape.as_list()[1], found.shape.as_list()[1]
        shape = tf.stack([tf.size(found, out_type=tf.int64), width])
        return tf.reshape(tf.scatter_nd(at, x, shape), [-1, nnei, width])

    return tf.matmul(in_slots(rows), in_slots(features), transpose_a=True)


def outer_at_once(found, rows, features):
    """By one operation of ours, in float32 or float64."""
    offsets = tf.concat([[0], tf.cumsum(tf.reduce_sum(tf.cast(found, tf.int32), axis=1))], axis=0)
    return group_outer(rows, features, offsets)
