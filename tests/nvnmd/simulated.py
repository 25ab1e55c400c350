"""Models of the device that give numbers of the usual sizes, structures for them, and the two ways to evaluate both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nvnmd.config import Config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.model import DeviceModel
from nvnmd.mapping import mapping_tables
from nvnmd.simulate.device import Device
from nvnmd.simulate.neighbors import neighbors_of
from nvnmd.simulate.networks import DeviceNetworks
from nvnmd.simulate.reference import Found, Reference
from nvnmd.simulate.registers import Record, registers_of
from tests.nvnmd.trained import settings, weights


def smooth_config(version: int, max_nnei: int = 128) -> Config:
    """Settings; in version 0 with fewer slots of the first type than there are neighbours."""
    sel = {(0, 128): (20, 30), (0, 256): (60, 150), (1, 128): (50,), (1, 256): (200,)}[version, max_nnei]
    return replace(settings(version), sel=sel, max_nnei=max_nnei)


def smooth_model(version: int, max_nnei: int = 128, seed: int = 0, shift: float = -160.0) -> DeviceModel:
    """The model of :func:`smooth_network`."""
    return encode(*smooth_network(version, max_nnei, seed, shift))


def smooth_network(
    version: int, max_nnei: int = 128, seed: int = 0, shift: float = -160.0
) -> tuple[Config, dict[str, np.ndarray], dict]:
    """Settings, weights of random fitting nets, and tables of a random embedding net."""
    config, rng = smooth_config(version, max_nnei), np.random.default_rng(seed + 50)
    made = weights(version, seed)
    tables = mapping_tables(config, made)
    made["t_bias_atom_e"] = shift + rng.normal(size=2)
    for suffix in ("_type_0", "_type_1") if version == 0 else ("",):
        for layer in range(3):
            name = "matrix_1" if version == 1 and layer == 0 else "matrix"
            scale = 2.0 ** rng.uniform(-5, 1, 128)  # some columns above 1, whose exponents are not 0
            made[f"layer_{layer}{suffix}.{name}"] = rng.normal(size=(128, 128)) * scale / 12
            made[f"layer_{layer}{suffix}.bias"] = rng.normal(size=128) / 2
        made[f"final_layer{suffix}.matrix"] = rng.normal(size=(128, 1)) / 8
        made[f"final_layer{suffix}.bias"] = rng.normal(size=1)
    if version == 1:
        made["layer_0.tweight"] = rng.normal(size=(8, 128)) / 4
    return config, made, tables


def structure(natoms: int = 48, edge: float = 11.0, seed: int = 0):
    """Atoms of both types in a skewed box: positions [N, 3], box [3, 3], types [N]."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(natoms ** (1 / 3)))
    sites = np.stack(np.meshgrid(*3 * [np.arange(side)], indexing="ij"), -1).reshape(-1, 3)[:natoms] / side
    box = edge * np.array([[1.0, 0, 0], [0.1, 0.9, 0], [0, -0.2, 1.1]])
    return sites @ box + rng.normal(scale=0.15, size=(natoms, 3)), box, rng.integers(0, 2, natoms)


def by_definition(model: DeviceModel, coord, box, atype, *, saturate: bool = False) -> tuple[Found, Record]:
    """What the reference finds in one frame, and its registers."""
    numbers = Device(model).numbers
    record = Record(registers_of(model.shift_exponent), saturate=saturate)
    atype = np.asarray(atype)
    neighbors = neighbors_of(numbers, coord, box, atype)
    return Reference(numbers, DeviceNetworks(model), record).evaluate(atype, neighbors), record


def magnified(model: DeviceModel, **shifts: int) -> DeviceModel:
    """The model with exponents of tables of floats larger by whole numbers."""
    return replace(model, **{name: np.where(getattr(model, name) == 0, 0, getattr(model, name) + (by << 20))
                             for name, by in shifts.items()})  # fmt: skip
