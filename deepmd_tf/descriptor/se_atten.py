"""Attention descriptor for many types, DPA-1 (``se_atten``, ``dpa1``)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from numbers import Integral

import numpy as np
from dargs import Argument

from deepmd_tf.config.arguments import in_range, one_of, optional
from deepmd_tf.descriptor.base import (
    KEY,
    Descriptor,
    DescriptorOutput,
    Environment,
    EnvironmentTensors,
    describe,
    descriptors,
)
from deepmd_tf.descriptor.embedded import KEYS, argument, check_axis_neuron, check_neuron, check_pairs, check_radii
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.attention import Gate, attention_layers, unit
from deepmd_tf.nn.dialect import TENSORFLOW
from deepmd_tf.nn.mixed import EmptySlots, MixedNeighbors
from deepmd_tf.nn.typed import Telling, TypedEmbedding
from deepmd_tf.precision import network_dtype
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf


@descriptors.register("se_atten", "dpa1")
@dataclass
class DescrptSeAtten(Descriptor):
    r"""Two-body embedding that is told the types, refined by self-attention among the neighbours (DPA-1).

    With the rows :math:`R_i` [nnei, 4] of the environment matrix, neighbours of all types in one list, :math:`s_{ij}`
    the first number of a row and :math:`v_t` the vectors of the types,

    .. math::
        G_{ij} = N(s_{ij}, v_{t_j}, v_{t_i}) \quad\text{(concat)}, \qquad
        G_{ij} = N(s_{ij})\,(1 + N'(v_{t_j}, v_{t_i})) \quad\text{(strip)},

    .. math::
        \hat G_i = \text{attention layers}(G_i), \qquad X_i = \frac{1}{n_\text{nei}} R_i^T \hat G_i, \qquad
        D_i = X_i^T X_i^{<}.

    D. Zhang et al., arXiv 2208.08236; layers as in :class:`~deepmd_tf.nn.attention.AttentionLayer`.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    sel : int or list of int
        Neighbour slots of all types together, :math:`n_\text{nei}`; a list is summed.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    neuron : list of int
        Widths of the embedding networks, the last one is M.
    axis_neuron : int
        Number of columns of the second factor.
    tebd_dim : int
        Width of the vectors of the types, where the model has no section ``type_embedding``.
    tebd_input_mode : {"concat", "strip"}
    stripped_type_embedding : bool or None
        Older form of ``tebd_input_mode``, before which it goes.
    attn, attn_layer : int
        Width of queries, keys and values; number of layers.
    key : str
        Where the section stands in the input file, for messages.

    The others are told by :meth:`arguments`.

    Raises
    ------
    ConfigError
        A value does not fit, named by its key.
    """

    mixed_types = True
    one_list = True

    ntypes: int
    _: KW_ONLY
    sel: int | list[int]
    rcut: float = 6.0
    rcut_smth: float = 0.5
    neuron: tuple[int, ...] = (10, 20, 40)
    axis_neuron: int = 4
    activation_function: str = "tanh"
    resnet_dt: bool = False
    type_one_side: bool = False
    precision: str = "default"
    trainable: bool = True
    seed: int | None = None
    exclude_types: tuple = ()
    set_davg_zero: bool = True
    tebd_dim: int = 8
    tebd_input_mode: str = "concat"
    stripped_type_embedding: bool | None = None
    smooth_type_embedding: bool = False
    use_econf_tebd: bool = False
    use_tebd_bias: bool = False
    concat_output_tebd: bool = True
    attn: int = 128
    attn_layer: int = 2
    attn_dotr: bool = True
    attn_mask: bool = False
    normalize: bool = True
    temperature: float | None = None
    trainable_ln: bool = True
    ln_eps: float | None = None
    key: str = KEY

    def __post_init__(self):
        given = self.sel if isinstance(self.sel, (list, tuple)) else [self.sel]
        if not all(isinstance(n, Integral) and not isinstance(n, bool) for n in given) or sum(given) < 1:
            raise ConfigError(
                f"{self.key}/sel: expected a number >= 1, of the neighbours of all types together, found {self.sel}"
            )
        self.nnei = int(sum(given))
        older = self.stripped_type_embedding
        self.strip = self.tebd_input_mode == "strip" if older is None else older
        self._check()

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_atten``."""
        shared = ("rcut", "rcut_smth", "neuron", "activation_function", "resnet_dt", "precision", "trainable", "seed",
                  "exclude_types")  # fmt: skip
        _, _, doc = KEYS["set_davg_zero"]
        zero = optional("set_davg_zero", bool, cls.set_davg_zero, doc)
        return [SEL, *map(argument, shared), zero, *NETWORK_KEYS, *TYPE_KEYS, *ATTENTION_KEYS]

    @classmethod
    def jumps(cls, section: dict) -> str:
        """Attention shares its weights among the neighbours that there are, whatever their distance."""
        smooth = section.get("smooth_type_embedding", cls.smooth_type_embedding)
        if smooth or not section.get("attn_layer", cls.attn_layer):
            return ""
        return "attention without smooth_type_embedding lets energies jump where a neighbour crosses the cutoff"

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M times M_2."""
        return self.neuron[-1] * self.axis_neuron

    @property
    def type_vectors(self) -> dict:
        """Settings of the vectors of the types, where the model has none of its own."""
        return dict(
            neuron=[self.tebd_dim], activation_function="none", use_econf_tebd=self.use_econf_tebd,
            use_tebd_bias=self.use_tebd_bias, precision=self.precision, trainable=self.trainable, seed=self.seed,
        )  # fmt: skip

    def environments(self, suffix: str = "") -> list[Environment]:
        """The one environment matrix."""
        spec = EnvSpec(
            self.rcut, self.rcut_smth, (self.nnei,), self.ntypes, tuple(map(tuple, self.exclude_types)),
            self.set_davg_zero,
        )  # fmt: skip
        return [Environment(f"descrpt_attr{suffix}", spec)]

    def attributes(self) -> dict:
        """Sizes that readers of a model file look up below ``descrpt_attr``."""
        return {"ntypes": self.ntypes, "ndescrpt": 4 * self.nnei, "sel": [self.nnei], "original_sel": [self.nnei]}

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; ``ctx.type_vectors`` are given."""
        env, neighbors = self._neighbors(ctx, inputs)
        slots = ctx.primitives.mixed_slots(neighbors)
        x = self._sums(ctx, self._embedding(ctx), slots) / self.nnei  # [n, 4, M]
        value = ctx.primitives.gram(x, self.axis_neuron)
        value = tf.cast(tf.reshape(value, [-1, inputs.nloc, self.dim_out]), ctx.interface)
        rotation = tf.transpose(x[:, 1:4, :], [0, 2, 1])  # [n, M, 3]
        rotation = tf.cast(tf.reshape(rotation, [-1, inputs.nloc, self.neuron[-1] * 3]), ctx.interface)
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [env], rotation)

    def _sums(self, ctx, embedding, slots):
        """Rows times features, refined by attention, summed over the rows of an atom: [n, 4, M]."""
        if not self.attn_layer:
            return ctx.primitives.typed_sum(embedding, slots)
        features, gate = ctx.primitives.typed_features(embedding, slots), self._gate()
        for layer in self._layers(ctx):
            features = layer(features, gate)
        return slots.outer(features.value)

    def _embedding(self, ctx) -> TypedEmbedding:
        """The networks that make the features of the rows before attention."""
        (environment,) = self.environments(ctx.suffix)
        one_side = self._strips_one_side(ctx) if self.strip else self.type_one_side
        settings = dict(
            neuron=list(self.neuron), activation_function=self.activation_function,
            dtype=network_dtype(self.precision, ctx.interface), resnet_dt=self.resnet_dt, trainable=self.trainable,
        )  # fmt: skip
        telling = Telling(self.strip, one_side, self.smooth_type_embedding)
        return TypedEmbedding(ctx, environment.scope, environment.spec, telling, settings, self.seed)

    def _strips_one_side(self, ctx) -> bool:
        """Other programs of this dialect evaluate the network of both types whatever ``type_one_side`` says."""
        return self.type_one_side and f"filter_type_all{ctx.suffix}/matrix_1_two_side_ebd" not in ctx.weights.values

    def _layers(self, ctx) -> list:
        return attention_layers(
            ctx, self.attn_layer, self.neuron[-1], self.attn, network_dtype(self.precision, ctx.interface), self.seed,
            eps=TENSORFLOW.ln_eps if self.ln_eps is None else self.ln_eps, trainable=self.trainable,
            trainable_norm=self.trainable_ln,
        )  # fmt: skip

    def _gate(self) -> Gate:
        return Gate(
            scale=1.0 if self.temperature is None else self.temperature, normalize=self.normalize,
            floor=TENSORFLOW.norm_floor, angular=self.attn_dotr, smooth=self.smooth_type_embedding,
            off_diagonal=self.attn_mask,
        )  # fmt: skip

    def _neighbors(self, ctx, inputs) -> tuple[EnvironmentTensors, MixedNeighbors]:
        """The environment matrix, and what the networks see of it."""
        scope, width, dtype = f"descrpt_attr{ctx.suffix}", 4 * self.nnei, ctx.interface.name
        describe(ctx, scope, self.rcut, self.attributes())
        mean, scale = (
            ctx.weights.get(f"{scope}/{name}", (self.ntypes, width), dtype, None, trainable=False)
            for name in ("t_avg", "t_std")
        )
        env = ctx.primitives.env_mat_mixed(
            inputs.coord, inputs.type, inputs.natoms, inputs.box, inputs.mesh, mean, scale,
            rcut=self.rcut, rcut_smth=self.rcut_smth, nsel=self.nnei,
        )  # fmt: skip
        tensors = EnvironmentTensors.named(ctx, env, self.nnei)
        rows = tf.reshape(tensors.rmat, [-1, self.nnei, 4])
        center = tf.clip_by_value(tf.reshape(inputs.type[:, : inputs.nloc], [-1]), 0, self.ntypes - 1)
        neighbor, live = (tf.reshape(x, [-1, self.nnei]) for x in (env.ntype, env.nmask))
        live, seen = self._seen(live, center, neighbor)
        switch = self._switch(rows, center, mean, scale) * tf.cast(live, rows.dtype)
        if seen is not None:
            rows = tf.where(tf.tile(seen[:, :, None], [1, 1, 4]), rows, self._excluded_row(mean, center, rows))
        cast = lambda x: tf.cast(x, tf.as_dtype(network_dtype(self.precision, ctx.interface)))  # noqa: E731
        direction = unit(rows[:, :, 1:], TENSORFLOW.floor)
        empty = self._empty_slots(ctx, -mean / scale, center, env, cast)
        return tensors, MixedNeighbors(cast(rows), live, neighbor, center, cast(switch), cast(direction), empty)

    def _empty_slots(self, ctx, row, center, env, cast) -> EmptySlots | None:
        """``row`` [ntypes, nnei*4] is what normalisation makes of an empty slot."""
        (environment,) = self.environments(ctx.suffix)
        mean, scale = (
            np.reshape(ctx.weights.values[f"{environment.scope}/{name}"], (self.ntypes, self.nnei, 4))
            for name in ("t_avg", "t_std")
        )
        if not mean.any():
            return None
        found = tf.reduce_sum(tf.cast(tf.reshape(env.nmask, [-1, self.nnei]), row.dtype), axis=1)
        excluded_count = self.exclude_types and TENSORFLOW.excluded_rows_are_mean and self.smooth_type_embedding
        alike = (mean == mean[:, :1]).all() and (scale == scale[:, :1]).all() and not excluded_count
        padding = tf.fill(tf.shape(center), self.ntypes)
        return EmptySlots(cast(tf.gather(row[:, :4], center)), padding, cast(self.nnei - found), bool(alike))

    def _seen(self, live, center, neighbor):
        """Which slots hold a neighbour that is seen; and which are not of an excluded pair, None if none is."""
        if not self.exclude_types:
            return live, None
        seen = np.ones((self.ntypes, self.ntypes + 1), bool)
        for a, b in self.exclude_types:
            seen[a, b] = seen[b, a] = False
        seen = tf.gather_nd(seen, tf.stack([tf.broadcast_to(center[:, None], tf.shape(neighbor)), neighbor], axis=2))
        return tf.logical_and(live, seen), seen

    def _excluded_row(self, mean, center, rows):
        """What stands in the slots of excluded pairs: zeros, or what other programs of the dialect make of them."""
        if not (TENSORFLOW.excluded_rows_are_mean and self.smooth_type_embedding):
            return tf.zeros_like(rows)
        return tf.zeros_like(rows) + tf.gather(mean[:, 0], center)[:, None, None]

    def _switch(self, rows, center, mean, scale):
        """From 1 to 0 at the cutoff, of s(r) as it is before normalisation: [n, nnei]."""
        mean, scale = (tf.gather(tf.reshape(x, [self.ntypes, self.nnei, 4])[:, :, 0], center) for x in (mean, scale))
        inside = 1.0 - self.rcut_smth * (rows[:, :, 0] * scale + mean)
        return tf.clip_by_value(1.0 - inside**3, 0.0, 1.0)

    def _check(self) -> None:
        check_radii(self.rcut, self.rcut_smth, self.key)
        check_neuron(self.neuron, self.key)
        check_axis_neuron(self.axis_neuron, self.neuron, self.key)
        check_pairs(self.exclude_types, self.ntypes, self.key)
        activation(self.activation_function)
        network_dtype(self.precision, np.dtype(np.float64))


