"""The fully connected layer of fitting networks."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.initial import Seeds, matrix, normal
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class DenseLayer:
    """The weights of one layer.

    Attributes
    ----------
    matrix : [n_in, n_out]
    bias : [n_out]
    idt : [n_out] or None
        Time steps.
    """

    matrix: object
    bias: object
    idt: object

    @property
    def weights(self) -> list:
        """Those that there are."""
        return [self.matrix, self.bias] if self.idt is None else [self.matrix, self.bias, self.idt]

    def __call__(self, x, activation_function: str | None = None):
        r""":math:`y = \phi(x W + b)`, times ``idt`` where the layer has it: [n, n_in] -> [n, n_out]."""
        y = tf.nn.bias_add(tf.matmul(x, self.matrix), self.bias)
        if activation_function is not None:
            y = activation(activation_function)(y)
        return y if self.idt is None else y * self.idt


def side_by_side(layers) -> tuple:
    """Matrix and bias of the layer that gives what several layers of one input give, one after another."""
    return tf.concat([layer.matrix for layer in layers], axis=1), tf.concat([layer.bias for layer in layers], axis=0)


def dense_layer(
    ctx, scope: str, n_in: int, n_out: int, dtype: str, seeds: Seeds, *, timestep: bool = False, trainable: bool = True
) -> DenseLayer:
    """A layer with the weights ``scope/matrix``, ``scope/bias`` and, with ``timestep``, ``scope/idt``."""
    draw = seeds.take(3)
    w = ctx.weights.get(f"{scope}/matrix", (n_in, n_out), dtype, matrix(n_in, n_out, draw[0]), trainable)
    b = ctx.weights.get(f"{scope}/bias", (n_out,), dtype, normal((n_out,), 1.0, draw[1]), trainable)
    idt = None
    if timestep:
        idt = ctx.weights.get(f"{scope}/idt", (n_out,), dtype, normal((n_out,), 0.001, draw[2], mean=0.1), trainable)
    return DenseLayer(w, b, idt)
