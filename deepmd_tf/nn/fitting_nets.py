"""The networks of a fitting, one per type, and the two ways to evaluate them: layer by layer, or all in one op."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.linear import DenseLayer, dense_layer
from deepmd_tf.ops.fitting import fitting_net
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class FittingNets:
    """Networks of equal sizes: hidden layers with skip connections between equal widths, then a linear one.

    Attributes
    ----------
    layers : list of list of DenseLayer
        For each type, the final layer included.
    n_in, n_out : int
        Numbers of features and of results.
    neuron : list of int
        Widths of the hidden layers.
    activation_function : str
        Of the hidden layers.
    resnet_dt : bool
        Whether the layers with a skip connection have time steps.
    dtype : str
        TensorFlow dtype name of the weights.
    """

    layers: list[list[DenseLayer]]
    n_in: int
    n_out: int
    neuron: list[int]
    activation_function: str
    resnet_dt: bool
    dtype: str

    @classmethod
    def make(
        cls,
        ctx,
        names: list[list[str]],
        trainable: list[bool],
        seed: int | None,
        *,
        n_in: int,
        n_out: int,
        neuron: list[int],
        activation_function: str,
        resnet_dt: bool,
        dtype: str,
    ) -> FittingNets:
        """Ask for the weights, type after type.

        Parameters
        ----------
        ctx : BuildContext
        names : list of list of str
            For each type the scope of every layer, the final one included. Equal names share weights.
        trainable : list of bool
            Whether a layer is trained, the final one included.
        seed : int or None
            Of the initial weights.
        """
        seeds, widths = Seeds(seed), [n_in, *neuron, n_out]
        layers = [
            [
                dense_layer(
                    ctx,
                    name,
                    widths[k],
                    widths[k + 1],
                    dtype,
                    seeds,
                    timestep=resnet_dt and _skips(neuron, k),
                    trainable=trainable[k],
                )
                for k, name in enumerate(of_type)
            ]
            for of_type in names
        ]
        return cls(layers, n_in, n_out, list(neuron), activation_function, resnet_dt, dtype)


def _skips(neuron, k: int) -> bool:
    """Whether layer k has a skip connection: one between hidden layers of equal width."""
    return 0 < k < len(neuron) and neuron[k] == neuron[k - 1]


def fitting_by_layers(nets: FittingNets, x, natoms):
    """The networks in stock TensorFlow, type after type.

    Parameters
    ----------
    nets : FittingNets
    x : [nf, nloc, n_in]
        Features in the precision of the networks; the atoms of a frame are sorted by type.
    natoms : [2 + ntypes] int32
        Local and all atoms of a frame, then local atoms by type.

    Returns
    -------
    tensor [nf, nloc, n_out]
    """
    nframes, results = tf.shape(x)[0], []
    # Not slices: the gradient of a split is one concatenation, that of slices pads each of them to full size.
    for t, block in enumerate(tf.split(x, natoms[2:], axis=1, num=len(nets.layers))):
        h = tf.reshape(block, [-1, nets.n_in])
        *hidden, final = nets.layers[t]
        for k, layer in enumerate(hidden):
            y = layer(h, nets.activation_function)
            h = h + y if _skips(nets.neuron, k) else y
        results.append(tf.reshape(final(h), [nframes, natoms[2 + t], nets.n_out]))
    return tf.concat(results, axis=1)


def fitting_at_once(nets: FittingNets, x, natoms):
    """:func:`fitting_by_layers` by :func:`deepmd_tf.ops.fitting.fitting_net`, for what that can evaluate.

    Networks of half precision, or of several results, go layer by layer.
    """
    if nets.n_out != 1 or nets.dtype not in ("float32", "float64"):
        return fitting_by_layers(nets, x, natoms)
    energy, _ = fitting_net(
        tf.reshape(x, [-1, nets.n_in]),
        natoms,
        [weight for of_type in nets.layers for layer in of_type for weight in layer.weights],
        neuron=nets.neuron,
        activation_function=nets.activation_function,
        timestep=nets.resnet_dt,
    )
    return tf.reshape(energy, [tf.shape(x)[0], natoms[0], 1])