SEL = optional(
    "sel", [int, list[int], str], "auto",
    "Neighbour slots of all types together: a number, a list whose sum counts, or 'auto' or 'auto:FACTOR', which takes "
    "the largest number of neighbours found in the training data times FACTOR (1.1), rounded up to a multiple of 4.",
)  # fmt: skip
NETWORK_KEYS = (
    optional("axis_neuron", int, 4, "Number of columns of the second factor of the descriptor.",
             alias=["n_axis_neuron"]),
    optional("type_one_side", bool, False, "The embedding is told the type of the neighbour alone."),
)  # fmt: skip
TYPE_KEYS = (
    optional("tebd_dim", int, 8, "Width of the vectors of the types, unless the model has a section type_embedding.",
             extra_check=in_range(1)),
    optional("tebd_input_mode", str, "concat", "How the embedding is told the types: 'concat', beside s(r); 'strip', "
             "by a network of their own whose features multiply those of s(r).", extra_check=one_of("concat", "strip")),
    optional("stripped_type_embedding", [bool, None], None, "Older form of tebd_input_mode: true for 'strip'."),
    optional("smooth_type_embedding", bool, False, "Let attention, and what 'strip' multiplies by, vanish smoothly at "
             "the cutoff.", alias=["smooth_type_embdding"]),
    optional("use_econf_tebd", bool, False, "Start the vectors of the types from electron configurations, unless the "
             "model has a section type_embedding."),
    optional("use_tebd_bias", bool, False, "Whether the vectors of the types have a bias, unless the model has a "
             "section type_embedding."),
    optional("concat_output_tebd", bool, True, "Tell the fitting the type of the atom beside its features."),
)  # fmt: skip
ATTENTION_KEYS = (
    optional("attn", int, 128, "Width of queries, keys and values.", extra_check=in_range(1)),
    optional("attn_layer", int, 2, "Number of attention layers.", extra_check=in_range(0)),
    optional("attn_dotr", bool, True, "Multiply the weights of two neighbours by the cosine of their angle."),
    optional("attn_mask", bool, False, "Leave out the weight of a neighbour for itself."),
    optional("normalize", bool, True, "Bring queries, keys and values to length one."),
    Argument("temperature", float, optional=True, doc="Factor of the products of queries and keys; 1 by default."),
    optional("trainable_ln", bool, True, "Whether scale and shift of the layer normalisation are trained."),
    optional("ln_eps", [float, None], None, "Added to the variance in the layer normalisation; 1e-3 by default."),
)  # fmt: skip
