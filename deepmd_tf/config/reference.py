"""The facts of the field's parameter reference: which keys and choices exist, and their defaults.

They let the checker tell a key that this program does not support yet from a misspelt one.
"""

from __future__ import annotations

import functools
import importlib.resources
import json

# Keys of multi-task input files, which the printed reference leaves out.
MULTI_TASK = frozenset(
    {
        "loss_dict",
        "model/model_dict",
        "model/shared_dict",
        "training/data_dict",
        "training/model_prob",
        "training/num_epoch_dict",
    }
)


class Reference:
    """Look-up in the rows of ``reference.json``, whose paths carry choices: ``model[standard]/descriptor``.

    The reference prints the sections in a hybrid's list once, where they stand alone; a path inside the list is
    looked up there.
    """

    def __init__(self, rows: dict[str, dict]):
        self.rows = rows
        self._by_section: dict[str, dict[str, str]] = {}
        for path, row in rows.items():
            section, _, key = path.rpartition("/")
            for name in (key, *row.get("aliases", ())):
                self._by_section.setdefault(section, {})[name] = path

    def keys_of(self, section: str) -> dict[str, str]:
        """The names and aliases that may stand in ``section``, each with the path of its row."""
        return self._by_section.get(alone(section), {})

    def has_choice(self, path: str, name: str) -> bool:
        """Whether the key at ``path`` may take the choice ``name``, by its name or an alias."""
        if name == "hybrid" and path != alone(path):
            return False  # a hybrid's list holds everything but another hybrid
        choices = self.rows.get(alone(path), {}).get("choices", {})
        return name in choices or any(name in aliases for aliases in choices.values())

    def is_default(self, path: str, value) -> bool:
        """Whether ``value`` says nothing more than leaving the key out would; ``None`` says nothing."""
        row = self.rows[path]
        if value is None or "default" not in row:
            return value is None
        return isinstance(value, bool) == isinstance(row["default"], bool) and value == row["default"]


def alone(path: str) -> str:
    """The path of a key in a hybrid's list where its section stands alone."""
    return path.replace("/descriptor[hybrid]/list", "/descriptor")


@functools.cache
def reference() -> Reference:
    """The reference that is shipped with the package."""
    source = importlib.resources.files("deepmd_tf.config") / "reference.json"
    return Reference(json.loads(source.read_text(encoding="utf-8")))
