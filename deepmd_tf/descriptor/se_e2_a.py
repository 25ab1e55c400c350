"""Two-body embedding descriptor with full relative coordinates (``se_e2_a``)."""

from __future__ import annotations

import numpy as np
from dargs import Argument

from deepmd_tf.descriptor.base import Descriptor, DescriptorOutput, Environment, EnvironmentTensors, descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.embedding import embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.neighbors import Neighbors
from deepmd_tf.precision import network_dtype
from deepmd_tf.tf1 import tf


@descriptors.register("se_e2_a", "se_a")
class DescrptSeA(Descriptor):
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
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    sel : list of int
        Neighbour slots per type.
    neuron : list of int
        Widths of the embedding network, the last one is M.
    axis_neuron : int
        :math:`M_2`.
    type_one_side : bool
        One network per neighbour type instead of one per pair of types.
    exclude_types : list of pairs of int
        Pairs of types that do not see each other.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    def __init__(
        self,
        ntypes: int,
        *,
        sel: list[int],
        rcut: float = 6.0,
        rcut_smth: float = 0.5,
        neuron=(10, 20, 40),
        axis_neuron: int = 4,
        resnet_dt: bool = False,
        trainable: bool = True,
        seed: int | None = None,
        type_one_side: bool = False,
        exclude_types=(),
        set_davg_zero: bool = False,
        activation_function: str = "tanh",
        precision: str = "default",
    ):
        self.ntypes, self.sel, self.neuron = ntypes, [int(n) for n in sel], [int(n) for n in neuron]
        self._rcut, self.rcut_smth, self.axis_neuron = float(rcut), float(rcut_smth), int(axis_neuron)
        self.resnet_dt, self.trainable, self.seed = resnet_dt, trainable, seed
        self.type_one_side, self.set_davg_zero = type_one_side, set_davg_zero
        self.exclude_types = [tuple(int(t) for t in pair) for pair in exclude_types]
        self.activation_function, self.precision = activation_function, precision
        self._check()

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_e2_a``."""
        return [
            Argument("sel", [list[int], str], optional=True, default="auto", doc=DOC_SEL),
            Argument("rcut", float, optional=True, default=6.0, doc="Cutoff radius, Å."),
            Argument("rcut_smth", float, optional=True, default=0.5, doc="Radius where the smooth switch starts, Å."),
            Argument("neuron", list[int], optional=True, default=[10, 20, 40], doc=DOC_NEURON),
            Argument(
                "axis_neuron",
                int,
                optional=True,
                default=4,
                alias=["n_axis_neuron"],
                doc="Number of columns of the second factor of the descriptor.",
            ),
            Argument(
                "activation_function",
                str,
                optional=True,
                default="tanh",
                doc="Activation function of the embedding network.",
            ),
            Argument(
                "resnet_dt",
                bool,
                optional=True,
                default=False,
                doc="Scale the layers that have a skip connection by trainable time steps.",
            ),
            Argument(
                "type_one_side",
                bool,
                optional=True,
                default=False,
                doc="One embedding network per neighbour type, instead of one per pair of types.",
            ),
            Argument(
                "precision",
                str,
                optional=True,
                default="default",
                doc="Precision of the embedding network: default, float16, float32, float64 or bfloat16.",
            ),
            Argument("trainable", bool, optional=True, default=True, doc="Whether the embedding network is trained."),
            Argument("seed", [int, None], optional=True, doc="Seed of the initial weights."),
            Argument(
                "exclude_types",
                list[list[int]],
                optional=True,
                default=[],
                doc="Pairs of types that do not see each other, e.g. [[0, 1]].",
            ),
            Argument(
                "set_davg_zero",
                bool,
                optional=True,
                default=False,
                doc="Keep the mean of the environment matrix zero; needed together with atom_ener.",
            ),
        ]

    @property
    def rcut(self) -> float:
        """Cutoff, Å."""
        return self._rcut

    @property
    def nnei(self) -> int:
        """Number of neighbour slots of an atom."""
        return sum(self.sel)

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M times M_2."""
        return self.neuron[-1] * self.axis_neuron

    def environments(self, suffix: str = "") -> list[Environment]:
        """The one environment matrix of this descriptor."""
        return [
            Environment(
                f"descrpt_attr{suffix}", self.rcut, self.rcut_smth, self.sel, self.exclude_types, self.set_davg_zero
            )
        ]

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; local atoms are sorted by type."""
        env, neighbors = self._environment(ctx, inputs)
        x = self._one_side(ctx, neighbors) if self.type_one_side else self._two_side(ctx, inputs, neighbors)
        x = x / self.nnei  # [nf*nloc, 4, M]
        value = tf.matmul(x, x[:, :, : self.axis_neuron], transpose_a=True)  # [nf*nloc, M, M2]
        value = tf.cast(tf.reshape(value, [-1, inputs.nloc, self.dim_out]), ctx.interface)
        rotation = tf.transpose(x[:, 1:4, :], [0, 2, 1])  # [nf*nloc, M, 3]
        rotation = tf.cast(tf.reshape(rotation, [-1, inputs.nloc, self.neuron[-1] * 3]), ctx.interface)
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env], rotation)

    def _environment(self, ctx, inputs) -> tuple[EnvironmentTensors, Neighbors]:
        scope = f"descrpt_attr{ctx.suffix}"
        width = 4 * self.nnei
        ctx.constant(self.rcut, f"{scope}/rcut", ctx.interface)
        ctx.constant(self.ntypes, f"{scope}/ntypes", tf.int32)
        ctx.constant(width, f"{scope}/ndescrpt", tf.int32)
        ctx.constant(self.sel, f"{scope}/sel", tf.int32)
        ctx.constant(self.sel, f"{scope}/original_sel", tf.int32)
        shape, dtype = (self.ntypes, width), ctx.interface.name
        davg = ctx.weights.get(f"{scope}/t_avg", shape, dtype, None, trainable=False)
        dstd = ctx.weights.get(f"{scope}/t_std", shape, dtype, None, trainable=False)
        env = ctx.primitives.env_mat_a(
            inputs.coord,
            inputs.type,
            inputs.natoms,
            inputs.box,
            inputs.mesh,
            davg,
            dstd,
            rcut=self.rcut,
            rcut_smth=self.rcut_smth,
            sel=self.sel,
        )
        tensors = EnvironmentTensors(
            ctx.output(tf.reshape(env.descrpt, [-1, width]), "o_rmat"),
            ctx.output(env.deriv, "o_rmat_deriv"),
            ctx.output(env.rij, "o_rij"),
            ctx.output(env.nlist, "o_nlist"),
            self.nnei,
        )
        uniform = self._empty_slots_alike(ctx.weights.values, scope)
        return tensors, self._neighbors(ctx, inputs, tensors, -davg / dstd, uniform)

    def _neighbors(self, ctx, inputs, env, empty, uniform: bool) -> Neighbors:
        """Rows in the precision of the network; with one-sided networks those of excluded pairs are zero.

        ``empty`` [ntypes, nnei*4] is what normalisation makes of an empty slot, by type of the centre.
        """
        rows = tf.reshape(env.rmat, [-1, self.nnei, 4])  # [nf*nloc, nnei, 4]
        # A virtual atom has all-zero rows already; type 0 only keeps the look-up inside the table.
        center = tf.maximum(tf.reshape(inputs.type[:, : inputs.nloc], [-1]), 0)  # [nf*nloc]
        empty = tf.gather(tf.reshape(empty, [self.ntypes, self.nnei, 4]), self._first_slots(), axis=1)
        if self.exclude_types and self.type_one_side:
            seen = np.array([[not self._excluded(a, b) for b in range(self.ntypes)] for a in range(self.ntypes)], float)
            rows *= tf.cast(tf.gather(np.repeat(seen, self.sel, axis=1), center), rows.dtype)[:, :, None]
            empty *= tf.cast(seen[:, :, None], empty.dtype)
        dtype = network_dtype(self.precision, ctx.interface)
        found = tf.reshape(env.nlist, [-1, self.nnei]) >= 0 if uniform else None
        return Neighbors(tf.cast(rows, dtype), found, tf.cast(tf.gather(empty, center), dtype))

    def _one_side(self, ctx, neighbors: Neighbors):
        """Networks by neighbour type, applied to all central atoms at once -> [nf*nloc, 4, M]."""
        scope, seeds = f"filter_type_all{ctx.suffix}", Seeds(self.seed)
        return self._sum_blocks(ctx, neighbors, range(self.ntypes), scope, seeds)

    def _two_side(self, ctx, inputs, neighbors: Neighbors):
        """Networks by pair of types, applied to each block of central atoms -> [nf*nloc, 4, M]."""
        seeds = Seeds(self.seed)
        blocks = []
        for ti, block in enumerate(neighbors.by_center(inputs)):
            seen = [tj for tj in range(self.ntypes) if not self._excluded(ti, tj)]
            x = self._sum_blocks(ctx, block, seen, f"filter_type_{ti}{ctx.suffix}", seeds)
            blocks.append(tf.reshape(x, [inputs.nframes, inputs.natoms[2 + ti], 4 * self.neuron[-1]]))
        return tf.reshape(tf.concat(blocks, axis=1), [-1, 4, self.neuron[-1]])

    def _sum_blocks(self, ctx, neighbors: Neighbors, types, scope: str, seeds: Seeds):
        """Sum of environment row times features over the slots of the given neighbour types -> [n, 4, M]."""
        blocks = neighbors.by_neighbor(self.sel)
        parts = [
            ctx.primitives.contract(self._net(ctx, scope, f"_{tj}", seeds), blocks[tj]) for tj in types if self.sel[tj]
        ]
        if not parts:
            return tf.zeros([tf.shape(neighbors.rows)[0], 4, self.neuron[-1]], neighbors.rows.dtype)
        return tf.add_n(parts)

    def _first_slots(self) -> np.ndarray:
        """A slot of each neighbour type; the last one for a type at the end that has none."""
        return np.minimum(np.cumsum([0, *self.sel[:-1]]), self.nnei - 1)

    def _empty_slots_alike(self, values: dict, scope: str) -> bool:
        """Whether mean and scale are the same in all slots of a neighbour type, as statistics make them."""
        edges = np.cumsum(self.sel)[:-1]
        tables = (np.reshape(values[f"{scope}/{name}"], (self.ntypes, self.nnei, 4)) for name in ("t_avg", "t_std"))
        return all((block == block[:, :1]).all() for t in tables for block in np.split(t, edges, axis=1))

    def _net(self, ctx, scope, tag, seeds):
        dtype = network_dtype(self.precision, ctx.interface)
        return embedding_net(
            ctx,
            scope,
            tag,
            self.neuron,
            self.activation_function,
            dtype,
            seeds,
            resnet_dt=self.resnet_dt,
            trainable=self.trainable,
        )

    def _excluded(self, ti: int, tj: int) -> bool:
        return (ti, tj) in self.exclude_types or (tj, ti) in self.exclude_types

    def _check(self) -> None:
        key = "model/descriptor"
        if len(self.sel) != self.ntypes:
            raise ConfigError(
                f"{key}/sel: expected {self.ntypes} numbers, one per type, found {len(self.sel)}: {self.sel}"
            )
        if min(self.sel) < 0 or not sum(self.sel):
            raise ConfigError(f"{key}/sel: expected numbers >= 0 that are not all 0, found {self.sel}")
        if not 0.0 <= self.rcut_smth < self.rcut:
            raise ConfigError(
                f"{key}/rcut_smth: expected a number from 0 to below rcut = {self.rcut}, found {self.rcut_smth}"
            )
        if not self.neuron or min(self.neuron) < 1:
            raise ConfigError(f"{key}/neuron: expected a list of widths >= 1, found {self.neuron}")
        if not 1 <= self.axis_neuron <= self.neuron[-1]:
            raise ConfigError(
                f"{key}/axis_neuron: expected 1 to {self.neuron[-1]} (last of neuron), found {self.axis_neuron}"
            )
        for pair in self.exclude_types:
            if len(pair) != 2 or not all(0 <= t < self.ntypes for t in pair):
                raise ConfigError(
                    f"{key}/exclude_types: expected pairs of types below {self.ntypes}, found {list(pair)}"
                )
        activation(self.activation_function)
        network_dtype(self.precision, np.dtype(np.float64))


DOC_SEL = (
    "Neighbour slots per type: a list with one number per type, or 'auto' or 'auto:FACTOR', which takes the largest "
    "number of neighbours found in the training data times FACTOR (1.1), rounded up to a multiple of 4."
)
DOC_NEURON = "Widths of the layers of the embedding network. Layers of equal or doubled width get a skip connection."
