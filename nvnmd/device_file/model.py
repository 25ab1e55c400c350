"""A model as the device holds it: codes, the integers that stand for its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from nvnmd.device_file.layout import HIDDEN, NODES, SEGMENTS, WIDTH, Layout


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """All that a model file holds. Arrays have room for all types of the layout, T; absent ones are zeros.

    N is the number of fitting nets and tables: T in version 0, 1 in version 1. Weight = code 2^(exponent-16); biases,
    ``type_vectors`` and ``empty_slots`` have 23 fraction bits; ``*_table``, ``scales`` and ``type_factors`` are 29-bit
    floats, see :func:`nvnmd.formats.float_values`.

    Attributes
    ----------
    layout : Layout
        Where everything stands.
    rcut : int
        Cutoff times 2^23, Å.
    sel : tuple of int
        Neighbours per type; one number in version 1.
    shifts : tuple of int
        Energy of each type times 2^(23-shift_exponent), eV; () where the header has no place for it.
    shift_exponent : int
        See ``shifts``.
    log2_nix : int
        Binary logarithm of what the sum over neighbours is divided by.
    first_index : int
        Version 0: the feature tables begin at s = -first_index/256.
    empty_slots : array [4, 4, 32]
        Version 0: s g(s) of an empty slot by centre type, neighbour type, channel.
    forward, backward : array [N, 3, 128, 128]
        Weights of the hidden layers [input, output], with a common exponent by column, and once more by row.
    forward_exponents, backward_exponents : array [N, 3, 128]
        Exponents of the columns, of the rows.
    biases : array [N, 3, 128]
        Biases of the hidden layers.
    final : array [N, 128]
        Weights of the last layer.
    final_exponent, final_bias : array [N]
        Its exponent and its bias, which is 0: see ``shifts``.
    switch_table, switch_gradient_table : array [N, 512, 2, 4]
        s and h by u: segment, s or h, coefficient a to d.
    feature_table, feature_gradient_table : array [N, 512, 32, 4]
        g by s.
    scales : array [T, 2]
        Version 1: 1/std of s and of h.
    type_factors : array [T, T, 32]
        Version 1: factor of g by centre type, neighbour type, channel.
    type_vectors : array [T, 128]
        Version 1: what a type adds to the first layer.
    """

    layout: Layout
    rcut: int
    sel: tuple[int, ...]
    shifts: tuple[int, ...]
    shift_exponent: int
    log2_nix: int
    first_index: int
    empty_slots: np.ndarray
    forward: np.ndarray
    forward_exponents: np.ndarray
    backward: np.ndarray
    backward_exponents: np.ndarray
    biases: np.ndarray
    final: np.ndarray
    final_exponent: np.ndarray
    final_bias: np.ndarray
    switch_table: np.ndarray
    switch_gradient_table: np.ndarray
    feature_table: np.ndarray
    feature_gradient_table: np.ndarray
    scales: np.ndarray
    type_factors: np.ndarray
    type_vectors: np.ndarray

    @property
    def ntypes(self) -> int:
        """Number of types; where the header does not tell it, those with neighbours."""
        return len(self.shifts) or len(self.sel)

    @property
    def energy_shifts(self) -> np.ndarray:
        """Energy of each type that is not in the fitting net [ntypes], eV."""
        return np.ldexp(np.array(self.shifts, np.float64), self.shift_exponent - 23)

    def __eq__(self, other) -> bool:
        return isinstance(other, DeviceModel) and all(
            np.array_equal(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)
        )

    __hash__ = None


def array_shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Shape of each array of a model; arrays of the other version are empty."""
    nets, types = layout.networks, layout.types
    types_0, types_1 = (types, 0) if layout.version == 0 else (0, types)
    hidden, switch, feature = (nets, HIDDEN, NODES), (nets, SEGMENTS, 2, 4), (nets, SEGMENTS, WIDTH, 4)
    return {
        "empty_slots": (types_0, types_0, WIDTH),
        "forward": (*hidden, NODES), "forward_exponents": hidden,
        "backward": (*hidden, NODES), "backward_exponents": hidden,
        "biases": hidden, "final": (nets, NODES), "final_exponent": (nets,), "final_bias": (nets,),
        "switch_table": switch, "switch_gradient_table": switch,
        "feature_table": feature, "feature_gradient_table": feature,
        "scales": (types_1, 2), "type_factors": (types_1, types_1, WIDTH), "type_vectors": (types_1, NODES),
    }  # fmt: skip


def empty_arrays(layout: Layout) -> dict[str, np.ndarray]:
    """Zeros for each array of a model."""
    return {name: np.zeros(shape, np.int64) for name, shape in array_shapes(layout).items()}


def nix_exponent(neighbours: int) -> int:
    """Binary logarithm of NIX, the power of two that sums over so many neighbours are divided by."""
    return math.ceil(math.log2(neighbours / 1.5))
