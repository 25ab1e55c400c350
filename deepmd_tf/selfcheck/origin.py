"""What a model file was made from, as a graph of its own and as weights for the equations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.freeze import file_attributes, inference_graph, interface_of
from deepmd_tf.export.script import min_nbor_dist, training_script
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.compressed import compressed
from deepmd_tf.nn.context import FOUND
from deepmd_tf.nn.table import tables_by_name


@dataclass(frozen=True)
class Origin:
    """A checkpoint, or the model that a compressed one was made from.

    Attributes
    ----------
    label : str
        What it is, for tables and messages.
    model : FrozenModel
        Its graph.
    """

    label: str
    model: FrozenModel


def open_origin(path: str | Path) -> Origin:
    """Read a frozen model, or the newest complete checkpoint that ``path`` stands for.

    The graph of a checkpoint is built as training builds it, which is not how files are written; where the training
    began from a compressed model, that holds for all but its tables.

    Raises
    ------
    CheckpointError, ModelFormatError
        It is neither, or damaged.
    """
    path = Path(path)
    if path.is_file() and not path.with_name(f"{path.name}.index").exists():
        return Origin(f"original model {path}", FrozenModel(path))
    checkpoint = find_checkpoint(path)
    values = checkpoint.values()
    script = training_script(values, str(checkpoint.prefix))
    model = make_model(script["model"])
    attributes, primitives = file_attributes(script, min_nbor_dist(values)), FOUND
    if tables := tables_by_name(values):
        attributes["model_type"] = ("compressed_model", "string")
        primitives = replace(compressed(tables), fitting=FOUND.fitting)
    graph_def = inference_graph(model, values, interface_of(model, values), attributes, primitives)
    return Origin(f"checkpoint {os.path.relpath(checkpoint.prefix)}", FrozenModel(checkpoint.prefix, graph_def))


def equations(model: FrozenModel) -> tuple[Mapping, dict[str, np.ndarray]]:
    """The section ``model`` of the input and all constants in float64, for the equations in NumPy.

    Raises
    ------
    ModelFormatError
        The model does not hold its input.
    """
    section = model.training_script.get("model")
    if not section:
        raise ModelFormatError("the model does not hold its input")
    values = model.constants()
    # By kind: half precisions beyond NumPy's own call theirs "V".
    return section, {name: value.astype(np.float64) for name, value in values.items() if value.dtype.kind in "fiV"}
