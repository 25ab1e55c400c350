"""The fittings in the numbers of the device: one network for each type, or one for all with an embedding of types."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.config.arguments import one_of, optional
from deepmd_tf.fitting.base import fittings
from deepmd_tf.tf1 import tf
from nvnmd.model.fitting import NvnmdFitting
from nvnmd.model.quantized.weight_formats import FORMATS, rounded
from nvnmd.ops.arithmetic import tanh4

SHORT_GRADIENT = 21


@fittings.register("nvnmd_quantized_ener")
class QuantizedFitting(NvnmdFitting):
    """``nvnmd_ener`` in fixed point numbers: data of 23 fraction bits, weights in one of two formats.

    Parameters
    ----------
    ntypes, dim_descriptor, seed
        As of :class:`~nvnmd.model.fitting.NvnmdFitting`.
    weight_format : str
        ``device`` or ``legacy``, see :mod:`nvnmd.model.quantized.weight_formats`.

    Raises
    ------
    ConfigError
        A value does not fit, named by its key.
    """

    def __init__(self, ntypes: int, dim_descriptor: int, *, weight_format: str = "device", **settings):
        super().__init__(ntypes, dim_descriptor, **settings)
        self.format = FORMATS[weight_format]

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/fitting_net`` with type ``nvnmd_quantized_ener``."""
        doc = "Numbers that weights are held in: those of the device, or those that deepmd-kit trains with."
        choice = optional("weight_format", str, "device", doc, extra_check=one_of(*FORMATS))
        return [*super().arguments(), choice]

    def build(self, ctx, descriptor, inputs):
        """Return the atomic energy [nf, nloc], eV; 0 for virtual atoms (type < 0)."""
        scope = f"fitting_attr{ctx.suffix}"
        for name in ("dfparam", "daparam"):
            ctx.constant(0, f"{scope}/{name}", tf.int32)
        atom_energy = ctx.weights.get(f"{scope}/t_bias_atom_e", (self.ntypes,), ctx.interface.name, None, False)
        types = inputs.type[:, : inputs.nloc]
        x, bias = self._last_product(ctx, descriptor, inputs)
        energy = self.format.energy(x, bias, atom_energy, tf.maximum(types, 0))
        return energy * tf.cast(types >= 0, ctx.interface)

    def _last_product(self, ctx, descriptor, inputs):
        """What the last matrix gives [nf, nloc], and the bias that follows it, by type [ntypes]."""
        nets, products = self._networks(ctx), []
        for t, block in enumerate(inputs.by_type(descriptor)):
            *hidden, last = nets.layers[t]
            x = tf.reshape(block, [-1, nets.n_in])
            for k, layer in enumerate(hidden):
                x = self._hidden(layer, x, first=k == 0)
            products.append(tf.reshape(self._product(last, x, whole=True), [inputs.nframes, -1]))
        return tf.concat(products, axis=1), tf.concat([layers[-1].bias for layers in nets.layers], axis=0)

    def _hidden(self, layer, x, *, first: bool, more=0.0):
        """A hidden layer; all but the first add their input. ``more`` goes into the activation."""
        z = rounded(self._product(layer, x, whole=False) + more + self.format.bias(layer.bias))
        y = rounded(tanh4(z))
        return y if first else x + y

    def _product(self, layer, x, *, whole: bool):
        # Gradients of the product have fewer bits than those of the bias.
        return rounded(self.format.product(rounded(x), layer.matrix, whole=whole), grad_bits=SHORT_GRADIENT)
