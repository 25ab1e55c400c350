"""The descriptor of quantised models of many types, with networks in floating point: the first step of training."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from dargs import Argument

from deepmd_tf.descriptor.base import (
    KEY,
    Descriptor,
    DescriptorOutput,
    Environment,
    EnvironmentTensors,
    describe,
    descriptors,
)
from deepmd_tf.descriptor.embedded import argument, check_radii
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.embedding import embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf
from nvnmd.config import AXIS_NEURON, NEURON, TYPE_WIDTH
from nvnmd.device_file.layout import LIMIT_OF_TYPES
from nvnmd.device_file.model import nix_exponent
from nvnmd.model.descriptor import band
from nvnmd.model.type_embedding import type_embedding


@descriptors.register("nvnmd_se_atten")
class DescrptNvnmdSeAtten(Descriptor):
    r"""Two-body descriptor of the sizes of the device for up to 32 types: one network, and a factor by pair of types.

    The neighbours of all types stand in one list, the nearest first. With the rows :math:`R_{ij}` of the environment
    matrix, divided by the scale of the type of the centre, :math:`s_{ij}` their first number, g a network of 8-16-32
    features, N another one of the same widths, and the vectors :math:`v_t` of the types,

    .. math::
        X_i = \frac{1}{n_\text{IX}} \sum_j R_{ij} \otimes g(s_{ij}) \, (1 + N(v_{t_j}, v_{t_i})), \quad
        n_\text{IX} = 2^{\lceil \log_2(\text{sel} / 1.5) \rceil}, \qquad
        D_{i, 4a + k} = (X_i^T X_i)_{a,\, (a + k) \bmod 32}, \quad k = 0 \ldots 3.

    Source: NVNMD format, networks and datapath.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    sel : int or list of one int
        Neighbour slots of all types together.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    seed : int or None
        Of the initial weights.
    key : str
        Where the section stands in the input file, for messages.

    Raises
    ------
    ConfigError
        A value does not fit, named by its key.
    """

    one_list = True

    def __init__(
        self, ntypes: int, *, sel, rcut: float = 6.0, rcut_smth: float = 0.5, seed: int | None = None, key: str = KEY
    ):
        if ntypes > LIMIT_OF_TYPES[1]:
            raise ConfigError(f"model/type_map: expected at most {LIMIT_OF_TYPES[1]} types, found {ntypes}")
        self.ntypes, self.nnei, self.seed = ntypes, _one_number(sel, key), seed
        self._rcut, self.rcut_smth = float(rcut), float(rcut_smth)
        check_radii(self.rcut, self.rcut_smth, key)

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``nvnmd_se_atten``."""
        sel = Argument(
            "sel",
            [int, list[int], str],
            optional=True,
            default="auto",
            doc="Neighbour slots of all types together: a number, or 'auto' or 'auto:FACTOR', which takes the largest "
            "number of neighbours found in the training data times FACTOR (1.1), rounded up to a multiple of 4.",
        )
        return [sel, *(argument(name) for name in ("rcut", "rcut_smth", "seed"))]

    @property
    def rcut(self) -> float:
        """Cutoff, Å."""
        return self._rcut

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, 128."""
        return NEURON[-1] * AXIS_NEURON

    def environments(self, suffix: str = "") -> list[Environment]:
        """The one environment matrix; its mean is zero, so that empty slots contribute nothing."""
        spec = EnvSpec(self.rcut, self.rcut_smth, (self.nnei,), self.ntypes, set_davg_zero=True)
        return [Environment(f"descrpt_attr{suffix}", spec)]

    def attributes(self) -> dict:
        """Sizes that readers of a model file look up below ``descrpt_attr``."""
        return {"ntypes": self.ntypes, "ndescrpt": 4 * self.nnei, "sel": [self.nnei]}

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph.

        Raises
        ------
        ModelFormatError
            The weights come from a model whose mean of the environment matrix is not zero.
        """
        env, found, rows, pairs = self._neighbors(ctx, inputs)
        net, factors = self._networks(ctx)
        features = net(rows[:, :1]) * tf.gather(factors, pairs)  # [nfound, M]
        x = ctx.primitives.found_outer(found, rows, features) / 2.0 ** nix_exponent(self.nnei)  # [n, 4, M]
        value = tf.reshape(band(x, AXIS_NEURON), [-1, inputs.nloc, self.dim_out])
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env])

    def _networks(self, ctx):
        """The network of s, and the factors of its features, 1 + N, by pair of types [ntypes*ntypes, M].

        The type of the centre counts first in the pairs, that of the neighbour stands first in what the network sees.
        """
        seeds, n = Seeds(self.seed), self.ntypes

        def made(tag: str, n_in: int):
            scope, dtype = f"filter_type_all{ctx.suffix}", ctx.interface.name
            return embedding_net(ctx, scope, tag, NEURON, "tanh", dtype, seeds, n_in=n_in)

        net, of_pairs = made("", 1), made("_two_side_ebd", 2 * TYPE_WIDTH)
        vectors = type_embedding(ctx, n, seeds)
        pairs = tf.concat([tf.tile(vectors, [n, 1]), tf.repeat(vectors, n, axis=0)], axis=1)
        return net, of_pairs(pairs) + 1.0

    def _neighbors(self, ctx, inputs):
        """The environment matrix, which slots [n, nnei] hold a neighbour, and of these the rows and pairs of types."""
        env, scale = self._environment(ctx, inputs)
        found = tf.reshape(env.nlist >= 0, [-1, self.nnei])
        at = tf.where(tf.reshape(found, [-1]))[:, 0]
        center = tf.maximum(inputs.type[:, : inputs.nloc], 0)  # virtual atoms have no neighbours
        rows = env.rmat / tf.gather(scale, tf.reshape(center, [-1]))
        neighbor = tf.gather(inputs.type, tf.maximum(env.nlist, 0), axis=1, batch_dims=1)  # [nf, nloc*nnei]
        pairs = tf.repeat(center, self.nnei, axis=1) * self.ntypes + neighbor
        return env, found, tf.gather(tf.reshape(rows, [-1, 4]), at), tf.gather(tf.reshape(pairs, [-1]), at)

    def _environment(self, ctx, inputs):
        """The environment matrix as it is, and by what it is to be divided: [ntypes, 4*nnei].

        The op is told of one type only. So it has one list for all neighbours, and cannot know the scale of a type.
        """
        (environment,) = self.environments(ctx.suffix)
        scope, width, dtype = environment.scope, 4 * self.nnei, ctx.interface.name
        describe(ctx, scope, self.rcut, self.attributes())
        names = [f"{scope}/{name}" for name in ("t_avg", "t_std")]
        _, scale = (ctx.weights.get(name, (self.ntypes, width), dtype, None, trainable=False) for name in names)
        _check_mean(names[0], ctx.weights.values[names[0]])
        env = ctx.primitives.env_mat_a(
            inputs.coord, tf.minimum(inputs.type, 0), tf.gather(inputs.natoms, [0, 1, 0]), inputs.box, inputs.mesh,
            np.zeros((1, width), dtype), np.ones((1, width), dtype),
            rcut=self.rcut, rcut_smth=self.rcut_smth, sel=[self.nnei],
        )  # fmt: skip
        return EnvironmentTensors.named(ctx, env, self.nnei), scale


def _one_number(sel, key: str) -> int:
    given = list(sel) if isinstance(sel, (list, tuple)) else [sel]
    if len(given) != 1 or not isinstance(given[0], Integral) or isinstance(given[0], bool) or given[0] < 1:
        raise ConfigError(
            f"{key}/sel: expected one number >= 1, of the neighbours of all types together, found {sel}",
            "Give the sum of the numbers" if len(given) > 1 else None,
        )
    return int(given[0])


def _check_mean(name: str, mean: np.ndarray) -> None:
    if np.any(mean):
        raise ModelFormatError(
            f"weight {name}: expected zeros, as the device has no place for another mean, "
            f"found numbers up to {np.abs(mean).max():.3g}",
            "Train the model anew, or one whose descriptor has set_davg_zero",
        )
