"""The tables in the graph of a compressed model, ours or one of deepmd-kit."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.infer.frozen import FrozenModel

_COLUMNS_PER_FEATURE = 6


@dataclass(frozen=True)
class StoredTable:
    """What stands for one embedding network.

    Attributes
    ----------
    name : str
        Of the node that uses it.
    lower, upper, largest : float
        Range of the training data, and end of the table.
    fine, coarse : float
        Width of the intervals inside and outside that range.
    intervals, width : int
        Number of intervals and of features.
    nbytes : int
    """

    name: str
    lower: float
    upper: float
    largest: float
    fine: float
    coarse: float
    intervals: int
    width: int
    nbytes: int


def stored_tables(model: FrozenModel) -> list[StoredTable]:
    """The tables of a graph, by the operations that look numbers up; none in a model that is not compressed."""
    found = {}
    for node in model.graph_def.node:
        if node.op.startswith("TabulateFusion") and "Grad" not in node.op:
            table, info = (_constant(model, name) for name in node.input[:2])
            rows, columns = table.shape
            width = columns // _COLUMNS_PER_FEATURE
            found[node.input[0]] = StoredTable(node.name, *map(float, info[:5]), rows, width, table.nbytes)
    return list(found.values())


def _constant(model: FrozenModel, name: str):
    """The constant that a tensor is a copy or a conversion of."""
    name = name.partition(":")[0]
    while model.nodes[name].op in ("Identity", "Cast"):
        name = model.nodes[name].input[0].partition(":")[0]
    return model.constant(name)
