"""The training script inside checkpoints and frozen models, and the model it describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np

from deepmd_tf.errors import ModelFormatError

SCRIPT = "train_attr/training_script"
MIN_NBOR_DIST = "train_attr/min_nbor_dist"
SEED = "train_attr/seed"
# A node of our own: names of the types that the training data hold, joined by one blank.
OBSERVED_TYPE = "train_attr/observed_type"
# Another one: figures of the self-check of the file. Not below train_attr, which compressed models take over.
SELFCHECK = "file_attr/selfcheck"
# Keys of the input that are this program's own; another's checker would refuse them.
OWN_KEYS = {"training": ("embedding_table", "table_tolerance")}


def portable_script(script: Mapping) -> dict:
    """The input without the keys that only this program knows, as model files for every program hold it."""
    own = lambda name, key: key in OWN_KEYS.get(name, ())  # noqa: E731
    return {
        name: {key: value for key, value in section.items() if not own(name, key)} for name, section in script.items()
    }


def training_script(values: Mapping[str, np.ndarray], origin: str) -> dict:
    """The normalised input that a checkpoint or frozen model carries.

    Raises
    ------
    ModelFormatError
        There is none, or it is not JSON.
    """
    if SCRIPT not in values:
        raise ModelFormatError(f"{origin}: holds no {SCRIPT}", "Only models written with their input can be used here")
    raw = np.asarray(values[SCRIPT]).item()
    try:
        return json.loads(raw.decode() if isinstance(raw, bytes) else raw)
    except ValueError as error:
        raise ModelFormatError(f"{origin}: its {SCRIPT} is not JSON ({error})") from error


def min_nbor_dist(values: Mapping[str, np.ndarray]) -> float | None:
    """The smallest distance found in the training data, Å, where it was determined."""
    value = float(np.asarray(values[MIN_NBOR_DIST])) if MIN_NBOR_DIST in values else -1.0
    return value if value > 0 else None


def plain_descriptors(section: Mapping, suffix: str = "") -> Iterator[tuple[Mapping, str]]:
    """The descriptors inside a section ``descriptor``, each with what follows the scopes of its names in the graph."""
    if "list" not in section:
        yield section, suffix
        return
    for k, part in enumerate(section["list"]):
        yield from plain_descriptors(part, f"{suffix}_{k}")
