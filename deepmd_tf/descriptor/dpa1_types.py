"""The vectors of the types of a DPA-1 descriptor that is used without an input file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.electrons import WIDTH, electron_configuration
from deepmd_tf.nn.records import NetRecord, dtype_name, opened
from deepmd_tf.nn.type_map import TypeMapChange


@dataclass
class TypeVectors:
    """One linear layer of the type, as a unit vector or as the electron configuration of its element.

    Attributes
    ----------
    ntypes, width : int
        Types; numbers in a vector.
    use_econf_tebd, use_tebd_bias : bool
        Start from electron configurations; whether the layer has a bias.
    type_map : list of str or None
        Names of the types; needed for electron configurations.
    precision : str
    trainable : bool
    net : NetRecord
        Its one layer.
    """

    ntypes: int
    width: int
    use_econf_tebd: bool
    use_tebd_bias: bool
    type_map: list[str] | None
    precision: str
    trainable: bool
    net: NetRecord

    @classmethod
    def drawn(cls, ntypes, width, use_econf_tebd, use_tebd_bias, type_map, precision, trainable, seed) -> TypeVectors:
        """With initial values."""
        net = NetRecord.drawn(
            WIDTH if use_econf_tebd else ntypes, [width], seed, activation="Linear", bias=use_tebd_bias,
            precision=dtype_name(precision), trainable=trainable,
        )  # fmt: skip
        return cls(ntypes, width, use_econf_tebd, use_tebd_bias, type_map, precision, trainable, net)

    def __post_init__(self):
        if self.use_econf_tebd:
            if self.type_map is None:
                raise ConfigError("use_econf_tebd: electron configurations need the elements", "Give a type_map")
            electron_configuration(self.type_map[: self.ntypes])

    def table(self) -> np.ndarray:
        """The vectors, and zeros for empty slots: [ntypes + 1, width]."""
        dtype = dtype_name(self.precision)
        start = electron_configuration(self.type_map[: self.ntypes]) if self.use_econf_tebd else np.eye(self.ntypes)
        rows = self.net.layers[0](start.astype(dtype), lambda x: x)
        return np.concatenate([rows, np.zeros_like(rows[:1])])

    def changed(self, change: TypeMapChange, rng: np.random.Generator) -> TypeVectors:
        """The same for other types; those that are new get numbers within 0 and 1 (DPA-1 specification, 6)."""
        net = self.net
        if not self.use_econf_tebd:
            net = NetRecord.deserialize(net.serialize())
            fresh = rng.uniform(size=(len(change.new), self.width))
            net.layers[0].w = change.type_matrix(net.layers[0].w, fresh, linear=True)
        return TypeVectors(
            len(change.new), self.width, self.use_econf_tebd, self.use_tebd_bias, list(change.new), self.precision,
            self.trainable, net,
        )  # fmt: skip

    def serialize(self) -> dict:
        """The layer as a dictionary of deepmd-kit's layout."""
        return {
            "@class": "TypeEmbedNet", "@version": 2, "ntypes": self.ntypes, "neuron": [self.width], "resnet_dt": False,
            "precision": self.precision, "activation_function": "Linear", "trainable": self.trainable, "padding": True,
            "use_econf_tebd": self.use_econf_tebd, "use_tebd_bias": self.use_tebd_bias, "type_map": self.type_map,
            "embedding": self.net.serialize(),
        }  # fmt: skip

    @classmethod
    def deserialize(cls, data: Mapping) -> TypeVectors:
        """The layer of a dictionary.

        Raises
        ------
        ModelFormatError
            A key is missing, a version is not read, or this is not one linear layer with a row for empty slots.
        """
        found = opened(data, "TypeEmbedNet", ["ntypes", "neuron", "embedding"], 2)
        net = NetRecord.deserialize(found["embedding"])
        function = str(found.get("activation_function", "Linear"))
        if len(net.layers) != 1 or function.lower() not in ("linear", "none") or not found.get("padding", True):
            raise ModelFormatError(
                f"TypeEmbedNet: expected one linear layer with padding, found {len(net.layers)} with {function!r}"
            )
        return cls(
            found["ntypes"], found["neuron"][-1], found.get("use_econf_tebd", False),
            found.get("use_tebd_bias", True), found.get("type_map"), found.get("precision", "float64"),
            found.get("trainable", True), net,
        )  # fmt: skip


def type_map_change(old: Sequence[str] | None, new: Sequence[str]) -> TypeMapChange:
    """The change from one list of names to another.

    Raises
    ------
    ConfigError
        There is no old one, or a name stands twice.
    """
    if old is None:
        raise ConfigError("change_type_map: the descriptor knows no names of its types", "Make it with a type_map")
    return TypeMapChange(list(old), list(new))
