"""Three-body embedding descriptor (``se_e3``)."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.descriptor.base import DescriptorOutput, descriptors
from deepmd_tf.descriptor.embedded import KEYS, EmbeddedDescriptor, argument
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.nets import EmbeddingNets
from deepmd_tf.tf1 import tf


@descriptors.register("se_e3", "se_at", "se_a_3be", "se_t")
class DescrptSeT(EmbeddedDescriptor):
    r"""Smooth descriptor of the full relative coordinates, with a three-body embedding.

    With :math:`a_j` the directional part, three numbers, of row j of the normalised environment matrix, the products
    :math:`\theta_{jk} = a_j \cdot a_k` and an embedding network for each unordered pair of neighbour types,

    .. math::
        D_i = \sum_{t \le t'} \frac{1}{n_t n_{t'}} \sum_{j \in t} \sum_{k \in t'}
              \theta_{jk}\, N^{t t'}(\theta_{jk}) \in \mathbb{R}^{M},

    where the slots of type t number :math:`n_t` and j = k takes part where both types are the same.
    X. Wang et al., Nucl. Fusion 62, 126013 (2022), arXiv 2105.10155.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    **settings
        Those of :class:`~deepmd_tf.descriptor.embedded.EmbeddedDescriptor`, with ``exclude_types`` empty.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    def __init__(self, ntypes: int, **settings):
        super().__init__(ntypes, **settings)
        if self.exclude_types:
            raise ConfigError(
                f"{self.key}/exclude_types: expected [], found {list(map(list, self.exclude_types))}; three-body "
                "networks serve all pairs of types",
                "Use se_e2_a or se_e2_r for types that do not see each other",
            )

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_e3``."""
        return [argument(name) for name in KEYS if name != "type_one_side"]

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M."""
        return self.neuron[-1]

    def nets(self, ctx) -> EmbeddingNets:
        """The networks by unordered pair of neighbour types, whatever the type of the centre."""
        return EmbeddingNets.by_pair(ctx, self.sel, self.net_settings(ctx), self.seed)

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph."""
        env, neighbors = self.environment(ctx, inputs)
        value = ctx.primitives.three_body(self.nets(ctx), neighbors, inputs)  # [nf*nloc, M]
        value = tf.cast(tf.reshape(value, [-1, inputs.nloc, self.dim_out]), ctx.interface)
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env])
