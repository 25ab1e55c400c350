"""The frozen model that a fine-tuning starts from, and what the input of the fine-tuning says of it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from dargs import Argument

from deepmd_tf.config.arguments import show
from deepmd_tf.config.check import normalize
from deepmd_tf.data.dataset import DataSet
from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.freeze import file_attributes, inference_graph
from deepmd_tf.export.script import SCRIPT, plain_descriptors
from deepmd_tf.fitting.base import fittings
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot, check_plain_energy
from deepmd_tf.model.make import make_model
from deepmd_tf.model.type_embedding import TypeEmbedding
from deepmd_tf.nn.type_map import TypeMapChange
from deepmd_tf.precision import interface_dtype
from deepmd_tf.stat.env import environment_statistics
from deepmd_tf.stat.sel import is_auto
from deepmd_tf.tf1 import tf
from deepmd_tf.train.bias import change_bias
from deepmd_tf.train.retype import retyped_section, retyped_values
from deepmd_tf.train.schema import model_section

log = logging.getLogger(__name__)

# How a model is trained and what statistics look at: never taken over from the pretrained model by itself.
TRAINING = ("trainable", "trainable_ln", "seed", "rcond", "data_stat_nbatch", "data_stat_protect", "data_bias_nsample")
# Keys that may differ from those of the pretrained model: its function stays the same, to rounding.
FREE = (*TRAINING, "precision")
LEAVE_OUT = "Leave the key out, or take the whole section of the pretrained model by --use-pretrain-script"


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
        _check_kinds(given, own, self.path)
        own = _without_training(own)
        fillers = {"descriptor": _filled_descriptor, "fitting_net": _filled_fitting, "type_embedding": _filled_types}
        known = {**own, "type_embedding": own.get("type_embedding") or self._type_vectors()}
        for key, filled in fillers.items():
            if isinstance(given.get(key), dict) and known[key]:
                given[key] = filled(given[key], known[key])
        return {**own, **given}

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
        found = list(_differences(_comparable(own), _comparable(section), "model"))
        if found:
            lines = [f"{source}: {key}: expected {show(a)}, as in {self.path}, found {show(b)}" for key, a, b in found]
            raise ConfigError("\n".join(f"{line}. {LEAVE_OUT}" for line in lines))

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
        changed = change_bias(
            DeepPot(FrozenModel(self.path, graph_def)),
            training.sample(section["data_bias_nsample"], (bias.label, *model.fitting.standardised())),
            values[bias.weight], bias.given, bias.rcond,
        )  # fmt: skip
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


def _check_kinds(given: Mapping, own: Mapping, path: str) -> None:
    for key, registry in (("descriptor", descriptors), ("fitting_net", fittings)):
        section, kind = given.get(key), own[key]["type"]
        name = section.get("type", kind) if isinstance(section, dict) else kind
        if isinstance(name, str) and name != kind and name not in registry.aliases(kind):
            raise ConfigError(f"model/{key}/type: expected {show(kind)}, as in {path}, found {show(name)}", LEAVE_OUT)


def _without_training(section):
    """The section, and those inside, without the keys of the training."""
    if isinstance(section, dict):
        return {key: _without_training(value) for key, value in section.items() if key not in TRAINING}
    return [_without_training(one) for one in section] if isinstance(section, list) else section


def _filled_descriptor(given: Mapping, own: Mapping) -> dict:
    """``sel`` is not looked for anew; of a hybrid, part by part."""
    given = {key: value for key, value in given.items() if key != "sel" or not is_auto(value)}
    parts, own_parts = given.get("list"), own.get("list")
    if isinstance(parts, list) and len(parts) == len(own_parts or []):
        alike = [isinstance(a, dict) and a.get("type", b["type"]) == b["type"] for a, b in zip(parts, own_parts)]
        given["list"] = [_filled_descriptor(a, b) if same else a for a, b, same in zip(parts, own_parts, alike)]
    return _filled(given, descriptors.get(own["type"]).arguments(), own)


def _filled_fitting(given: Mapping, own: Mapping) -> dict:
    return _filled(given, fittings.get(own["type"]).arguments(), own)


def _filled_types(given: Mapping, own: Mapping) -> dict:
    return _filled(given, TypeEmbedding.arguments(), _without_training(own))


def _filled(given: Mapping, arguments: Iterable[Argument], own: Mapping) -> dict:
    """``given`` with the keys that it leaves out, under whatever name, as in ``own``."""
    aliases = {argument.name: argument.alias for argument in arguments}
    left_out = {key: value for key, value in own.items() if not any(name in given for name in aliases.get(key, []))}
    return {**left_out, **given}


def _comparable(section: Mapping) -> dict:
    """The section without the names of the types, and in one of the forms that mean the same."""
    section = {key: value for key, value in copy.deepcopy(dict(section)).items() if key != "type_map"}
    for part, _ in plain_descriptors(section["descriptor"]):
        if descriptors.get(part["type"]).one_list and not is_auto(part["sel"]):
            part["sel"] = int(np.sum(part["sel"]))
        part["exclude_types"] = sorted(sorted(pair) for pair in part.get("exclude_types", []))
    return section


def _differences(expected, found, path: str) -> Iterator[tuple[str, object, object]]:
    """Paths and both values where two sections differ in a way that matters."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found} - {*FREE}):
            yield from _differences(expected.get(key), found.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for k, (a, b) in enumerate(zip(expected, found)):
            yield from _differences(a, b, f"{path}/{k}")
    elif expected != found and (expected or found):
        yield path, expected, found


def _statistics(model, section: Mapping, training: DataSet) -> dict[str, np.ndarray]:
    """Mean and scale of the environment matrices in the data, by name."""
    values = {}
    for environment in model.descriptor.environments():
        found = environment_statistics(training.sample(section["data_stat_nbatch"], ()), environment.spec)
        values.update(zip((f"{environment.scope}/t_avg", f"{environment.scope}/t_std"), found))
    return values
