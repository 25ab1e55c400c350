"""Run a frozen model: import its graph, with the native operations it needs, into a session."""

from __future__ import annotations

import os

from deepmd_tf import plugin
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


class ModelSession:
    """The graph of a frozen model in a session of its own.

    Parameters
    ----------
    model : FrozenModel
        What to run.

    Raises
    ------
    ModelFormatError
        The graph uses operations that neither TensorFlow nor this program has.
    """

    def __init__(self, model: FrozenModel):
        self.model = model
        self._graph = tf.Graph()
        with self._graph.as_default():
            _import(model)
        self._session = tf.Session(graph=self._graph, config=session_config())

    def run(self, names, feeds: dict) -> list:
        """Evaluate the first outputs of the nodes ``names``; feeds go by node name as well."""
        return self._session.run([f"{name}:0" for name in names], {f"{name}:0": value for name, value in feeds.items()})

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def session_config():
    """Thread pools as the field sets them; 0 lets TensorFlow choose.

    ``DP_INTRA_OP_PARALLELISM_THREADS`` and ``DP_INTER_OP_PARALLELISM_THREADS`` come first, then the
    variables of the same names with ``TF_`` in front.

    Raises
    ------
    ConfigError
        A variable is not a whole number of at least 0.
    """
    return tf.ConfigProto(
        intra_op_parallelism_threads=_threads("INTRA_OP_PARALLELISM_THREADS"),
        inter_op_parallelism_threads=_threads("INTER_OP_PARALLELISM_THREADS"),
        gpu_options=tf.GPUOptions(allow_growth=True),
    )


def _threads(suffix: str) -> int:
    for variable in (f"DP_{suffix}", f"TF_{suffix}"):
        value = os.environ.get(variable, "").strip()
        if value:
            if not value.isdecimal():
                raise ConfigError(f"environment variable {variable}: expected a number of threads, found {value!r}")
            return int(value)
    return 0


def _import(model: FrozenModel) -> None:
    unknown = _load_operations(model)
    try:
        tf.import_graph_def(model.graph_def, name="")
    except (ValueError, tf.errors.OpError) as error:
        if not unknown:
            raise ModelFormatError(f"{model.path}: the graph is damaged: {error}") from error
        kind = "compressed model" if model.compressed else "model"
        raise ModelFormatError(
            f"{model.path}: this {kind} uses operations that this program does not have: {', '.join(unknown)}",
            "Use the model as it was before `dp compress`" if model.compressed else None,
        ) from error


def _load_operations(model: FrozenModel) -> list[str]:
    """Make the operations of the graph known, those of plug-ins where it needs more; return what stays unknown."""
    unknown = {node.op for node in model.graph_def.node} - {*dir(tf.raw_ops), *dir(op_module())}
    if unknown:
        for _, operations in plugin.load(plugin.OPERATIONS):
            unknown -= {*dir(operations())}
    return sorted(unknown)
