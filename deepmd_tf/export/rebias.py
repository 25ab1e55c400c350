"""A model file or a checkpoint once more, with other energies per type; all else is as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmd_tf.export.checkpoint import META, Checkpoint, CheckpointWriter
from deepmd_tf.export.script import SELFCHECK
from deepmd_tf.tf1 import tf

BIAS = "fitting_attr/t_bias_atom_e"
STEP = "global_step"


def graph_with_bias(graph_def, bias: np.ndarray):
    """A copy of a frozen graph with the energies per type ``bias`` [ntypes], eV, in the precision they had there.

    Figures of a self-check are left out: they were those of the graph as it was.
    """
    changed = tf.GraphDef()
    changed.CopyFrom(graph_def)
    for k, node in reversed(list(enumerate(changed.node))):
        if node.name == BIAS:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(bias, node.attr["dtype"].type))
        elif node.name == SELFCHECK:
            del changed.node[k]
    return changed


def write_checkpoint_with_bias(source: Checkpoint, prefix: str | Path, bias: np.ndarray) -> Path:
    """Write a set ``PREFIX-STEP`` with the energies per type ``bias`` [ntypes], eV; return its prefix.

    Raises
    ------
    CheckpointError
        The source cannot be read.
    SaveError
        The set cannot be written.
    """
    values = source.values()
    values[BIAS] = np.asarray(bias, values[BIAS].dtype)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        target = tf.placeholder(tf.string, [])
        save = tf.raw_ops.SaveV2(
            prefix=target, tensor_names=list(values), shape_and_slices=[""] * len(values), tensors=list(values.values())
        )
        meta = source.prefix.with_name(source.prefix.name + META).read_bytes()
        writer = CheckpointWriter(prefix, 1, lambda session, path: session.run(save, {target: path}), meta)
        return writer.save(session, int(values[STEP]))
