"""Embedding networks of one number with their first and second derivative: what tables are made of."""

from __future__ import annotations

from deepmd_tf.nn.activation import derivatives
from deepmd_tf.nn.embedding import EmbeddingNet, widen
from deepmd_tf.tf1 import tf


def net_jet(net: EmbeddingNet, x):
    r"""Value, first and second derivative of the features with respect to one number.

    Forward mode through :math:`p = xW + b`: :math:`h = \phi(p)`, :math:`h' = \phi'(p)\,p'`,
    :math:`h'' = \phi''(p)\,p'^2 + \phi'(p)\,p''`, and the skip connections of :class:`EmbeddingNet` for each.
    TensorFlow can differentiate the result with respect to the weights.

    Parameters
    ----------
    net : EmbeddingNet
        Of one input, or of several: then of the first, while the others are constants.
    x : [K, N_0]
        Where to evaluate, in the precision of the weights.

    Returns
    -------
    tensor [K, 3, width]
    """
    return tf.stack(_jet(net.layers, net.activation_function, x), axis=-2)


def typed_jet(net: EmbeddingNet, x, types):
    """:func:`net_jet` of a network of one number and of types, which is one of one number for each choice of types.

    Parameters
    ----------
    net : EmbeddingNet
        Of 1 + T inputs.
    x : [npairs, K]
        Where to evaluate, for each choice of types.
    types : [npairs, T]
        What the network is told of them, constant; T may be 0.

    Returns
    -------
    tensor [npairs, K, 3, width]
        Derivatives are by the number. All are functions of ``types`` and of the weights that TensorFlow can
        differentiate.
    """
    width = types.shape.as_list()[1]
    told = tf.tile(types[:, None, :], [1, tf.shape(x)[1], 1])
    jet = net_jet(net, tf.reshape(tf.concat([x[:, :, None], told], axis=2), [-1, 1 + width]))
    return tf.reshape(jet, [-1, tf.shape(x)[1], 3, net.width])


def nets_jet(nets: list[EmbeddingNet], x):
    """:func:`net_jet` of networks of equal sizes at once: x [nnets, K, 1] -> [nnets, K, 3, width]."""
    stacked = [tuple(map(_stack, zip(*same))) for same in zip(*(net.layers for net in nets))]
    return tf.stack(_jet(stacked, nets[0].activation_function, x), axis=-2)


def _stack(weights: tuple):
    """The matrices, biases or time steps of one layer as [nnets, rows, N_k]."""
    if weights[0] is None:
        return None
    stacked = tf.stack(weights)
    return stacked if stacked.shape.ndims == 3 else stacked[:, None, :]


def _jet(layers: list[tuple], activation_function: str, x) -> list:
    """[value, first, second], each [..., K, width], of layers whose weights have the leading axes of ``x``."""
    phi = derivatives(activation_function)
    jet = [x, tf.concat([tf.ones_like(x[..., :1]), tf.zeros_like(x[..., 1:])], axis=-1), tf.zeros_like(x)]
    for weight, bias, idt in layers:
        n_in, n_out = weight.shape.as_list()[-2:]
        # One product for the three: they differ in rows alone.
        p, p1, p2 = tf.split(tf.matmul(tf.concat(jet, axis=-2), weight), 3, axis=-2)
        value, slope, curvature = phi(p if bias is None else p + bias)
        added = [value, slope * p1, curvature * p1 * p1 + slope * p2]
        if n_out in (n_in, 2 * n_in):
            added = added if idt is None else [part * idt for part in added]
            added = [widen(skip, n_out, axis=-1) + part for skip, part in zip(jet, added)]
        jet = added
    return jet
