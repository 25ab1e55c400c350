"""Frozen graphs: the inference graph of a model, built anew with its weights as constants.

The training graph is never exported. What is written uses only the ops of the field's plug-ins and
stock TensorFlow, so that other programs (LAMMPS, the C++ API) read it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.files import write_atomic
from deepmd_tf.export.script import (
    MIN_NBOR_DIST,
    OBSERVED_TYPE,
    SCRIPT,
    min_nbor_dist,
    portable_script,
    training_script,
)
from deepmd_tf.model.energy import EnergyModel
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.compressed import compressed
from deepmd_tf.nn.context import PORTABLE, BuildContext, ModelInput, Primitives
from deepmd_tf.nn.table import tables_by_name
from deepmd_tf.nn.weights import FrozenWeights
from deepmd_tf.registry import did_you_mean
from deepmd_tf.tf1 import tf

# A protocol buffer cannot be larger; readers fail with a message that does not say so.
SIZE_LIMIT = 2**31 - 1


def freeze_checkpoint(path: str | Path, nodes: list[str] | None = None):
    """Return the prefix of the newest complete checkpoint at ``path`` and its inference graph.

    ``nodes`` replaces the outputs that the graph keeps.

    Raises
    ------
    CheckpointError, ModelFormatError
        There is no complete checkpoint, or it holds no training script.
    ConfigError
        One of ``nodes`` is not in the graph.
    """
    checkpoint = find_checkpoint(path)
    values = checkpoint.values()
    script = training_script(values, str(checkpoint.prefix))
    attributes = file_attributes(script, min_nbor_dist(values))
    if OBSERVED_TYPE in values:
        attributes[OBSERVED_TYPE] = (values[OBSERVED_TYPE].item(), "string")
    model = make_model(script["model"])
    tables = tables_by_name(values)
    if tables:
        attributes["model_type"] = ("compressed_model", "string")
    primitives = compressed(tables) if tables else PORTABLE
    graph_def = inference_graph(model, values, interface_of(model, values), attributes, primitives)
    return checkpoint.prefix, graph_def if nodes is None else _only(graph_def, nodes)


def interface_of(model: EnergyModel, values: Mapping[str, np.ndarray]) -> np.dtype:
    """The interface precision that the run of a checkpoint had, whatever the environment of this process says."""
    return values[f"{model.descriptor.environments()[0].scope}/t_avg"].dtype


def inference_graph(
    model: EnergyModel,
    values: Mapping[str, np.ndarray],
    interface: np.dtype,
    attributes: Mapping,
    primitives: Primitives = PORTABLE,
):
    """Build the inference graph of ``model`` with the weights ``values``; return its GraphDef.

    Parameters
    ----------
    model : EnergyModel
    values : mapping of str to ndarray
        Weights and statistics by name; others are left out.
    interface : numpy dtype
        Precision of coordinates, forces and virials.
    attributes : mapping of str to (value, dtype name)
        Further constants of the file, e.g. the training script.
    primitives : Primitives
        The parts that the graph is made of; only portable ones run in other programs.

    Raises
    ------
    CheckpointError
        A weight is missing or has another shape.
    """
    with tf.Graph().as_default() as graph:
        inputs = placeholders(model, interface)
        context = BuildContext(len(model.type_map), FrozenWeights(values), np.dtype(interface), primitives)
        model.build(context, inputs)
        for name, (value, dtype) in attributes.items():
            context.constant(value, name, dtype)
        graph_def = graph.as_graph_def()
    return tf.graph_util.extract_sub_graph(graph_def, _kept_nodes(graph_def, attributes))


def placeholders(model: EnergyModel, interface: np.dtype) -> ModelInput:
    """The inputs of an inference graph under the names that other programs feed.

    They are of rank 1 and reshaped inside: callers feed flat arrays or one row per frame.
    """
    ntypes = len(model.type_map)

    def feed(name, dtype, shape=(None,)):
        return tf.placeholder(dtype, shape, name=name)

    coord = feed("t_coord", interface)
    atype, natoms = feed("t_type", tf.int32), feed("t_natoms", tf.int32, (2 + ntypes,))
    box, mesh = feed("t_box", interface), feed("t_mesh", tf.int32)
    fitting = model.fitting
    return ModelInput(
        coord=tf.reshape(coord, [-1, natoms[1] * 3]),
        type=tf.reshape(atype, [-1, natoms[1]]),
        natoms=natoms,
        box=tf.reshape(box, [-1, 9]),
        mesh=mesh,
        fparam=feed("t_fparam", interface) if fitting.numb_fparam else None,
        aparam=feed("t_aparam", interface) if fitting.numb_aparam else None,
    )


def file_attributes(script: dict, min_nbor_dist: float | None) -> dict:
    """Constants that describe where a model comes from, for compression and for ``dp show``."""
    attributes = {
        "model_type": ("original_model", "string"),
        SCRIPT: (json.dumps(portable_script(script), separators=(",", ":")), "string"),
    }
    if min_nbor_dist is not None:
        attributes[MIN_NBOR_DIST] = (float(min_nbor_dist), "float64")
    return attributes


def write_graph(path: str | Path, graph_def) -> int:
    """Write a GraphDef to ``path``; return its size in bytes.

    Raises
    ------
    ModelFormatError
        The graph is larger than a protocol buffer can be.
    SaveError
        The file cannot be written.
    """
    size = graph_def.ByteSize()
    if size > SIZE_LIMIT:
        raise ModelFormatError(f"{path}: the graph has {size} bytes, a model file can hold {SIZE_LIMIT}")
    write_atomic(path, graph_def.SerializeToString(deterministic=True))
    return size


def _kept_nodes(graph_def, attributes) -> list[str]:
    """Outputs, and the constants that no output depends on but that readers look up."""
    outputs = ("o_", "t_mesh", "t_typeebd", "descrpt_attr", "fitting_attr/df", "fitting_attr/da", "model_attr/")
    return [
        node.name
        for node in graph_def.node
        if node.name in attributes or (node.name.startswith(outputs) and not node.name.endswith("/read"))
    ]


def _only(graph_def, nodes: list[str]):
    known = {node.name for node in graph_def.node}
    for name in nodes:
        if name not in known:
            raise ConfigError(f"--node-names: the graph has no node {name!r}", did_you_mean(name, known))
    return tf.graph_util.extract_sub_graph(graph_def, nodes)
