"""The attention of DPA-1 as classes: for use without an input file, and exchanged as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.attention import Gate, attend_slots, residual_norm_by_layers
from deepmd_tf.nn.dialect import DIALECTS
from deepmd_tf.nn.records import LayerRecord, child, dtype_name, opened
from deepmd_tf.ops.session import evaluate
from deepmd_tf.registry import did_you_mean
from deepmd_tf.tf1 import tf

# What a dictionary of a layer tells of it beside its weights.
_SHARED = ("nnei", "embed_dim", "hidden_dim", "dotr", "do_mask", "scaling_factor", "normalize", "temperature")


class _Attention:
    """What the three classes have in common: a check of their settings, and how their graph is run on arrays."""

    def _check(self) -> None:
        name = type(self).__name__
        if self.do_mask:
            raise ConfigError(f"{name}: do_mask = True is not supported: deepmd-kit's reference takes and ignores it")
        if self.dialect not in DIALECTS:
            raise ConfigError(f"{name}: dialect: expected one of {', '.join(DIALECTS)}, found {self.dialect!r}")
        dtype_name(self.precision)

    def _scalars(self, *more: str) -> dict:
        return {key: getattr(self, key) for key in (*_SHARED, *more)}

    def _run(self, x, nei_mask, input_r, sw) -> np.ndarray:
        dtype, shape = dtype_name(self.precision), (-1, self.nnei)
        for what, needed, given in (("input_r", self.dotr, input_r), ("sw", self.smooth, sw)):
            if needed and given is None:
                raise ConfigError(f"{type(self).__name__}: {what} is needed")
        x = np.asarray(x, dtype).reshape(*shape, self.embed_dim)
        feeds = {
            "x": x,
            "live": np.asarray(nei_mask).reshape(shape) != 0,
            "direction": np.zeros((*x.shape[:2], 3), dtype) if input_r is None else np.asarray(input_r, dtype),
            "switch": np.ones(x.shape[:2], dtype) if sw is None else np.asarray(sw, dtype).reshape(shape),
        }
        return evaluate(self.build, feeds)


@dataclass
class GatedAttentionLayer(_Attention):
    r"""Gated self-attention among the neighbours of an atom, without what a layer adds to it.

    With queries, keys and values :math:`(q, k, v) = x W + b`, of length one each with ``normalize``, the switch s and
    the directions e,

    .. math:: A = \text{softmax}(c\, q k^T) \circ (e e^T), \qquad y = A v\, W_o + b_o,

    as :func:`deepmd_tf.nn.attention.attend_slots` has it. D. Zhang et al., arXiv 2208.08236.

    Parameters
    ----------
    nnei : int
        Slots of an atom.
    embed_dim, hidden_dim : int
        Width of features; of queries, keys and values.
    num_heads : int
        Heads of the width hidden_dim / num_heads each. Other programs run one.
    dotr : bool
        Multiply by the products of directions.
    do_mask : bool
        Only False.
    scaling_factor, temperature : float, float or None
        c = temperature, or :math:`(h\,\cdot` ``scaling_factor`` :math:`)^{-1/2}` with the width h of a head where None.
    normalize, bias, smooth : bool
        Unit rows; biases of both projections; weights that vanish with the switch.
    precision : str
        default, float16, float32 or float64.
    seed : int, list of int or None
        Of the initial weights: the same seed gives deepmd-kit's reference the same bits.
    trainable : bool
    dialect : {"reference", "tensorflow"}

    Raises
    ------
    ConfigError
        A value does not fit.
    """

    nnei: int
    embed_dim: int
    hidden_dim: int
    num_heads: int = 1
    dotr: bool = False
    do_mask: bool = False
    scaling_factor: float = 1.0
    normalize: bool = True
    temperature: float | None = None
    bias: bool = True
    smooth: bool = True
    precision: str = "float64"
    seed: int | list[int] | None = None
    trainable: bool = True
    dialect: str = "reference"
    in_proj: LayerRecord = field(init=False, repr=False)
    out_proj: LayerRecord = field(init=False, repr=False)

    def __post_init__(self):
        self._check()
        if self.num_heads < 1 or self.hidden_dim % self.num_heads:
            raise ConfigError(
                f"GatedAttentionLayer: num_heads: expected a divisor of hidden_dim = {self.hidden_dim}, "
                f"found {self.num_heads}"
            )
        settings = dict(bias=self.bias, precision=dtype_name(self.precision), trainable=self.trainable)
        self.in_proj = LayerRecord.drawn(self.embed_dim, 3 * self.hidden_dim, child(self.seed, 0), **settings)
        self.out_proj = LayerRecord.drawn(self.hidden_dim, self.embed_dim, child(self.seed, 1), **settings)

    @property
    def _gate(self) -> Gate:
        dialect = DIALECTS[self.dialect]
        return Gate(
            scale=dialect.scale(self.hidden_dim // self.num_heads, self.scaling_factor, self.temperature),
            normalize=self.normalize, floor=dialect.norm_floor, angular=self.dotr, smooth=self.smooth,
            off_diagonal=False,
        )  # fmt: skip

    def build(self, x, *, live, direction, switch):
        """Add the layer to a graph: features [n, nnei, embed_dim] -> [n, nnei, embed_dim].

        ``live`` [n, nnei], ``direction`` [n, nnei, 3], ``switch`` [n, nnei] as of the slots of
        :mod:`deepmd_tf.nn.mixed`.
        """
        parts = zip(*(tf.split(part, self.num_heads, axis=2) for part in tf.split(_linear(self.in_proj, x), 3, axis=2)))
        seen = [attend_slots(*head, direction, switch, live, self._gate) for head in parts]
        return _linear(self.out_proj, tf.concat(seen, axis=2))

    def evaluate(self, query, nei_mask, input_r=None, sw=None) -> np.ndarray:
        """Run the layer.

        Parameters
        ----------
        query : array [n, nnei, embed_dim]
        nei_mask : array [n, nnei]
            Whether a slot holds a neighbour.
        input_r : array [n, nnei, 3]
            Directions, taken as they are; needed with ``dotr``.
        sw : array [n, nnei] or [n, nnei, 1]
            Switches, 0 in empty slots; needed with ``smooth``.

        Returns
        -------
        array [n, nnei, embed_dim]
        """
        return self._run(query, nei_mask, input_r, sw)

    def serialize(self) -> dict:
        """The layer as a dictionary of deepmd-kit's layout."""
        return {
            **self._scalars("num_heads", "bias", "smooth", "precision"),
            "in_proj": self.in_proj.serialize(),
            "out_proj": self.out_proj.serialize(),
        }

    @classmethod
    def deserialize(cls, data: Mapping, dialect: str = "reference") -> GatedAttentionLayer:
        """The layer of a dictionary.

        Raises
        ------
        ModelFormatError
            A key is missing or not known, or a version is not read.
        """
        found = opened(data, cls.__name__, ["in_proj", "out_proj"], 1)
        layers = [LayerRecord.deserialize(found.pop(name)) for name in ("in_proj", "out_proj")]
        layer = made(cls, found, dialect)
        layer.in_proj, layer.out_proj = layers
        layer.trainable = layer.in_proj.trainable
        return layer


