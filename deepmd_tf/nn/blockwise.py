"""Sums over neighbours, block by block: the form of graphs that consist of the field's ops.

A variant says what one block of slots contributes; which blocks there are and how they are put together is the same
for exact networks and tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from deepmd_tf.nn.embedding import widen
from deepmd_tf.ops.group import group_outer
from deepmd_tf.tf1 import tf


def sum_blocks(block: Callable, nets, neighbors, inputs):
    """Sum over neighbour types of ``block(nets, key, block) -> [m, ...]``: -> [n, ...], atoms in their order.

    Parameters
    ----------
    block : callable
        What the slots of one neighbour type contribute to each of m atoms.
    nets : EmbeddingNets
    neighbors : Neighbors
    inputs : ModelInput
    """
    if nets.one_sided:
        return _sum_of(block, nets, 0, neighbors)
    parts = [_sum_of(block, nets, ti, of_type) for ti, of_type in enumerate(neighbors.by_center(inputs))]
    rest = next(part for part in parts if part is not None).shape.as_list()[1:]
    frames = []
    for ti, part in enumerate(parts):
        shape = [inputs.nframes, inputs.natoms[2 + ti], *rest]
        # A type that is excluded from every pair has zeros.
        frames.append(tf.zeros(shape, neighbors.rows.dtype) if part is None else tf.reshape(part, shape))
    return tf.reshape(tf.concat(frames, axis=1), [-1, *rest])


def _sum_of(block: Callable, nets, ti: int, neighbors):
    terms = [block(nets, nets.key(ti, tj), b) for tj, b in enumerate(neighbors.blocks()) if nets.key(ti, tj)]
    return tf.add_n(terms) if terms else None


def two_body_every_slot(nets, key, block):
    """Row times features, summed over all slots, empty ones included: -> [m, 4, M]."""
    net, rows = nets.net(key), block.rows
    nnei = rows.shape.as_list()[1]
    s = tf.reshape(rows[:, :, 0], [-1, 1])  # [m*nnei, 1]
    skip, added = (None if part is None else tf.reshape(part, [-1, nnei, part.shape[1]]) for part in net.terms(s))
    x = tf.matmul(rows, added, transpose_a=True)  # [m, 4, M]
    return x if skip is None else x + widen(tf.matmul(rows, skip, transpose_a=True), net.width, axis=2)


def two_body_found(nets, key, block):
    """The same sum over the neighbours that are there: -> [m, 4, M].

    The empty slots of an atom are alike: one row stands for all of them, as often as there are.
    """
    if not block.alike or block.rows.dtype not in (tf.float32, tf.float64):
        # Slots that differ, or half precision, which the ragged operations do not have.
        return two_body_every_slot(nets, key, block)
    net = nets.net(key)
    rows = tf.concat([block.rows, block.empty], axis=1)  # [m, slots + 1, 4]
    missing = tf.reduce_sum(tf.cast(~block.found, rows.dtype), axis=1, keepdims=True)  # [m, 1]
    present = tf.concat([block.found, missing > 0], axis=1)
    weight = tf.concat([tf.cast(block.found, rows.dtype), missing], axis=1)
    at = tf.where(tf.reshape(present, [-1]))[:, 0]  # [nrows]
    env = tf.gather(tf.reshape(rows, [-1, 4]), at)  # [nrows, 4]
    weighted = env * tf.gather(tf.reshape(weight, [-1, 1]), at)
    ends = tf.cumsum(tf.reduce_sum(tf.cast(present, tf.int32), axis=1))
    offsets = tf.concat([[0], ends], axis=0)  # [m + 1]
    skip, added = net.terms(env[:, :1])
    x = group_outer(weighted, added, offsets)  # [m, 4, M]
    return x if skip is None else x + widen(group_outer(weighted, skip, offsets), net.width, axis=2)


def radial_every_slot(nets, key, block):
    """Features, summed over all slots: -> [m, M]."""
    features = nets.net(key)(tf.reshape(block.rows, [-1, 1]))
    return tf.reduce_sum(tf.reshape(features, [-1, block.rows.shape[1], nets.width]), axis=1)


def sum_pairs(pair: Callable, nets, neighbors, _inputs):
    """Sum over unordered pairs of neighbour types of ``pair(nets, key, angles [n, ni, nj]) / (ni nj)``: -> [n, M].

    ``angles`` are the scalar products of the directional parts of two rows.
    """
    blocks = neighbors.blocks()
    total = []
    for ti, tj in nets.keys:
        a, b = blocks[ti].rows[:, :, 1:4], blocks[tj].rows[:, :, 1:4]
        angles = tf.matmul(a, b, transpose_b=True)  # [n, ni, nj]
        total.append(pair(nets, (ti, tj), angles) / (neighbors.sel[ti] * neighbors.sel[tj]))
    return tf.add_n(total)


def three_body_every_pair(nets, key, angles):
    """Angle times features, summed over all pairs of slots: -> [n, M]."""
    features = nets.net(key)(tf.reshape(angles, [-1, 1]))  # [n*ni*nj, M]
    pairs = angles.shape.as_list()[1] * angles.shape.as_list()[2]
    flat = tf.reshape(angles, [-1, 1, pairs])
    return tf.matmul(flat, tf.reshape(features, [-1, pairs, nets.width]))[:, 0, :]


two_body_exact = partial(sum_blocks, two_body_every_slot)
two_body_found_exact = partial(sum_blocks, two_body_found)
radial_exact = partial(sum_blocks, radial_every_slot)
three_body_exact = partial(sum_pairs, three_body_every_pair)
