"""Frames of unequal numbers of atoms, and an input that trains on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.systems import write_system
from tests.support.training import small_input

TYPE_MAP = ("O", "H")
# Types of the frames by system: unequal numbers of atoms, and virtual ones within and at the end.
MIXED = {
    "small": [[0, 1, 1], [1, 1, 1], [1, 0, -1], [0, 0, 1]],
    "large": [[0, 1, -1, 1, 0, 1, 1], [1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, -1], [0, 0, 0, 1, 1, 1, 0]],
}


def write_all(folder: Path) -> None:
    """The systems of ``MIXED`` below a folder."""
    for seed, (name, types) in enumerate(MIXED.items()):
        write_mixed(folder / name, types, seed=seed)


def write_mixed(folder, types, **settings) -> str:
    """A system of the mixed type; forces of virtual atoms are as random as the others."""
    arrays = {"real_atom_types": np.array(types), **settings.pop("arrays", {})}
    return write_system(folder, [0] * len(types[0]), nframes=len(types), arrays=arrays, **settings)


def mixed_input(folder, batch_size="mixed:5", *, systems="mixed", descriptor=None, **training) -> dict:
    """An input for a small attention descriptor."""
    for name in ("training", "validation"):
        data = {"systems": systems, "batch_size": batch_size}
        training[f"{name}_data"] = data if name == "training" else {**data, "numb_btch": 2}
    data = small_input(folder, steps=6, training=training)
    data["model"] |= {"type_map": list(TYPE_MAP)}
    data["model"]["descriptor"] = {
        "type": "se_atten_v2", "sel": 24, "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 3,
        "attn": 6, "attn_layer": 1, "tebd_dim": 3, "seed": 1, **(descriptor or {}),
    }  # fmt: skip
    return data
