"""The model that is to be compressed: what its file holds, and what it lacks."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmd_tf.config.arguments import required
from deepmd_tf.config.check import normalize
from deepmd_tf.data.find import find_systems
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.script import MIN_NBOR_DIST, OBSERVED_TYPE, min_nbor_dist, plain_descriptors
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import REFUSED
from deepmd_tf.model.energy import EnergyModel
from deepmd_tf.model.make import make_model
from deepmd_tf.stat.neighbor import neighbor_statistics
from deepmd_tf.stat.sel import is_auto
from deepmd_tf.train.run import load_config
from deepmd_tf.train.schema import model_section

log = logging.getLogger(__name__)

TRAIN_ATTRIBUTES = "train_attr/"


@dataclass(frozen=True)
class Original:
    """A frozen model with all that compression needs.

    Attributes
    ----------
    frozen : FrozenModel
    script : dict
        The input it was trained with.
    model : EnergyModel
    values : dict of str to ndarray
        The constants of the graph.
    nearest : float
        Smallest distance of two atoms in the training data, Å.
    types : list of int
        Types whose pairs have tables where one network serves all: those of the training data, if the file tells.
    types_named : bool
        Whether the user has named these.
    """

    frozen: FrozenModel
    script: dict
    model: EnergyModel
    values: dict[str, np.ndarray]
    nearest: float
    types: list[int]
    types_named: bool = False

    @property
    def interface(self) -> np.dtype:
        """Precision of coordinates, forces and virials."""
        return np.dtype(self.frozen.dtype)

    def attributes(self) -> dict:
        """The constants about the training, as :func:`deepmd_tf.export.freeze.inference_graph` takes them."""
        nodes = {name: node for name, node in self.frozen.nodes.items() if name.startswith(TRAIN_ATTRIBUTES)}
        names = [name for name, node in nodes.items() if node.op == "Const"]
        values = {name: self.frozen.constant(name) for name in names}
        # Strings come as objects; a constant wants to be told.
        return {
            name: (value.item() if value.dtype == object else value, "string" if value.dtype == object else value.dtype)
            for name, value in values.items()
        }


def open_original(path: str | Path, training_script: str | None = None, types: Sequence[str] | None = None) -> Original:
    """Read the model at ``path``; ``training_script``, an input file, is asked for what the model does not hold.

    ``types`` are names, in the place of those that the training data had.

    Raises
    ------
    ModelFormatError
        The file is no model, or one that cannot be compressed, or lacks what ``training_script`` would tell.
    ConfigError
        The model, or the input file, asks for something that this program does not have.
    """
    frozen = FrozenModel(path)
    _check(frozen)
    given = None if training_script is None else load_config(training_script)
    script = frozen.training_script or given
    if script is None:
        raise ModelFormatError(
            f"{path}: holds no train_attr/training_script", "Name the input file it was trained with by -t"
        )
    section = _model_section(frozen, script)
    model = make_model(section)
    values = frozen.constants()
    nearest = _nearest(frozen, values, model, given)
    return Original(frozen, script, model, values, nearest, _types(frozen, types), types is not None)


def _check(frozen: FrozenModel) -> None:
    if frozen.compressed:
        raise ModelFormatError(f"{frozen.path}: is compressed already", "Give the model it was made from")
    if frozen.model_type != "ener":
        raise ModelFormatError(
            f"{frozen.path}: expected an energy model, found model type {frozen.model_type!r}; "
            "no other can be compressed here"
        )
    for node, kind in REFUSED.items():
        if node in frozen.nodes:
            raise ModelFormatError(f"{frozen.path}: {kind} cannot be compressed here; expected a plain energy model")


def _model_section(frozen: FrozenModel, script: dict) -> dict:
    """The complete section ``model`` with the types and slots of the graph."""
    section = copy.deepcopy(script.get("model", {}))
    section.pop("compress", None)
    root = required("input", dict, "Part of an input.", sub_fields=[model_section()])
    section = normalize({"model": section}, root, source=frozen.path)["model"]
    section["type_map"] = list(frozen.type_map)
    for descriptor, suffix in plain_descriptors(section["descriptor"]):
        if is_auto(descriptor.get("sel", [])):
            descriptor["sel"] = frozen.constant(f"descrpt_attr{suffix}/sel").tolist()
        if "tebd_dim" in descriptor:
            # Another program makes vectors of eight numbers, whatever its input says.
            descriptor["tebd_dim"] = int(frozen.constant("type_embed_net/matrix_1").shape[1])
    return section


def _types(frozen: FrozenModel, names: Sequence[str] | None) -> list[int]:
    """The types ``names``, else those of the training data, else all."""
    known = frozen.type_map
    if names is None:
        names = frozen.text(OBSERVED_TYPE).split() if OBSERVED_TYPE in frozen.nodes else known
    for name in names:
        if name not in known:
            raise ConfigError(f"--types {name}: expected types of the model: {' '.join(known)}")
    return sorted(known.index(name) for name in names)


def _nearest(frozen: FrozenModel, values: dict, model: EnergyModel, given: dict | None) -> float:
    stored = min_nbor_dist(values)
    if stored is not None:
        return stored
    if given is None:
        raise ModelFormatError(
            f"{frozen.path}: holds no {MIN_NBOR_DIST}",
            "Name the input file it was trained with by -t: the smallest distance is then taken from its data",
        )
    data = given["training"]["training_data"]
    systems = [System.open(path, frozen.type_map) for path in find_systems(data["systems"], data["rglob_patterns"])]
    found = neighbor_statistics(systems, model.descriptor.rcut, len(frozen.type_map)).min_distance
    log.info("smallest distance in the training data %.4f Å", found)
    return found
