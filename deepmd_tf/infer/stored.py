"""The tables in the graph of a compressed model, ours or one of deepmd-kit."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.table import Table

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


def look_ups(model: FrozenModel) -> dict[str, Table]:
    """The table behind each node that looks features up, in their order; none in a model that is not compressed."""
    return {
        node.name: Table(*(model.constant(_source(model, name)) for name in node.input[:2]), _factors(model, node))
        for node in model.graph_def.node
        if node.op.startswith("TabulateFusion") and "Grad" not in node.op
    }


def stored_tables(model: FrozenModel) -> list[StoredTable]:
    """What there is to say of the tables of a model, each told once."""
    found = {}
    for name, (table, info, _) in look_ups(model).items():
        rows, columns = table.shape
        width = columns // _COLUMNS_PER_FEATURE
        told = StoredTable(name, *map(float, info[:5]), rows, width, table.nbytes)
        found.setdefault(_source(model, model.nodes[name].input[0]), told)
    return list(found.values())


def _factors(model: FrozenModel, node):
    """The rows of which one is gathered for each pair of types; None where types have no factors."""
    if not node.op.startswith("TabulateFusionSeAtten"):
        return None
    behind, width = [node.input[4]], node.attr["last_layer_size"].i
    while behind:
        one = model.nodes[behind.pop().partition(":")[0]]
        source = _source(model, one.input[0]) if one.op == "GatherV2" else None
        if source is not None and model.nodes[source].op == "Const":
            rows = model.constant(source)
            if rows.ndim == 2 and rows.shape[1] == width:
                return rows
        elif one.op in ("Identity", "Cast", "Reshape", "Mul"):
            behind += one.input
    raise ModelFormatError(f"{model.path}: node {node.name}: its factors of types are not found")


def _source(model: FrozenModel, name: str) -> str:
    """The constant behind an input: copies and casts lie between."""
    name = name.partition(":")[0]
    while model.nodes[name].op in ("Identity", "Cast"):
        name = model.nodes[name].input[0].partition(":")[0]
    return name
