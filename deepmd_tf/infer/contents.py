"""What a model file or checkpoint holds: input, types, weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.script import OBSERVED_TYPE, SELFCHECK, training_script
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.stored import StoredTable, stored_tables
from deepmd_tf.tf1 import tf

# Names of trainable weights (contract C.7), by the part of the model they belong to.
_PARTS = {
    "descriptor": r"(filter_type_(\d+|all)|type_embed_net|attention_layer_\d+)[^/]*(/[^/]+)*/"
    r"((matrix|bias|idt)(_\d+(_\d+)*)?(_(one|two)_side_ebd)?|gamma|beta)",
    "fitting_net": r"((final_)?layer(_\d+)?(_type_\d+)?|share_[^/]+)[^/]*/(matrix(_1)?|tweight|bias|idt)",
}


@dataclass(frozen=True)
class Contents:
    """What can be told of a model without running it.

    Attributes
    ----------
    script : dict
        The normalised input; empty when the file holds none.
    type_map : list of str
    weights : dict of str to tuple of int
        Shapes of the trainable weights by name.
    observed : list of str or None
        Types in the training data; None when it was not recorded.
    tables : list of StoredTable
        What stands for the embedding networks of a compressed model.
    selfcheck : str or None
        Figures of the self-check, as :mod:`deepmd_tf.selfcheck` stores them; None without one.
    """

    script: dict
    type_map: list[str]
    weights: dict[str, tuple[int, ...]]
    observed: list[str] | None
    tables: list[StoredTable] = field(default_factory=list)
    selfcheck: str | None = None

    def part(self, name: str) -> dict[str, tuple[int, ...]]:
        """Weights of ``descriptor`` or ``fitting_net``."""
        pattern = re.compile(_PARTS[name])
        return {weight: shape for weight, shape in self.weights.items() if pattern.fullmatch(weight)}

    def section(self, name: str) -> dict:
        """Section ``model/NAME`` of the input.

        Raises
        ------
        ModelFormatError
            The model does not hold its input.
        """
        if name not in self.script.get("model", {}):
            raise ModelFormatError(f"the model does not hold the section model/{name} of its input")
        return self.script["model"][name]


def read_contents(path) -> Contents:
    """Read a frozen model, or the newest complete checkpoint that ``path`` stands for.

    Raises
    ------
    ModelFormatError, CheckpointError
        It is neither, or damaged.
    """
    path = Path(path)
    if path.is_dir() or path.with_name(path.name + ".index").exists():
        return _checkpoint(path)
    return _frozen(path)


def _frozen(path: Path) -> Contents:
    model = FrozenModel(path)
    shapes = {
        name: tuple(dim.size for dim in node.attr["value"].tensor.tensor_shape.dim)
        for name, node in model.nodes.items()
        if node.op == "Const"
    }
    observed = model.text(OBSERVED_TYPE).split() if OBSERVED_TYPE in model.nodes else None
    selfcheck = model.text(SELFCHECK) if SELFCHECK in model.nodes else None
    return Contents(model.training_script, model.type_map, _weights(shapes), observed, stored_tables(model), selfcheck)


def _checkpoint(path: Path) -> Contents:
    checkpoint = find_checkpoint(path)
    values = checkpoint.values()
    script = training_script(values, str(checkpoint.prefix))
    observed = tf.compat.as_text(values[OBSERVED_TYPE].item()).split() if OBSERVED_TYPE in values else None
    shapes = {name: value.shape for name, value in values.items()}
    return Contents(script, script.get("model", {}).get("type_map", []), _weights(shapes), observed)


def _weights(shapes: dict) -> dict[str, tuple[int, ...]]:
    pattern = re.compile("|".join(f"(?:{part})" for part in _PARTS.values()))
    return {name: tuple(shape) for name, shape in sorted(shapes.items()) if pattern.fullmatch(name)}
