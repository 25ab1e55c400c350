"""Two-body embedding descriptor with full relative coordinates (``se_e2_a``)."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.descriptor.base import DescriptorOutput, descriptors
from deepmd_tf.descriptor.embedded import KEYS, EmbeddedDescriptor, argument, check_axis_neuron
from deepmd_tf.tf1 import tf


@descriptors.register("se_e2_a", "se_a")
class DescrptSeA(EmbeddedDescriptor):
    r"""Smooth descriptor of the full relative coordinates, with a two-body embedding.

    For the central atom i, row j of the normalised environment matrix :math:`R_i` [nnei, 4] is
    :math:`s(r)\,(1, x/r, y/r, z/r)` with :math:`s` the smoothly cut-off :math:`1/r`. With the features
    :math:`G_{jk} = N^{t_i t_j}_k(s_{ij})` of the embedding networks,

    .. math::
        X_i = \frac{1}{n_\text{nei}} R_i^T G_i \in \mathbb{R}^{4 \times M}, \qquad
        D_i = X_i^T X_i^{<} \in \mathbb{R}^{M \times M_2},

    where :math:`X^{<}` holds the first :math:`M_2` columns and :math:`n_\text{nei} = \sum \text{sel}`.
    L. Zhang et al., Adv. Neural Inf. Process. Syst. 31 (2018), arXiv 1805.09003.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    axis_neuron : int
        :math:`M_2`.
    **settings
        Those of :class:`~deepmd_tf.descriptor.embedded.EmbeddedDescriptor`.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    def __init__(self, ntypes: int, *, axis_neuron: int = 4, **settings):
        super().__init__(ntypes, **settings)
        self.axis_neuron = int(axis_neuron)
        check_axis_neuron(self.axis_neuron, self.neuron, self.key)

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_e2_a``."""
        axis_neuron = Argument(
            "axis_neuron",
            int,
            optional=True,
            default=4,
            alias=["n_axis_neuron"],
            doc="Number of columns of the second factor of the descriptor.",
        )
        return [*map(argument, KEYS), axis_neuron]

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M times M_2."""
        return self.neuron[-1] * self.axis_neuron

    def attributes(self) -> dict:
        """Also the sel that the sums were first divided by, for programs that change sel afterwards."""
        return {**super().attributes(), "original_sel": self.sel}

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; local atoms are sorted by type."""
        env, neighbors = self.environment(ctx, inputs)
        x = ctx.primitives.two_body(self.nets(ctx), neighbors, inputs) / self.nnei  # [nf*nloc, 4, M]
        value = ctx.primitives.gram(x, self.axis_neuron)  # [nf*nloc, M*M2]
        value = tf.cast(tf.reshape(value, [-1, inputs.nloc, self.dim_out]), ctx.interface)
        rotation = tf.transpose(x[:, 1:4, :], [0, 2, 1])  # [nf*nloc, M, 3]
        rotation = tf.cast(tf.reshape(rotation, [-1, inputs.nloc, self.neuron[-1] * 3]), ctx.interface)
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env], rotation)
