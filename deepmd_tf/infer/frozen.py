"""Read a frozen model file and its attributes; no session and no native library is needed for that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.script import SCRIPT, training_script, whole_script
from deepmd_tf.tf1 import tf

MODEL_VERSION = (1, 1)
"""Version written by this program: the newest format (major, minor) it reads (contract I.2)."""

PLACEHOLDERS = ("t_coord", "t_type", "t_natoms", "t_box", "t_mesh")
ATTRIBUTES = ("descrpt_attr/rcut", "descrpt_attr/ntypes", "model_attr/tmap", "model_attr/model_type")


class FrozenModel:
    """A frozen graph as it stands in the file, with its attributes.

    Parameters
    ----------
    path : str or Path
        A ``.pb`` file written by ``dp freeze``.
    graph_def : GraphDef, optional
        What will stand in the file, where it is not written yet.

    Raises
    ------
    ModelFormatError
        The file is missing, is no frozen graph, is of another format version, or lacks a node that
        every Deep Potential model has.
    """

    def __init__(self, path, graph_def=None):
        self.path = Path(path)
        self.graph_def = _read_graph_def(self.path) if graph_def is None else graph_def
        self.nodes = {node.name: node for node in self.graph_def.node}
        self._check_version()
        missing = [name for name in (*PLACEHOLDERS, *ATTRIBUTES) if name not in self.nodes]
        if missing:
            raise ModelFormatError(
                f"{self.path}: not a Deep Potential model, it has no node {', '.join(missing)}",
                "Give the .pb file that `dp freeze` wrote",
            )
        self.ntypes = int(self.constant("descrpt_attr/ntypes"))
        self.dtype = self.constant("descrpt_attr/rcut").dtype
        self.rcut = float(self.constant("descrpt_attr/rcut"))
        self.type_map = self.text("model_attr/tmap").split()
        self.model_type = self.text("model_attr/model_type")
        self.compressed = self.text("model_type", "original_model") == "compressed_model"

    def constant(self, name: str, default=None) -> np.ndarray:
        """Value of the constant ``name``; ``default`` when the graph has none, an error without a default."""
        node = self.nodes.get(name)
        if node is None and default is not None:
            return np.asarray(default)
        if node is None or node.op != "Const":
            found = "nothing" if node is None else f"an operation {node.op}"
            raise ModelFormatError(f"{self.path}: node {name}: expected a constant, found {found}")
        return tf.make_ndarray(node.attr["value"].tensor)

    def constants(self) -> dict[str, np.ndarray]:
        """Values of all constants by name."""
        return {name: self.constant(name) for name, node in self.nodes.items() if node.op == "Const"}

    def text(self, name: str, default: str | None = None) -> str:
        """Value of the string constant ``name``, with the default rule of :meth:`constant`."""
        value = self.constant(name, None if default is None else default.encode())
        return bytes(value.item()).decode() if value.size else ""

    @property
    def training_script(self) -> dict:
        """The normalised input the model was trained with; empty when the file holds none."""
        if SCRIPT not in self.nodes:
            return {}
        script = training_script({SCRIPT: self.constant(SCRIPT)}, str(self.path))
        return whole_script(script, lambda name: self.text(name) if name in self.nodes else None)

    def _check_version(self) -> None:
        found = self.text("model_attr/model_version", "0.0")
        major, minor = MODEL_VERSION
        try:
            numbers = tuple(int(part) for part in found.split("."))
        except ValueError:
            numbers = (-1,)
        if len(numbers) == 2 and numbers[0] == major and 0 <= numbers[1] <= minor:
            return
        if numbers < MODEL_VERSION:
            hint = "Convert the file with deepmd-kit's `dp convert-from`, or freeze the model again"
        else:
            hint = "Use a newer release of this program"
        raise ModelFormatError(
            f"{self.path}: model version: expected {major}.0 to {major}.{minor}, found {found}", hint
        )


def _read_graph_def(path: Path):
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        is_checkpoint = path.with_name(path.name + ".index").is_file()
        hint = "This is a checkpoint: write a model file with `dp freeze` first" if is_checkpoint else None
        raise ModelFormatError(f"model file {path} {what}", hint)
    graph_def = tf.GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
    except OSError as error:
        raise ModelFormatError(f"model file {path} cannot be read: {error.strerror}") from error
    except Exception as error:  # the protobuf runtimes have no public common error class
        raise _not_a_graph(path) from error
    if not graph_def.node:
        raise _not_a_graph(path)
    return graph_def


def _not_a_graph(path: Path) -> ModelFormatError:
    return ModelFormatError(
        f"{path}: expected a frozen TensorFlow graph, found {path.stat().st_size} bytes of something else",
        "Models of other backends (.pth, .savedmodel, .dp) have to be converted to .pb first",
    )
