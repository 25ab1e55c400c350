"""The training script inside checkpoints and frozen models, and the model it describes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping

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
# The same in the section of a descriptor, or of a part of it. What they say stands below ``descrpt_attr`` as well.
OWN_DESCRIPTOR_KEYS = ("dialect",)


def portable_script(script: Mapping) -> dict:
    """The input without the keys that only this program knows, as model files for every program hold it."""
    kept = {name: _without(section, OWN_KEYS.get(name, ())) for name, section in script.items()}
    if "descriptor" in kept.get("model", {}):
        kept["model"]["descriptor"] = _portable_descriptor(kept["model"]["descriptor"])
    return kept


def whole_script(script: Mapping, constant: Callable[[str], str | None]) -> dict:
    """The input that :func:`portable_script` made ``script`` of, as far as it tells the model.

    ``constant`` returns the text of a constant of the file, None where it has none of this name.
    """
    whole = copy.deepcopy(dict(script))
    for section, suffix in plain_descriptors(whole.get("model", {}).get("descriptor", {})):
        for key in OWN_DESCRIPTOR_KEYS:
            if (text := constant(f"descrpt_attr{suffix}/{key}")) is not None:
                section[key] = text
    return whole


def _portable_descriptor(section: Mapping) -> dict:
    kept = _without(section, OWN_DESCRIPTOR_KEYS)
    if "list" in kept:
        kept["list"] = [_portable_descriptor(part) for part in kept["list"]]
    return kept


def _without(section: Mapping, keys) -> dict:
    return {key: value for key, value in section.items() if key not in keys}


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
