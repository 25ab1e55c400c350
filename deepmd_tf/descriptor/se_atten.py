"""Attention descriptor for many types, DPA-1 (``se_atten``, ``dpa1``)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from numbers import Integral

import numpy as np
from dargs import Argument

from deepmd_tf.config.arguments import optional
from deepmd_tf.descriptor.atten_keys import ATTENTION_KEYS, NETWORK_KEYS, OWN, SEL, TYPE_KEYS
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
from deepmd_tf.descriptor.mixed_env import MixedEnvironment
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.attention import Gate, attention_layers
from deepmd_tf.nn.dialect import DEFAULT, DIALECTS, NODE
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
    dialect : {"tensorflow", "reference"}
        Which of the two readings of these equations holds, see :mod:`deepmd_tf.nn.dialect`.
    first_atom_pads : bool
        Whether empty slots have the type of the first atom, as dictionaries of deepmd-kit's reference have them; a
        defect, which files that exist may need, and which is no key of the input file.
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
    env_protection: float = 0.0
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
    scaling_factor: float = 1.0
    temperature: float | None = None
    trainable_ln: bool = True
    ln_eps: float | None = None
    dialect: str = DEFAULT
    first_atom_pads: bool = False
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
        self.reading = replace(DIALECTS[self.dialect], first_atom_pads=self.first_atom_pads)
        self._check()

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_atten``."""
        shared = ("rcut", "rcut_smth", "neuron", "activation_function", "resnet_dt", "precision", "trainable", "seed",
                  "exclude_types")  # fmt: skip
        _, _, doc = KEYS["set_davg_zero"]
        zero = optional("set_davg_zero", bool, cls.set_davg_zero, doc)
        return [SEL, *map(argument, shared), zero, *NETWORK_KEYS, *TYPE_KEYS, *ATTENTION_KEYS, OWN]

    @classmethod
    def jumps(cls, section: dict) -> str:
        """Attention shares its weights among the neighbours that there are, whatever their distance."""
        smooth = section.get("smooth_type_embedding", cls.smooth_type_embedding)
        if smooth or not section.get("attn_layer", cls.attn_layer):
            return ""
        return "attention without smooth_type_embedding lets energies jump where a neighbour crosses the cutoff"

    @classmethod
    def turns(cls, section: dict) -> str:
        """A quirk of the TensorFlow dialect, for models that exist: the direction of an excluded pair is a mean."""
        value = lambda key: section.get(key, getattr(cls, key))  # noqa: E731
        mean = value("smooth_type_embedding") and value("exclude_types") and not value("set_davg_zero")
        if not mean or not DIALECTS[value("dialect")].excluded_rows_are_mean:
            return ""
        return (
            "exclude_types with smooth_type_embedding and without set_davg_zero: energies change when the structure is "
            "rotated, as in deepmd-kit; set set_davg_zero to true, or dialect to 'reference'"
        )

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
            self.set_davg_zero, env_protection=self.env_protection,
        )  # fmt: skip
        return [Environment(f"descrpt_attr{suffix}", spec)]

    def attributes(self) -> dict:
        """Sizes that readers of a model file look up below ``descrpt_attr``."""
        return {"ntypes": self.ntypes, "ndescrpt": 4 * self.nnei, "sel": [self.nnei], "original_sel": [self.nnei]}

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; ``ctx.type_vectors`` are given."""
        scope = f"descrpt_attr{ctx.suffix}"
        describe(ctx, scope, self.rcut, self.attributes())
        if self.dialect != DEFAULT:
            ctx.constant(self.dialect, f"{scope}/{NODE}", tf.string)
        env, neighbors = self.environment(ctx.suffix).see(ctx, inputs, network_dtype(self.precision, ctx.interface))
        slots = ctx.primitives.mixed_slots(neighbors)
        sums = self._sums(ctx, self.embedding(ctx), slots)
        return self.output(ctx, inputs, env, sums)

    def output(self, ctx, inputs, env: EnvironmentTensors, sums) -> DescriptorOutput:
        """The descriptor of the sums over the rows of an atom, [n, 4, M]."""
        x = sums / self.nnei
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

    def embedding(self, ctx) -> TypedEmbedding:
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
            eps=self.reading.ln_eps if self.ln_eps is None else self.ln_eps, trainable=self.trainable,
            trainable_norm=self.trainable_ln,
        )  # fmt: skip

    def _gate(self) -> Gate:
        return Gate(
            scale=self.reading.scale(self.attn, self.scaling_factor, self.temperature), normalize=self.normalize,
            floor=self.reading.norm_floor, angular=self.attn_dotr, smooth=self.smooth_type_embedding,
            off_diagonal=self.attn_mask,
        )  # fmt: skip

    def environment(self, suffix: str = "") -> MixedEnvironment:
        """What makes the environment matrix, and of it what the networks see."""
        return MixedEnvironment(
            f"descrpt_attr{suffix}", self.rcut, self.rcut_smth, self.nnei, self.ntypes, self.exclude_types,
            self.smooth_type_embedding, self.env_protection, self.reading,
        )  # fmt: skip

    def _check(self) -> None:
        check_radii(self.rcut, self.rcut_smth, self.key)
        check_neuron(self.neuron, self.key)
        check_axis_neuron(self.axis_neuron, self.neuron, self.key)
        check_pairs(self.exclude_types, self.ntypes, self.key)
        if not self.env_protection >= 0.0:
            raise ConfigError(f"{self.key}/env_protection: expected a length >= 0, Å, found {self.env_protection}")
        if self.temperature is None and not self.scaling_factor > 0.0:
            raise ConfigError(f"{self.key}/scaling_factor: expected a number > 0, found {self.scaling_factor}")
        activation(self.activation_function)
        network_dtype(self.precision, np.dtype(np.float64))
