"""The look-up tables of a quantised model as weights of a graph that are not trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from deepmd_tf.tf1 import tf
from nvnmd.device_file.layout import SEGMENTS, WIDTH
from nvnmd.ops.arithmetic import map_table

SCOPE = "nvnmd_map"
SWITCH, FEATURES = "switch", "features"
GRIDS = {SWITCH: ("cfg_u2s", 5), FEATURES: ("cfg_s2g", 10)}
CHANNELS = {SWITCH: 2, FEATURES: WIDTH}
OF_TYPES = ("t_ebd", "gt", "dstd_inv")  # of version 1


class LookUp(NamedTuple):
    """A table in the graph.

    Attributes
    ----------
    table, gradient : [512, 4*C]
        Coefficients a, b, c, d of each channel, of the function and of its derivative.
    grid : [5] or [10]
        Groups of intervals.
    """

    table: object
    gradient: object
    grid: object

    def __call__(self, x):
        """Channels of each number, [..., 1] -> [..., C], and their slopes as its gradient."""
        values = map_table(tf.reshape(x, [-1, 1]), self.table, self.gradient, self.grid)  # [n, 1, C]
        return tf.reshape(values, [-1, *x.shape.as_list()[1:-1], self.table.shape.as_list()[1] // 4])


def look_up(ctx, kind: str, index: int = 0) -> LookUp:
    """The table ``kind`` of the type ``index``."""
    grid = ctx.weights.get(f"{SCOPE}/{kind}_grid", (GRIDS[kind][1],), "float64", None, trainable=False)
    shape = (SEGMENTS, 4 * CHANNELS[kind])
    names = (f"{SCOPE}/{kind}_{index}", f"{SCOPE}/{kind}_slope_{index}")
    return LookUp(*(ctx.weights.get(name, shape, "float64", None, trainable=False) for name in names), grid)


def of_types(ctx, name: str, shape: tuple[int, ...]):
    """What version 1 holds of each type, or pair of types: ``t_ebd``, ``gt`` or ``dstd_inv``."""
    return ctx.weights.get(f"{SCOPE}/{name}", shape, "float64", None, trainable=False)


def weights_of_tables(tables: Mapping) -> dict[str, np.ndarray]:
    """The dictionary of ``map.npy`` as weights by name."""
    made = {f"{SCOPE}/{kind}_grid": np.ravel(tables[grid]) for kind, (grid, _) in GRIDS.items()}
    for ending, suffix in (("", ""), ("_slope", "_grad")):
        for t, pair in enumerate(zip(tables[f"s{suffix}"], tables[f"h{suffix}"])):
            made[f"{SCOPE}/{SWITCH}{ending}_{t}"] = np.concatenate(pair, axis=1)
        for t, table in enumerate(tables[f"g{suffix}"]):
            made[f"{SCOPE}/{FEATURES}{ending}_{t}"] = table
    made |= {f"{SCOPE}/{name}": tables[name] for name in OF_TYPES if name in tables}
    return {name: np.asarray(value, np.float64) for name, value in made.items()}
