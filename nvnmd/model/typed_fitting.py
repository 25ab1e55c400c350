"""The fitting of quantised models of many types, with its network in floating point: the first step of training."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.fitting.base import fittings
from deepmd_tf.nn.initial import Seeds, matrix, normal
from deepmd_tf.nn.linear import DenseLayer, dense_layer
from deepmd_tf.tf1 import tf
from nvnmd.config import FITTING_NEURON, TYPE_WIDTH
from nvnmd.model.fitting import NvnmdFitting, after_first
from nvnmd.model.type_embedding import type_embedding


@dataclass(frozen=True)
class TypedNet:
    """One network for all types.

    Attributes
    ----------
    layers : list of DenseLayer
        The final one included.
    of_type : [ntypes, 128]
        What a type adds to the sums of the first layer.
    """

    layers: list[DenseLayer]
    of_type: object


@fittings.register("nvnmd_ener_types")
class NvnmdTypedFitting(NvnmdFitting):
    r"""Energy fitting of the sizes of the device with one network for up to 32 types.

    As ``nvnmd_ener``, but the network is the same for all types, and its first layer sees the vector :math:`v_t` of the
    type beside the features: :math:`\text{tanh4}(D_i W + v_{t_i} T + b)`.
    Source: NVNMD format, networks and datapath.

    Parameters
    ----------
    ntypes, dim_descriptor : int
        Number of atom types; number of features of an atom.
    seed : int or None
        Of the initial weights.

    Raises
    ------
    ConfigError
        A value does not fit, named by its key.
    """

    def _networks(self, ctx) -> TypedNet:
        layers, by_type = self._layers(ctx)
        return TypedNet(layers, tf.matmul(type_embedding(ctx, self.ntypes, Seeds(self.seed)), by_type))

    def _layers(self, ctx) -> tuple[list[DenseLayer], object]:
        """All layers, and the matrix of the vectors of types in the first."""
        seeds, dtype, width = Seeds(self.seed), ctx.interface.name, FITTING_NEURON[0]
        first, by_type = self._first_layer(ctx, dtype, seeds.take(3))
        scopes = [f"{name}{ctx.suffix}" for name in ("layer_1", "layer_2", "final_layer")]
        others = [dense_layer(ctx, name, width, n, dtype, seeds) for name, n in zip(scopes, (width, width, 1))]
        return [first, *others], by_type

    def _first_layer(self, ctx, dtype: str, draw: list) -> tuple[DenseLayer, object]:
        """The layer of the features, and the matrix of the vectors of types."""
        width, n_in = FITTING_NEURON[0], self.dim_descriptor

        def get(name, shape, initial):
            return ctx.weights.get(f"layer_0{ctx.suffix}/{name}", shape, dtype, initial)

        # The field's programs came to the name matrix_1 by chance, and look it up since.
        features = get("matrix_1", (n_in, width), matrix(n_in, width, draw[0]))
        bias = get("bias", (width,), normal((width,), 1.0, draw[1]))
        by_type = get("tweight", (TYPE_WIDTH, width), matrix(TYPE_WIDTH, width, draw[2]))
        return DenseLayer(features, bias, None), by_type

    @staticmethod
    def _evaluate(ctx, nets: TypedNet, features: list, inputs):
        (x,) = features
        types = tf.maximum(inputs.type[:, : inputs.nloc], 0)  # [nf, nloc]
        first, *others = nets.layers
        sums = first(tf.reshape(x, [-1, x.shape[2]])) + tf.gather(nets.of_type, tf.reshape(types, [-1]))
        return tf.reshape(after_first(sums, others), tf.shape(types))
