"""How many frames go into one evaluation: as many as memory allows, and never an error while one fits."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.tf1 import tf

DEFAULT_ATOMS = 1024
"""Atoms per evaluation when nothing else is said, as the field is used to."""

ARRAYS_PER_LAYER = 3
"""Arrays of the size of an embedding layer that are alive at once; 2.3 measured (water, 25-50-100)."""

_EMBEDDING_MATRIX = re.compile(r"filter_type_(?:\d+|all)/matrix_(\d+)(?:_\d+)*")


class FrameBatcher:
    """Splits frames over evaluations.

    Parameters
    ----------
    model : FrozenModel
        Its sizes say how much memory one atom takes.
    atoms : int, optional
        Atoms per evaluation; the default is the environment variable ``DP_INFER_BATCH_SIZE`` or
        1024, lowered to what half of the free memory holds.
    """

    def __init__(self, model: FrozenModel, atoms: int | None = None):
        self.atoms = min(
            _asked() if atoms is None else atoms, max(1, available_memory() // (2 * bytes_per_atom(model)))
        )

    def run(self, nframes: int, natoms: int, evaluate: Callable[[slice], list]) -> list[np.ndarray]:
        """Call ``evaluate`` on slices of the frames and join its arrays; halve the slice when memory runs out.

        Raises
        ------
        DataError
            Memory does not even hold one frame.
        """
        parts, start = [], 0
        while start < nframes:
            count = min(max(1, self.atoms // natoms), nframes - start)
            try:
                parts.append(evaluate(slice(start, start + count)))
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                if count == 1:
                    raise DataError(f"one frame of {natoms} atoms does not fit into the memory") from error
                self.atoms = count // 2 * natoms
                continue
            start += count
        return [np.concatenate(arrays) for arrays in zip(*parts)]


def bytes_per_atom(model: FrozenModel) -> int:
    """Estimate the working memory that evaluating one atom takes."""
    neighbours = int(np.sum(model.constant("descrpt_attr/sel", default=[0])))
    widths = {}
    for name, node in model.nodes.items():
        layer = _EMBEDDING_MATRIX.fullmatch(name)
        if layer and node.op == "Const":
            widths[layer[1]] = node.attr["value"].tensor.tensor_shape.dim[-1].size
    values = 19 + ARRAYS_PER_LAYER * sum(widths.values())  # matrix 4, derivative 12, vector 3
    return max(1, neighbours) * values * model.dtype.itemsize


def available_memory() -> int:
    """Bytes this process may still take: what the machine has, less what a container's limit leaves."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
        free = int(found[1]) * 1024 if found else free
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdecimal():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(free, 0)


def _asked() -> int:
    value = os.environ.get("DP_INFER_BATCH_SIZE", "").strip()
    if value and not (value.isdecimal() and int(value)):
        raise ConfigError(f"environment variable DP_INFER_BATCH_SIZE: expected a number of atoms, found {value!r}")
    return int(value) if value else DEFAULT_ATOMS
