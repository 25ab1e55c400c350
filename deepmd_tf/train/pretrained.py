"""The frozen model that a fine-tuning starts from, and what the input of the fine-tuning says of it."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from dargs import Argument

from deepmd_tf import keys
from deepmd_tf.config.check import normalize
from deepmd_tf.data.dataset import DataSet
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.freeze import file_attributes, inference_graph
from deepmd_tf.export.script import SCRIPT, plain_descriptors
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot, check_plain_energy
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.type_map import TypeMapChange
from deepmd_tf.precision import interface_dtype
from deepmd_tf.stat.env import environment_statistics
from deepmd_tf.stat.sel import is_auto
from deepmd_tf.tf1 import tf
from deepmd_tf.train.agreement import check_agreement, check_kinds, filled
from deepmd_tf.train.bias import change_bias
from deepmd_tf.train.retype import retyped_section, retyped_values
from deepmd_tf.train.schema import model_section

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pretrained:
    """A frozen model, ours or one of deepmd-kit, whose weights are to be trained further on other data.

    Attributes
    ----------
    path : str
        Its file, for messages.
    section : dict
        Its normalised section ``model``, with ``type_map`` and numbers in ``sel``.
    values : dict of str to ndarray
        Its weights and statistics by name, among other constants of its graph.
    """

    path: str
    section: dict
    values: dict[str, np.ndarray] = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Pretrained:
        """Read the file.

        Raises
        ------
        ModelFormatError
            It is no model that can be trained further; the text says what else can be done with it.
        ConfigError
            The model has something that this program does not support.
        """
        model = FrozenModel(path)
        check_plain_energy(model)
        if model.compressed:
            raise ModelFormatError(
                f"{path}: is compressed; its tables cannot be trained", "Fine-tune from the model that it was made from"
            )
        script = model.training_script
        if "model" not in script:
            raise ModelFormatError(
                f"{path}: holds no {SCRIPT}, which tells how the model is made",
                "Give the complete input, and start from the weights by --init-frz-model",
            )
        values = {name: value for name, value in model.constants().items() if tf.as_dtype(value.dtype).is_floating}
        return cls(str(path), _section(model, script["model"]), values)

    def completed(self, given, use_script: bool = False):
        """The section ``model`` of an input, with what it leaves out as the pretrained model has it.

        Parameters
        ----------
        given
            The section as the user wrote it, None where it is left out; what is no section comes back as it is.
        use_script : bool
            Take all of it from the pretrained model but the list of types.

        Raises
        ------
        ConfigError
            The list of types, or the kind of descriptor or fitting, cannot be had with the weights.
        """
        if not isinstance(given, dict | None):
            return given
        given = dict(given or {})
        names = given.pop("type_map", None)
        own = self._for_types(names)
        if isinstance(names, list) and (kept := own["type_map"][len(names) :]):
            log.info("types kept behind those of the input, whose energies depend on them: %s", ", ".join(kept))
        if use_script:
            return own
        check_kinds(given, own, self.path)
        return filled(given, own, self._type_vectors())

    def check(self, section: Mapping, source) -> None:
        """Hold the normalised section ``model`` of the input ``source`` against the pretrained model.

        Raises
        ------
        ConfigError
            One line per key that would make another function of the weights.
        """
        own = self._for_types(section["type_map"])
        if section.get("type_embedding"):
            own.setdefault("type_embedding", self._type_vectors())
        check_agreement(own, section, self.path, source)

    def fitted(self, section: Mapping, training: DataSet) -> dict[str, np.ndarray]:
        """Weights and statistics for the types of ``section``, with the energies per type that the data ask for.

        Raises
        ------
        CheckpointError
            A weight is missing or has another size.
        ConfigError
            Vectors of the types cannot be had for these types.
        """
        model, values = make_model(section), self.values
        change = TypeMapChange(self.section["type_map"], section["type_map"])
        if list(change.old) != list(change.new):
            fresh = _statistics(model, section, training) if change.unknown else {}
            values = retyped_values(make_model(self.section), values, change, fresh)
            log.info("%s: types %s, here %s", self.path, " ".join(change.old), " ".join(change.new))
        if change.unknown:
            log.info("%s knows no %s: vectors drawn, statistics from the data", self.path, ", ".join(change.unknown))
        graph_def = inference_graph(model, values, interface_dtype(), file_attributes({"model": section}, None))
        bias = model.fitting.output_bias()
        frames = training.sample(section["data_bias_nsample"], (bias.label, keys.FPARAM, keys.APARAM))
        with contextlib.closing(DeepPot(FrozenModel(self.path, graph_def))) as potential:
            changed = change_bias(potential, frames, values[bias.weight], bias.given, bias.rcond)
        changed.report()
        values = {**values, bias.weight: changed.after.astype(values[bias.weight].dtype)}
        nodes = {node.name for node in graph_def.node}
        return {name: value for name, value in values.items() if f"{name}/read" in nodes}

    def _type_vectors(self) -> dict | None:
        """Settings of the vectors of the types, where the section has none of its own."""
        return make_model(self.section).descriptor.type_vectors

    def _for_types(self, names) -> dict:
        """The section for a list of types; a list that is none is left to the check of the input."""
        own = self.section["type_map"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return {**copy.deepcopy(self.section), "type_map": own if names is None else names}
        if make_model(self.section).type_embedding is None:
            if missing := [name for name in names if name not in own]:
                raise ConfigError(
                    f"model/type_map: {', '.join(missing)}: expected some of {', '.join(own)}, the types of "
                    f"{self.path}, which has networks of each type",
                    "Types can be added to models with the descriptor 'se_atten', whose networks are told the types",
                )
            # Empty slots of a type are part of the energies of the others.
            names = [*names, *(name for name in own if name not in names)]
        return retyped_section(self.section, TypeMapChange(own, names))


def _section(model: FrozenModel, given: Mapping) -> dict:
    """The model section of a file, complete and checked; what it leaves open is read from the constants."""
    given = copy.deepcopy(dict(given))
    given["type_map"] = model.type_map
    for part, suffix in plain_descriptors(given["descriptor"]):
        if is_auto(part.get("sel", "auto")):
            part["sel"] = model.constant(f"descrpt_attr{suffix}/sel").tolist()
        if not given.get("type_embedding") and "tebd_dim" in part:
            # deepmd-kit makes vectors of eight numbers, whatever its input says.
            part["tebd_dim"] = int(model.constant("type_embed_net/matrix_1").shape[1])
    schema = Argument("input", dict, [model_section()])
    return normalize({"model": given}, schema, source=f"{model.path}, {SCRIPT}")["model"]


def _statistics(model, section: Mapping, training: DataSet) -> dict[str, np.ndarray]:
    """Mean and scale of the environment matrices in the data, by name."""
    values = {}
    for environment in model.descriptor.environments():
        found = environment_statistics(training.sample(section["data_stat_nbatch"], ()), environment.spec)
        values.update(zip((f"{environment.scope}/t_avg", f"{environment.scope}/t_std"), found))
    return values
