"""The fully connected layer of fitting networks."""

from __future__ import annotations

from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.initial import Seeds, matrix, normal
from deepmd_tf.tf1 import tf


def dense(
    ctx,
    x,
    scope: str,
    n_in: int,
    n_out: int,
    dtype: str,
    seeds: Seeds,
    *,
    activation_function: str | None = None,
    timestep: bool = False,
    trainable: bool = True,
):
    r"""One layer :math:`y = \phi(x W + b)`, times ``idt`` when ``timestep`` is set: [n, n_in] -> [n, n_out].

    Weights are ``scope/matrix`` [n_in, n_out], ``scope/bias`` [n_out] and ``scope/idt`` [n_out].
    """
    draw = seeds.take(3)
    w = ctx.weights.get(f"{scope}/matrix", (n_in, n_out), dtype, matrix(n_in, n_out, draw[0]), trainable)
    b = ctx.weights.get(f"{scope}/bias", (n_out,), dtype, normal((n_out,), 1.0, draw[1]), trainable)
    y = tf.nn.bias_add(tf.matmul(x, w), b)
    if activation_function is not None:
        y = activation(activation_function)(y)
    if timestep:
        y = y * ctx.weights.get(f"{scope}/idt", (n_out,), dtype, normal((n_out,), 0.001, draw[2], mean=0.1), trainable)
    return y