@dataclass
class NeighborGatedAttentionLayer(_Attention):
    r"""A :class:`GatedAttentionLayer`, its result added to the features, and layer normalisation:
    :math:`\text{LN}(x + A(x))`.

    Parameters as of the attention; ``trainable_ln`` and ``ln_eps`` (1e-5 where None) are of the normalisation.
    """

    nnei: int
    embed_dim: int
    hidden_dim: int
    dotr: bool = False
    do_mask: bool = False
    scaling_factor: float = 1.0
    normalize: bool = True
    temperature: float | None = None
    trainable_ln: bool = True
    ln_eps: float | None = 1e-5
    smooth: bool = True
    precision: str = "float64"
    seed: int | list[int] | None = None
    trainable: bool = True
    dialect: str = "reference"
    attention_layer: GatedAttentionLayer = field(init=False, repr=False)
    gamma: np.ndarray = field(init=False, repr=False)
    beta: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        self._check()
        if self.ln_eps is None:
            self.ln_eps = DIALECTS[self.dialect].ln_eps
        self.eps = self.ln_eps
        self.attention_layer = GatedAttentionLayer(
            **self._scalars("smooth", "precision", "trainable", "dialect"), seed=child(self.seed, 0)
        )
        dtype = dtype_name(self.precision)
        self.gamma, self.beta = np.ones(self.embed_dim, dtype), np.zeros(self.embed_dim, dtype)

    def build(self, x, **slots):
        """Add the layer to a graph, see :meth:`GatedAttentionLayer.build`."""
        rows = lambda y: tf.reshape(y, [-1, self.embed_dim])  # noqa: E731
        seen = self.attention_layer.build(x, **slots)
        return tf.reshape(residual_norm_by_layers(rows(x), rows(seen), self.gamma, self.beta, self.eps), tf.shape(x))

    def evaluate(self, x, nei_mask, input_r=None, sw=None) -> np.ndarray:
        """Run the layer; parameters as :meth:`GatedAttentionLayer.evaluate`: -> [n, nnei, embed_dim]."""
        return self._run(x, nei_mask, input_r, sw)

    def serialize(self) -> dict:
        """The layer as a dictionary of deepmd-kit's layout."""
        norm = {
            "@class": "LayerNorm", "@version": 1, "eps": self.eps, "trainable": self.trainable_ln,
            "precision": dtype_name(self.precision), "@variables": {"w": self.gamma, "b": self.beta},
        }  # fmt: skip
        return {
            **self._scalars("trainable_ln", "ln_eps", "precision"),
            "attention_layer": self.attention_layer.serialize(),
            "attn_layer_norm": norm,
        }

    @classmethod
    def deserialize(cls, data: Mapping, dialect: str = "reference") -> NeighborGatedAttentionLayer:
        """The layer of a dictionary; errors as :meth:`GatedAttentionLayer.deserialize`."""
        found = opened(data, cls.__name__, ["attention_layer", "attn_layer_norm"], 1)
        inner = GatedAttentionLayer.deserialize(found.pop("attention_layer"), dialect)
        norm = opened(found.pop("attn_layer_norm"), "LayerNorm", ["@variables"], 1)
        layer = made(cls, found, dialect, smooth=inner.smooth, trainable=inner.trainable)
        layer.attention_layer = inner
        layer.gamma, layer.beta, layer.eps = norm["@variables"]["w"], norm["@variables"]["b"], norm["eps"]
        return layer


