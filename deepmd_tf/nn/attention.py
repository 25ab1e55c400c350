"""Gated self-attention among the neighbours of an atom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.linear import DenseLayer, dense_layer
from deepmd_tf.nn.typed import RowFeatures
from deepmd_tf.tf1 import tf

# Logits are moved up by this before the switch scales them, and down again, so that those of neighbours at the
# cutoff end far below the others.
SHIFT = 20.0


@dataclass(frozen=True)
class Gate:
    """How a layer turns products of queries and keys into weights.

    Attributes
    ----------
    scale : float
        Factor of the products.
    normalize : bool
        Divide the rows of queries, keys and values by their length.
    floor : float
        Least length that they are divided by.
    angular : bool
        Multiply the weights by the cosine of the angle of the two neighbours.
    smooth : bool
        Let the weights vanish smoothly at the cutoff.
    off_diagonal : bool
        Leave out the weight of a neighbour for itself.
    """

    scale: float
    normalize: bool
    floor: float
    angular: bool
    smooth: bool
    off_diagonal: bool


@dataclass(frozen=True)
class AttentionLayer:
    r"""One layer: attention, its result added to the features, and a layer normalisation.

    .. math:: x' = \text{LN}\bigl(x + A(x W_Q + b_Q,\, x W_K + b_K,\, x W_V + b_V)\, W_O + b_O\bigr)

    with the attention A of :func:`attend_slots`. Source: DPA-1, arXiv 2208.08236, in the form of the field's programs.

    Attributes
    ----------
    query, key, value : DenseLayer [M, h]
    out : DenseLayer [h, M]
    gamma, beta : [M]
    eps : float
        Added to the variance.
    """

    query: DenseLayer
    key: DenseLayer
    value: DenseLayer
    out: DenseLayer
    gamma: object
    beta: object
    eps: float

    def __call__(self, x, gate: Gate):
        """Features of rows, see :mod:`deepmd_tf.nn.typed`, to features of the same rows."""
        slots = x.slots
        seen = slots.attend(x.projected((self.query, self.key, self.value)), gate)
        value = slots.normalised(x.value, slots.layer(self.out, seen), self.gamma, self.beta, self.eps)
        return RowFeatures(slots, value)


def attention_layers(
    ctx, count: int, width: int, hidden: int, dtype: str, seed: int | None, *, eps: float, trainable: bool,
    trainable_norm: bool,
) -> list[AttentionLayer]:  # fmt: skip
    """Layers with the weights ``attention_layer_K/{c_query,c_key,c_value,c_out}`` and ``.../layer_normalization``.

    Parameters
    ----------
    width, hidden : int
        M, number of features, and h, that of queries, keys and values.
    eps : float
        Of the layer normalisation.
    trainable, trainable_norm : bool
        Of the matrices; of the layer normalisation.
    """
    seeds, layers = Seeds(seed), []
    for k in range(count):
        scope = f"attention_layer_{k}{ctx.suffix}"
        make = lambda name, n_in, n_out, scope=scope: dense_layer(  # noqa: E731
            ctx, f"{scope}/{name}", n_in, n_out, dtype, seeds, trainable=trainable
        )
        norm = lambda name, value, scope=scope: ctx.weights.get(  # noqa: E731
            f"{scope}/layer_normalization/{name}", (width,), dtype, lambda: np.full(width, value), trainable_norm
        )
        projections = [make(name, width, hidden) for name in ("c_query", "c_key", "c_value")]
        layers.append(AttentionLayer(*projections, make("c_out", hidden, width), norm("gamma", 1.0), norm("beta", 0.0),
                                     eps))  # fmt: skip
    return layers


def attend_slots(q, k, v, direction, switch, live, gate: Gate):
    r"""Attention in stock TensorFlow, over all slots of each of n atoms.

    With the rows of queries, keys and values (of length one, if ``gate.normalize``), :math:`s` the switch,
    :math:`e` the directions,

    .. math::
        L_{mn} = c\, q_m \cdot k_n, \quad A = \text{softmax}_n L, \quad o_m = \sum_n A_{mn}\, (e_m \cdot e_n)\, v_n,

    where slots without a neighbour neither give nor take. With ``gate.smooth`` the logits are
    :math:`(L_{mn} + 20) s_m s_n - 20`, and A is multiplied by :math:`s_m s_n`; slots without a neighbour
    then count in the softmax, with :math:`e^{-20}`.

    Parameters
    ----------
    q, k, v : [n, nnei, h]
    direction : [n, nnei, 3]
        Read where ``gate.angular``.
    switch : [n, nnei]
        0 in slots without a neighbour; read where ``gate.smooth``.
    live : [n, nnei] bool
        Whether a slot holds a neighbour.

    Returns
    -------
    tensor [n, nnei, h]
    """
    if gate.normalize:
        q, k, v = (unit(x, gate.floor) for x in (q, k, v))
    logits = gate.scale * tf.matmul(q, k, transpose_b=True)  # [n, nnei, nnei]
    if gate.smooth:
        pairs = switch[:, :, None] * switch[:, None, :]
        weights = tf.nn.softmax((logits + SHIFT) * pairs - SHIFT) * pairs
    else:
        present = tf.cast(live, logits.dtype)
        far = tf.constant(-(2.0**33), logits.dtype)
        weights = tf.nn.softmax(logits * present[:, None, :] + far * (1 - present[:, None, :])) * present[:, :, None]
    if gate.angular:
        weights *= tf.matmul(direction, direction, transpose_b=True)
    if gate.off_diagonal:
        weights = tf.linalg.set_diag(weights, tf.zeros_like(weights[:, :, 0]))
    return tf.matmul(weights, v)


def residual_norm_by_layers(x, o, gamma, beta, eps: float):
    """:func:`deepmd_tf.ops.residual_norm.residual_norm` in stock TensorFlow."""
    z = x + o
    mean = tf.reduce_mean(z, axis=1, keepdims=True)
    variance = tf.reduce_mean(tf.square(z - mean), axis=1, keepdims=True)
    return (z - mean) * tf.math.rsqrt(variance + eps) * gamma + beta


def unit(x, floor: float):
    """Rows of length one along the last axis, or x / floor where they are shorter than ``floor``."""
    squares = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
    return x * tf.math.rsqrt(tf.maximum(squares, max(floor, np.finfo(np.float32).tiny ** 0.5) ** 2))
