"""Gated self-attention over the rows of each atom."""

from __future__ import annotations

import itertools

import numpy as np

SHIFT = 20.0


def gated_attention(qkv, e, s, empty, offsets, *, scale, normalize, floor, angular, smooth, off_diagonal):
    """See :func:`deepmd_tf.ops.attention.gated_attention`."""
    q, k, v = np.split(qkv, 3, axis=1)
    if normalize:
        q, k, v = (_divided(x, floor) for x in (q, k, v))
    o = np.zeros_like(q)
    for atom, (start, end) in enumerate(itertools.pairwise(offsets)):
        for m in range(start, end):
            logits = np.array([scale * np.dot(q[m], k[n]) for n in range(start, end)])
            gate = np.ones(end - start)
            others = 0.0
            if smooth:
                gate = s[m] * s[start:end]
                logits = (logits + SHIFT) * gate - SHIFT
                others = empty[atom] * np.exp(-SHIFT)
            weights = gate * np.exp(logits) / (np.exp(logits).sum() + others)
            if angular:
                weights = weights * np.array([np.dot(e[m], e[n]) for n in range(start, end)])
            if off_diagonal:
                weights[m - start] = 0
            o[m] = weights @ v[start:end]
    return o


def _divided(rows, floor):
    divisors = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), floor)
    return np.divide(rows, divisors, out=np.zeros_like(rows), where=divisors > 0)