@dataclass
class NeighborGatedAttention(_Attention):
    """Several :class:`NeighborGatedAttentionLayer`, one after the other; parameters as of these.

    Parameters
    ----------
    layer_num : int
        How many.
    """

    layer_num: int
    nnei: int
    embed_dim: int
    hidden_dim: int
    dotr: bool = False
    do_mask: bool = False
    scaling_factor: float = 1.0
    normalize: bool = True
    temperature: float | None = None
    trainable_ln: bool = True
    ln_eps: float | None = 1e-5
    smooth: bool = True
    precision: str = "float64"
    seed: int | list[int] | None = None
    trainable: bool = True
    dialect: str = "reference"
    attention_layers: list[NeighborGatedAttentionLayer] = field(init=False, repr=False)

    def __post_init__(self):
        self._check()
        if self.ln_eps is None:
            self.ln_eps = DIALECTS[self.dialect].ln_eps
        settings = self._scalars("trainable_ln", "ln_eps", "smooth", "precision", "trainable", "dialect")
        self.attention_layers = [
            NeighborGatedAttentionLayer(**settings, seed=child(self.seed, k)) for k in range(self.layer_num)
        ]

    def build(self, x, **slots):
        """Add the layers to a graph, see :meth:`GatedAttentionLayer.build`."""
        for layer in self.attention_layers:
            x = layer.build(x, **slots)
        return x

    def evaluate(self, input_G, nei_mask, input_r=None, sw=None) -> np.ndarray:
        """Run all layers; parameters as :meth:`GatedAttentionLayer.evaluate`: -> [n, nnei, embed_dim]."""
        return self._run(input_G, nei_mask, input_r, sw)

    def serialize(self) -> dict:
        """The layers as a dictionary of deepmd-kit's layout."""
        return {
            "@class": "NeighborGatedAttention",
            "@version": 1,
            "layer_num": self.layer_num,
            **self._scalars("trainable_ln", "ln_eps", "precision"),
            "attention_layers": [layer.serialize() for layer in self.attention_layers],
        }

    @classmethod
    def deserialize(cls, data: Mapping, dialect: str = "reference") -> NeighborGatedAttention:
        """The layers of a dictionary; errors as :meth:`GatedAttentionLayer.deserialize`."""
        found = opened(data, cls.__name__, ["attention_layers", "layer_num"], 1, None)
        found.pop("@class", None)
        layers = [NeighborGatedAttentionLayer.deserialize(one, dialect) for one in found.pop("attention_layers")]
        layer_num = found.pop("layer_num")
        attention = made(cls, {**found, "layer_num": 0}, dialect)
        if layers:
            attention.smooth, attention.trainable = layers[0].smooth, layers[0].trainable
        attention.layer_num, attention.attention_layers = layer_num, layers
        return attention


def _linear(layer: LayerRecord, x):
    """The layer of rows [n, nnei, n_in], which has neither activation function nor skip: -> [n, nnei, n_out]."""
    y = tf.tensordot(x, tf.constant(layer.w), 1)
    return y if layer.b is None else y + layer.b


def made(cls, given: Mapping, dialect: str, **more):
    """A class made from the entries of a dictionary.

    Raises
    ------
    ModelFormatError
        An entry is no parameter of the class, or one that it needs is missing.
    """
    known = [one.name for one in fields(cls) if one.init]
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ModelFormatError(f"{cls.__name__}: unknown key {', '.join(unknown)}", did_you_mean(unknown[0], known))
    try:
        return cls(**{**more, **given}, dialect=dialect)
    except TypeError as error:
        raise ModelFormatError(f"{cls.__name__}: {error}") from error
