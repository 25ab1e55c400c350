"""The fitting of quantised models, with networks in floating point: the first step of training."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.fitting.base import fittings
from deepmd_tf.fitting.ener import EnerFitting
from deepmd_tf.tf1 import tf
from nvnmd.config import FITTING_NEURON
from nvnmd.model.activation import tanh4


@fittings.register("nvnmd_ener")
class NvnmdFitting(EnerFitting):
    r"""Energy fitting of the sizes of the device: three hidden layers of 128 with tanh4.

    The second and third layer add their input; the last one is linear. There are no time steps and no parameters.
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

    def __init__(self, ntypes: int, dim_descriptor: int, *, seed: int | None = None, **none_of_these):
        super().__init__(ntypes, dim_descriptor, neuron=FITTING_NEURON, resnet_dt=False, seed=seed, **none_of_these)

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/fitting_net`` with type ``nvnmd_ener``."""
        return [argument for argument in EnerFitting.arguments() if argument.name == "seed"]

    @classmethod
    def requirements(cls, section: dict) -> list:
        """Nothing beside coordinates."""
        return []

    @staticmethod
    def _evaluate(ctx, nets, features: list, inputs):
        (x,) = features
        results = []
        for t, (block, (first, *others)) in enumerate(zip(inputs.by_type(x), nets.layers)):
            energy = after_first(first(tf.reshape(block, [-1, nets.n_in])), others)
            results.append(tf.reshape(energy, [tf.shape(x)[0], inputs.natoms[2 + t]]))
        return tf.concat(results, axis=1)


def after_first(sums, layers):
    """Energies [n, 1] from the sums of the first layer [n, 128], its bias included, and the other layers."""
    *others, final = layers
    h = tanh4(sums)
    for layer in others:
        h = h + tanh4(layer(h))
    return final(h)
