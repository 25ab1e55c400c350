"""Settings and random weights of small quantised models, by the names of the field."""

from __future__ import annotations

import numpy as np

from nvnmd.config import Config

WIDTHS = (1, 8, 16, 32)


def settings(version: int, **changes) -> Config:
    """Measured settings of two types."""
    sel = (20, 30) if version == 0 else (50,)
    keys = {"rcut": 6.0, "rcut_smth": 2.0, "type_map": ("Ge", "Te"), "ntypes": 2, "dmin": 2.2}
    measured = {"smin": -0.31 if version == 0 else 0.0, "smax": 12.0}
    return Config(version=version, sel=sel, **{**keys, **measured, **changes})


def weights(version: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of the descriptor, and its statistics, of two types."""
    rng, made = np.random.default_rng(seed), {}

    def network(layer: int, tag: str, rows: int, columns: int) -> None:
        made[f"filter_type_all.matrix_{layer}{tag}"] = rng.normal(0, 1 / np.sqrt(rows + columns), (rows, columns))
        made[f"filter_type_all.bias_{layer}{tag}"] = rng.normal(0, 1, columns)

    for layer in (1, 2, 3):
        for tag in ("_0", "_1") if version == 0 else ("",):
            network(layer, tag, *WIDTHS[layer - 1 : layer + 1])
        if version == 1:
            network(layer, "_two_side_ebd", *((16, 8), (8, 16), (16, 32))[layer - 1])
    if version == 1:
        made["type_embed_net.matrix_1"], made["type_embed_net.bias_1"] = rng.normal(size=(2, 8)), rng.normal(size=8)
        made["descrpt_attr.t_std"] = rng.uniform(0.1, 0.3, (2, 200))
    else:
        made["descrpt_attr.t_avg"] = np.tile(rng.uniform(0.01, 0.06, (2, 1)) * [1, 0, 0, 0], (1, 50))
        made["descrpt_attr.t_std"] = np.tile(rng.uniform(0.1, 0.3, (2, 4)), (1, 50))
    return made
