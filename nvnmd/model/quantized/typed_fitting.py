"""The fitting of version 1 in the numbers of the device: one network for all types."""

from __future__ import annotations

from deepmd_tf.fitting.base import fittings
from deepmd_tf.tf1 import tf
from nvnmd.config import TYPE_WIDTH
from nvnmd.model.quantized.fitting import QuantizedFitting
from nvnmd.model.quantized.tables import of_types
from nvnmd.model.typed_fitting import NvnmdTypedFitting


@fittings.register("nvnmd_quantized_ener_types")
class QuantizedTypedFitting(QuantizedFitting, NvnmdTypedFitting):
    """``nvnmd_ener_types`` in fixed point numbers; what a type adds to the first layer is added with 23 fraction bits.

    Parameters and errors are those of :class:`~nvnmd.model.quantized.fitting.QuantizedFitting`.
    """

    def _last_product(self, ctx, descriptor, inputs):
        (first, *hidden, last), by_type = self._layers(ctx)
        vectors = of_types(ctx, "t_ebd", (self.ntypes + 1, TYPE_WIDTH))[:-1]
        types = tf.reshape(tf.maximum(inputs.type[:, : inputs.nloc], 0), [-1])
        of_type = tf.gather(self.format.type_vectors(vectors, by_type), types)
        x = self._hidden(first, tf.reshape(descriptor, [-1, self.dim_descriptor]), first=True, more=of_type)
        for layer in hidden:
            x = self._hidden(layer, x, first=False)
        product = tf.reshape(self._product(last, x, whole=True), [inputs.nframes, -1])
        return product, tf.tile(last.bias, [self.ntypes])
