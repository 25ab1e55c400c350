"""The embedding network: from a few numbers per neighbour to a feature vector."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.initial import Seeds, matrix, normal
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class EmbeddingNet:
    r"""A fully connected network with skip connections between layers of equal or doubled width.

    With :math:`h = \phi(x W_k + b_k)` (times ``idt_k`` where a skip exists and ``resnet_dt`` is set), layer k returns

    .. math::
        x' = x + h \;(N_k = N_{k-1}), \qquad x' = (x, x) + h \;(N_k = 2 N_{k-1}), \qquad
        x' = h \;\text{otherwise}.

    The first layer follows the same rule with the width of the input.

    Attributes
    ----------
    layers : list of (matrix [N_{k-1}, N_k], bias [1, N_k] or None, idt [1, N_k] or None)
        Tensors of the weights.
    activation_function : str
        Name of :math:`\phi`.
    """

    layers: list[tuple]
    activation_function: str

    @property
    def width(self) -> int:
        """Number of features, the width of the last layer."""
        return int(self.layers[-1][0].shape[1])

    def in_double(self) -> EmbeddingNet:
        """The same network with its weights in float64."""
        cast = [tuple(None if w is None else tf.cast(w, tf.float64) for w in layer) for layer in self.layers]
        return EmbeddingNet(cast, self.activation_function)

    def __call__(self, x):
        """Evaluate the network: [n, N_0] -> [n, width]."""
        skip, h = self.terms(x)
        return h if skip is None else h + widen(skip, self.width, axis=1)

    def terms(self, x):
        """The two summands of the last layer: what skips it, [n, N] or None, and what it adds, [n, width].

        Whatever is linear in the features can be applied to each, without forming the widened sum.
        """
        skip = None
        for weight, bias, idt in self.layers:
            n_in, n_out = weight.shape.as_list()
            if skip is not None:
                x = x + widen(skip, n_in, axis=1)
            h = tf.matmul(x, weight)
            h = activation(self.activation_function)(h if bias is None else tf.nn.bias_add(h, bias))
            skip = x if n_out in (n_in, 2 * n_in) else None
            x = h * idt if skip is not None and idt is not None else h
        return skip, x


def widen(x, width: int, axis: int):
    """``x`` itself, or twice side by side where ``width`` is double its own."""
    return x if x.shape.as_list()[axis] == width else tf.concat([x, x], axis=axis)


def embedding_net(
    ctx,
    scope: str,
    tag: str,
    neuron: list[int],
    activation_function: str,
    dtype: str,
    seeds: Seeds,
    *,
    n_in: int = 1,
    resnet_dt: bool = False,
    bias: bool = True,
    trainable: bool = True,
) -> EmbeddingNet:
    """Make the weights ``scope/{matrix,bias,idt}_k{tag}`` and return the network over them.

    Parameters
    ----------
    ctx : BuildContext
        Where the weights come from.
    scope, tag : str
        Name scope, and what follows the layer number, e.g. ``filter_type_0`` and ``_1``.
    neuron : list of int
        Widths of the layers.
    dtype : str
        TensorFlow dtype name of the weights.
    n_in : int
        Width of the input.
    """
    draw = seeds.take(3 * (len(neuron) + 1))
    layers = []
    for k, (rows, columns) in enumerate(zip([n_in, *neuron[:-1]], neuron), start=1):
        at, skips = 3 * k, columns in (rows, 2 * rows)
        get = lambda kind, shape, init, k=k: ctx.weights.get(f"{scope}/{kind}_{k}{tag}", shape, dtype, init, trainable)  # noqa: E731
        layers.append(
            (
                get("matrix", (rows, columns), matrix(rows, columns, draw[at])),
                get("bias", (columns,), normal((columns,), 1.0, draw[at + 1])) if bias else None,
                get("idt", (1, columns), normal((1, columns), 0.001, draw[at + 2], mean=1.0))
                if resnet_dt and skips
                else None,
            )
        )
    return EmbeddingNet(layers, activation_function)
