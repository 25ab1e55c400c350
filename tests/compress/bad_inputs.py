"""Models and options that dp compress refuses, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.tf1 import tf

TITLE = "Compression"


@dataclass(frozen=True)
class Row:
    """A fault in a folder with a frozen model ``model.pb`` and its data.

    Attributes
    ----------
    what : str
        The fault in words, for the manual.
    damage : callable
        Makes it, given the folder.
    options : list of str
        Of ``dp compress``, beside ``-i model.pb``.
    message : str
        All that the user is told.
    """

    what: str
    damage: Callable[[Path], None]
    options: list
    message: str


def nothing(folder: Path) -> None:
    """The fault is in the options alone."""


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace a part of a string constant of the model."""

    def damage(folder: Path) -> None:
        model = FrozenModel(folder / "model.pb")
        node = model.nodes[name]
        changed = model.text(name).replace(old, new)
        assert changed != model.text(name)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(changed))
        (folder / "model.pb").write_bytes(model.graph_def.SerializeToString())

    return damage


def without(*prefixes: str) -> Callable[[Path], None]:
    """Take nodes out of the model."""

    def damage(folder: Path) -> None:
        graph_def = FrozenModel(folder / "model.pb").graph_def
        kept = [node for node in graph_def.node if not node.name.startswith(prefixes)]
        kept_graph = tf.GraphDef(node=kept, versions=graph_def.versions)
        (folder / "model.pb").write_bytes(kept_graph.SerializeToString())

    return damage


SCRIPT = "train_attr/training_script"
ROWS = [
    Row(
        "the input as the output",
        nothing,
        ["-o", "model.pb"],
        "--output model.pb: is the input, which would be lost. Name another file; nothing has been written",
    ),
    Row(
        "an output in a folder that is not there",
        nothing,
        ["-o", "new/small.pb"],
        "--output new/small.pb: there is no folder new. Create it first",
    ),
    Row(
        "a compressed model",
        text("model_type", "original", "compressed"),
        [],
        "model.pb: is compressed already. Give the model it was made from",
    ),
    Row(
        "a model of another kind",
        text("model_attr/model_type", "ener", "dos"),
        [],
        "model.pb: expected an energy model, found model type 'dos'; no other can be compressed here",
    ),
    Row(
        "a network of half precision",
        text(SCRIPT, '"precision":"default"', '"precision":"float16"'),
        [],
        "precision float16 of the embedding network: expected float32 or float64, which tables can have",
    ),
    Row(
        "a model that does not hold its input",
        without(SCRIPT),
        [],
        "model.pb: holds no train_attr/training_script. Name the input file it was trained with by -t",
    ),
    Row(
        "a model that does not tell the smallest distance",
        without("train_attr/min_nbor_dist"),
        [],
        "model.pb: holds no train_attr/min_nbor_dist. Name the input file it was trained with by -t: the smallest "
        "distance is then taken from its data",
    ),
    Row(
        "a step that is not positive",
        nothing,
        ["-s", "0"],
        "--step: expected a number above 0, found 0",
    ),
    Row(
        "tables that end before they begin",
        nothing,
        ["-e", "1"],
        "--extrapolate: expected a number above 1, found 1",
    ),
    Row(
        "tables that no file can hold",
        nothing,
        ["-s", "1e-6"],
        "--step 1e-06: the tables would take 35942 MB, a model file can hold 2147 MB of them. Take --step 1.7e-05 or wider",
    ),
    Row(
        "a tolerance without frames",
        text(SCRIPT, '"systems":"training"', '"systems":"elsewhere"'),
        ["--tol", "1e-7"],
        "--tol needs frames: elsewhere: there is no such file or folder. Name some by --system",
    ),
    Row(
        "data that are not there",
        nothing,
        ["--system", "elsewhere"],
        "elsewhere: there is no such file or folder. Paths count from the folder dp is started in.",
    ),
    Row(
        "types for a model with networks of each pair of them",
        nothing,
        ["--types", "H"],
        "--types: expected a model whose network is told the types beside s(r) (DPA-1, 'concat'), found another. Leave it out",
    ),
    Row(
        "a type that the model does not know",
        nothing,
        ["--types", "H", "Xe"],
        "--types Xe: expected types of the model: O H",
    ),
    Row(
        "a head",
        nothing,
        ["--head", "a"],
        "--head is not supported by dp compress of this program. Leave it out",
    ),
]
