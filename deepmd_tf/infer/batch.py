"""How much goes into one evaluation: frames, or a domain of a frame, and never an error while any of it fits."""

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

DOMAIN = 2048
"""Atoms of a domain. Of a larger one the surroundings are a smaller part, but its arrays leave the caches."""

ARRAYS_PER_LAYER = 3
"""Arrays of the size of an embedding layer that are alive at once; 2.3 measured (water, 25-50-100)."""

# Suffix of the descriptor, number of the layer, type of the neighbour, type of the second neighbour.
_EMBEDDING_MATRIX = re.compile(r"filter_type_(?:\d+|all)(.*?)/matrix_(\d+)(_\d+)?(_\d+)?")
_ENVIRONMENTS = ("ProdEnvMat", "DescrptSe", "DescrptNorot")


class FrameBatcher:
    """Splits frames over evaluations.

    Parameters
    ----------
    model : FrozenModel
        Its sizes say how much memory one atom takes.
    atoms : int, optional
        Atoms per evaluation; the default is the environment variable ``DP_INFER_BATCH_SIZE`` or
        1024, lowered to what half of the free memory holds.
    embedded : bool
        Whether features are formed for every neighbour, as graphs of exact networks do.

    Attributes
    ----------
    atoms : int
        Atoms of one evaluation, if they are several frames.
    domain : int
        Atoms of one evaluation, if they are a part of one frame: larger frames are to be cut up.
    """

    def __init__(self, model: FrozenModel, atoms: int | None = None, embedded: bool = True):
        held = max(1, available_memory() // (2 * bytes_per_atom(model, embedded)))
        wanted = _asked() if atoms is None else atoms
        self.atoms = min(wanted, held)
        self.domain = max(1, min(max(wanted, DOMAIN), held))

    def run(self, nframes: int, natoms: int, evaluate: Callable[[slice], list]) -> list[np.ndarray]:
        """Call ``evaluate`` on slices of the frames and join its arrays; halve the work when memory runs out.

        Raises
        ------
        DataError
            Memory does not even hold one atom with its surroundings.
        """
        parts, start = [], 0
        while start < nframes:
            count = min(max(1, self.atoms // natoms), nframes - start)
            try:
                parts.append(evaluate(slice(start, start + count)))
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                self._halve(count, natoms, error)
                continue
            start += count
        return [np.concatenate(arrays) for arrays in zip(*parts)]

    def _halve(self, nframes: int, natoms: int, error: Exception) -> None:
        if nframes > 1:
            self.atoms = nframes // 2 * natoms
            return
        self.domain = min(self.domain, natoms) // 2
        self.atoms = min(self.atoms, self.domain)
        if self.domain == 0:
            raise DataError(f"one frame of {natoms} atoms does not fit into the memory") from error


def bytes_per_atom(model: FrozenModel, embedded: bool = True) -> int:
    """Estimate the working memory that evaluating one atom takes; see :class:`FrameBatcher`."""
    slots = _slots(model)
    values = 19 * sum(slots.values())  # matrix 4, derivative 12, vector 3
    return max(1, values + (_features(model, slots) if embedded else 0)) * model.dtype.itemsize


def _slots(model: FrozenModel) -> dict[str, int]:
    """Neighbour slots of an atom in each environment matrix, by the suffix of its descriptor."""
    found = {}
    for node in model.nodes.values():
        if node.op.startswith(_ENVIRONMENTS):
            scope = re.match(r"descrpt_attr(.*?)/", node.input[5])
            sel = node.attr["sel" if "sel" in node.attr else "sel_a"].list.i
            found[scope[1] if scope else ""] = sum(sel)
    return found


def _features(model: FrozenModel, slots: dict[str, int]) -> int:
    """Numbers that the layers of the embedding networks hold: for each slot, or each pair of slots."""
    layers: dict[tuple, int] = {}
    for name, node in model.nodes.items():
        layer = _EMBEDDING_MATRIX.fullmatch(name)
        if layer and node.op == "Const":
            suffix, number, _, second_type = layer.groups(default="")
            count = slots.get(suffix, 0) ** (2 if second_type else 1)
            layers[suffix, number] = count * node.attr["value"].tensor.tensor_shape.dim[-1].size
        elif node.op == "TabulateFusionSeR":
            # Of the tables of compressed models these alone give features slot by slot.
            layers["table"] = sum(slots.values()) * node.attr["last_layer_size"].i
    return ARRAYS_PER_LAYER * sum(layers.values())


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
