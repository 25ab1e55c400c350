"""The descriptor of quantised models, with networks in floating point: the first step of training."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.descriptor.base import DescriptorOutput, descriptors
from deepmd_tf.descriptor.embedded import argument
from deepmd_tf.descriptor.se_e2_a import DescrptSeA
from deepmd_tf.tf1 import tf
from nvnmd.config import AXIS_NEURON, NEURON
from nvnmd.device_file.model import nix_exponent


@descriptors.register("nvnmd_se_a")
class DescrptNvnmdSeA(DescrptSeA):
    r"""Two-body descriptor of the sizes of the device: 8-16-32 features, one-sided networks, a band of products.

    As ``se_e2_a`` with two differences: the sums are divided by a power of two,

    .. math::
        X_i = R_i^T G_i / n_\text{IX}, \quad n_\text{IX} = 2^{\lceil \log_2(\sum \text{sel} / 1.5) \rceil}, \qquad
        D_{i, 4a + k} = (X_i^T X_i)_{a,\, (a + k) \bmod 32}, \quad k = 0 \ldots 3.

    Source: NVNMD format, networks and datapath.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    **settings
        ``sel``, ``rcut``, ``rcut_smth`` and ``seed`` of :class:`~deepmd_tf.descriptor.embedded.EmbeddedDescriptor`.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    def __init__(self, ntypes: int, **settings):
        super().__init__(ntypes, axis_neuron=AXIS_NEURON, neuron=NEURON, type_one_side=True, **settings)

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``nvnmd_se_a``."""
        return [argument(name) for name in ("sel", "rcut", "rcut_smth", "seed")]

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; local atoms are sorted by type."""
        env, neighbors = self.environment(ctx, inputs)
        x = ctx.primitives.two_body(self.nets(ctx), neighbors, inputs) / 2.0 ** nix_exponent(self.nnei)  # [n, 4, M]
        value = tf.reshape(band(x, self.axis_neuron), [-1, inputs.nloc, self.dim_out])
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env])


def band(x, width: int):
    """Products of each column with itself and the next ``width - 1``, in a ring: [n, 4, M] -> [n, M*width]."""
    shifted = [x, *(tf.concat([x[:, :, k:], x[:, :, :k]], axis=2) for k in range(1, width))]
    products = tf.stack([tf.reduce_sum(x * other, axis=1) for other in shifted], axis=2)  # [n, M, width]
    return tf.reshape(products, [-1, x.shape.as_list()[2] * width])
