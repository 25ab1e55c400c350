"""Two-body embedding descriptor of the distances alone (``se_e2_r``)."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.descriptor.base import DescriptorOutput, descriptors
from deepmd_tf.descriptor.embedded import KEYS, EmbeddedDescriptor, argument
from deepmd_tf.tf1 import tf

# A fixed factor of the published form; models of the field hold it.
SCALE = 0.2


@descriptors.register("se_e2_r", "se_r")
class DescrptSeR(EmbeddedDescriptor):
    r"""Smooth descriptor of the distances alone, with a two-body embedding.

    With :math:`s_{ij}` the normalised, smoothly cut-off inverse distance of the neighbour in slot j and
    :math:`N^{t_i t_j}` the embedding networks,

    .. math::
        D_i = \frac{1}{5\, n_\text{nei}} \sum_{j=1}^{n_\text{nei}} N^{t_i t_j}(s_{ij}) \in \mathbb{R}^{M},

    with :math:`n_\text{nei} = \sum \text{sel}`; empty slots are part of the sum, and slots of excluded pairs are zero.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    **settings
        Those of :class:`~deepmd_tf.descriptor.embedded.EmbeddedDescriptor`.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    components = 1

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_e2_r``."""
        return list(map(argument, KEYS))

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M."""
        return self.neuron[-1]

    def attributes(self) -> dict:
        """``sel`` counts slots of four numbers, of which there are none."""
        return {**super().attributes(), "sel": [0] * self.ntypes}

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; local atoms are sorted by type."""
        env, neighbors = self.environment(ctx, inputs)
        value = ctx.primitives.radial(self.nets(ctx), neighbors, inputs) * (SCALE / self.nnei)  # [nf*nloc, M]
        value = tf.cast(tf.reshape(value, [-1, inputs.nloc, self.dim_out]), ctx.interface)
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env])
