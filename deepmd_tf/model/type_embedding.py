"""Vectors that stand for atom types, for models with one network for all types."""

from __future__ import annotations

import numpy as np
from dargs import Argument

from deepmd_tf.config.arguments import optional
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.electrons import electron_configuration
from deepmd_tf.nn.embedding import embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.precision import network_dtype
from deepmd_tf.tf1 import tf


class TypeEmbedding:
    """A small network of the type, as a unit vector or as the electron configuration of the element.

    Source: DPA-1, arXiv 2208.08236; the electron configurations as the field's programs write them.

    Parameters
    ----------
    type_map : list of str
        Names of the types; element symbols where ``use_econf_tebd``.
    neuron : list of int
        Widths of the layers, the last one is that of the vectors.
    activation_function, precision : str
    resnet_dt : bool
        Trainable time steps in layers with a skip connection.
    seed : int or None
        Of the initial weights.
    use_econf_tebd : bool
        Start from electron configurations.
    use_tebd_bias : bool
        Whether the layers have a bias.
    key : str
        Where the section stands in the input file, for messages.

    Raises
    ------
    ConfigError
        A value does not fit, or a type is no element, named by its key.
    """

    def __init__(
        self,
        type_map: list[str],
        *,
        neuron=(8,),
        activation_function: str = "tanh",
        resnet_dt: bool = False,
        precision: str = "default",
        trainable: bool = True,
        seed: int | None = None,
        use_econf_tebd: bool = False,
        use_tebd_bias: bool = False,
        key: str = "model/type_embedding",
    ):
        self.neuron = [int(n) for n in neuron]
        if not self.neuron or min(self.neuron) < 1:
            raise ConfigError(f"{key}/neuron: expected a list of widths >= 1, found {list(neuron)}")
        self.rows = electron_configuration(type_map) if use_econf_tebd else np.eye(len(type_map))
        self.activation_function, self.resnet_dt, self.precision = activation_function, resnet_dt, precision
        self.trainable, self.seed, self.use_tebd_bias = trainable, seed, use_tebd_bias
        self.use_econf_tebd = use_econf_tebd

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/type_embedding``."""
        return [
            optional("neuron", list[int], [8], "Widths of the layers, the last one is that of the vectors."),
            optional("activation_function", str, "tanh", "Activation function of the layers."),
            optional("resnet_dt", bool, False, "Scale the layers that have a skip connection by trainable time steps."),
            optional("precision", str, "default", "Precision: default, float16, float32, float64 or bfloat16."),
            optional("trainable", bool, True, "Whether the vectors are trained."),
            optional("seed", [int, None], None, "Seed of the initial weights."),
            optional("use_econf_tebd", bool, False, "Start from the electron configurations of the elements."),
            optional("use_tebd_bias", bool, False, "Whether the layers have a bias."),
        ]

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.neuron[-1]

    def build(self, ctx):
        """Add the vectors [ntypes + 1, width] to the graph; the last one, of empty neighbour slots, is zero."""
        dtype = network_dtype(self.precision, ctx.interface)
        net = embedding_net(
            ctx, f"type_embed_net{ctx.suffix}", "", self.neuron, self.activation_function, dtype, Seeds(self.seed),
            n_in=self.rows.shape[1], resnet_dt=self.resnet_dt, bias=self.use_tebd_bias, trainable=self.trainable,
        )  # fmt: skip
        vectors = net(tf.constant(self.rows, tf.as_dtype(dtype)))
        return ctx.output(tf.concat([vectors, tf.zeros([1, self.width], vectors.dtype)], axis=0), "t_typeebd")
