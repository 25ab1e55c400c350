"""Networks as dictionaries of plain values and arrays, the form in which deepmd-kit's programs exchange them.

NumPy alone: what is here becomes weights of a graph by name. Layout, versions and initial values: DPA-1 specification,
3 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.registry import did_you_mean

DTYPES = {"default": "float64", "half": "float16", "single": "float32", "double": "float64"}
DTYPES |= {name: name for name in ("float16", "float32", "float64")}


def dtype_name(precision: str) -> str:
    """The dtype that a precision stands for.

    Raises
    ------
    ConfigError
        There is no such precision here.
    """
    if precision not in DTYPES:
        raise ConfigError(f"precision {precision!r} is not known", did_you_mean(precision, list(DTYPES)))
    return DTYPES[precision]


def child(seed: int | Sequence[int] | None, k: int) -> list[int] | None:
    """The seed of the k-th part of what has this seed."""
    if seed is None:
        return None
    return [k, *seed] if isinstance(seed, Sequence) else [k, seed]


def opened(data: Mapping, what: str, keys: Sequence[str], newest: int, version: int | None = 1) -> dict:
    """The entries of a dictionary but its version, after a look at that and at the keys.

    Parameters
    ----------
    keys : sequence of str
        What must be there.
    newest : int
        Versions from 1 to this are read.
    version : int or None
        What a dictionary without one has; None where it needs one.

    Raises
    ------
    ModelFormatError
        A key is missing, or the version is another.
    """
    found = data.get("@version", version)
    if found is None or not 1 <= found <= newest:
        raise ModelFormatError(f"{what}: @version: expected 1 to {newest}, found {found}")
    missing = [key for key in keys if key not in data]
    if missing:
        raise ModelFormatError(f"{what}: the dictionary has no {', '.join(missing)}")
    return {key: value for key, value in data.items() if key != "@version"}


@dataclass
class LayerRecord:
    r"""A layer :math:`y = \phi(x w + b)`, times ``idt``, plus x or (x, x) where ``resnet`` and the widths agree.

    Attributes
    ----------
    w : [n_in, n_out]
    b, idt : [n_out] or None
    activation : str
    resnet : bool
    precision : str
        Name of a dtype.
    trainable : bool
    """

    w: np.ndarray
    b: np.ndarray | None
    idt: np.ndarray | None
    activation: str = "none"
    resnet: bool = False
    precision: str = "float64"
    trainable: bool = True

    @classmethod
    def drawn(
        cls, n_in: int, n_out: int, seed, *, bias: bool = True, timestep: bool = False, **settings
    ) -> LayerRecord:
        """With initial values: N(0, 1/(n_in + n_out)) of w, N(0, 1) of b, N(0.1, 0.001²) of idt, in this order."""
        rng = np.random.default_rng(seed)
        arrays = [rng.normal(scale=1.0 / np.sqrt(n_in + n_out), size=(n_in, n_out))]
        arrays.append(rng.normal(size=n_out) if bias else None)
        skips = settings.get("resnet", False) and n_out in (n_in, 2 * n_in)
        arrays.append(rng.normal(0.1, 0.001, size=n_out) if timestep and skips else None)
        dtype = settings.get("precision", cls.precision)
        return cls(*(None if x is None else x.astype(dtype) for x in arrays), **settings)

    def serialize(self) -> dict:
        """The layer as a dictionary."""
        return {
            "@class": "Layer", "@version": 2, "bias": self.b is not None, "use_timestep": self.idt is not None,
            "activation_function": self.activation, "resnet": self.resnet, "precision": self.precision,
            "trainable": self.trainable, "@variables": {"w": self.w, "b": self.b, "idt": self.idt},
        }  # fmt: skip

    @classmethod
    def deserialize(cls, data: Mapping) -> LayerRecord:
        """The layer of a dictionary."""
        found = opened(data, "Layer", ["@variables"], 2)
        arrays = found["@variables"]
        flat = lambda name: None if arrays.get(name) is None else np.ravel(arrays[name])  # noqa: E731
        return cls(
            arrays["w"], flat("b"), flat("idt"), found.get("activation_function") or "none",
            found.get("resnet", False), found.get("precision", "float64"), found.get("trainable", True),
        )  # fmt: skip

    def __call__(self, x, phi) -> np.ndarray:
        """The output for rows [n, n_in], with the activation function ``phi``."""
        y = phi(x @ self.w + (0.0 if self.b is None else self.b))
        y = y if self.idt is None else y * self.idt
        n_in, n_out = self.w.shape
        return y + np.tile(x, n_out // n_in) if self.resnet and n_out in (n_in, 2 * n_in) else y


@dataclass
class NetRecord:
    """An embedding network: layers one after the other.

    Attributes
    ----------
    layers : list of LayerRecord
    activation : str
    resnet_dt, bias : bool
    precision : str
        Name of a dtype.
    """

    layers: list[LayerRecord]
    activation: str
    resnet_dt: bool = False
    bias: bool = True
    precision: str = "float64"

    @classmethod
    def drawn(
        cls, n_in: int, neuron: Sequence[int], seed, *, activation: str, resnet_dt: bool = False, bias: bool = True,
        precision: str = "float64", trainable: bool = True,
    ) -> NetRecord:  # fmt: skip
        """With initial values."""
        settings = dict(activation=activation, resnet=True, precision=precision, trainable=trainable)
        layers = [
            LayerRecord.drawn(a, b, child(seed, k), bias=bias, timestep=resnet_dt, **settings)
            for k, (a, b) in enumerate(zip([n_in, *neuron[:-1]], neuron))
        ]
        return cls(layers, activation, resnet_dt, bias, precision)

    def serialize(self) -> dict:
        """The network as a dictionary."""
        return {
            "@class": "EmbeddingNetwork", "@version": 2, "in_dim": self.layers[0].w.shape[0],
            "neuron": [layer.w.shape[1] for layer in self.layers], "activation_function": self.activation,
            "resnet_dt": self.resnet_dt, "bias": self.bias, "precision": self.precision,
            "layers": [layer.serialize() for layer in self.layers],
        }  # fmt: skip

    @classmethod
    def deserialize(cls, data: Mapping) -> NetRecord:
        """The network of a dictionary."""
        found = opened(data, "EmbeddingNetwork", ["layers", "activation_function"], 2)
        return cls(
            [LayerRecord.deserialize(layer) for layer in found["layers"]], found["activation_function"],
            found.get("resnet_dt", False), found.get("bias", True), found.get("precision", "float64"),
        )  # fmt: skip

    def collection(self, ntypes: int) -> dict:
        """The dictionary of a collection that holds this network for all of ``ntypes`` types."""
        return {
            "@class": "NetworkCollection", "@version": 1, "ndim": 0, "ntypes": ntypes,
            "network_type": "embedding_network", "networks": [self.serialize()],
        }  # fmt: skip

    @classmethod
    def from_collection(cls, data: Mapping) -> NetRecord:
        """The one network of a collection for all types.

        Raises
        ------
        ModelFormatError
            It has more, or networks of another kind.
        """
        found = opened(data, "NetworkCollection", ["networks"], 1)
        kind, count = found.get("network_type", "embedding_network"), len(found["networks"])
        if found.get("ndim", 0) != 0 or count != 1 or kind != "embedding_network":
            raise ModelFormatError(f"NetworkCollection: expected one embedding_network, found {count} of {kind}")
        return cls.deserialize(found["networks"][0])

    def weights(self, scope: str, tag: str = "") -> dict[str, np.ndarray]:
        """The arrays by their names in a graph (contract C.7)."""
        found = {}
        for k, layer in enumerate(self.layers, start=1):
            arrays = {"matrix": layer.w, "bias": layer.b, "idt": None if layer.idt is None else layer.idt[None]}
            found |= {f"{scope}/{kind}_{k}{tag}": x for kind, x in arrays.items() if x is not None}
        return found
