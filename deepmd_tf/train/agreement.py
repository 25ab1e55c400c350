"""What an input says of a model that is there already: filled up from the model, and held against it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from dargs import Argument

from deepmd_tf.config.arguments import show
from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.export.script import plain_descriptors
from deepmd_tf.fitting.base import fittings
from deepmd_tf.model.type_embedding import TypeEmbedding
from deepmd_tf.stat.sel import is_auto

# How a model is trained and what statistics look at: never taken over from the pretrained model by itself.
TRAINING = ("trainable", "trainable_ln", "seed", "rcond", "data_stat_nbatch", "data_stat_protect", "data_bias_nsample")
# Keys that may differ from those of the pretrained model: its function stays the same, to rounding.
FREE = (*TRAINING, "precision")
LEAVE_OUT = "Leave the key out, or take the whole section of the pretrained model by --use-pretrain-script"


def check_kinds(given: Mapping, own: Mapping, path: str) -> None:
    """Refuse, by a ConfigError, an input that names another descriptor or fitting than the model ``path`` has."""
    for key, registry in (("descriptor", descriptors), ("fitting_net", fittings)):
        section, kind = given.get(key), own[key]["type"]
        name = section.get("type", kind) if isinstance(section, dict) else kind
        if isinstance(name, str) and name != kind and name not in registry.aliases(kind):
            raise ConfigError(f"model/{key}/type: expected {show(kind)}, as in {path}, found {show(name)}", LEAVE_OUT)


def filled(given: Mapping, own: Mapping, vectors: Mapping | None) -> dict:
    """The section ``model`` of an input with what it leaves out, but for the training, as in the section ``own``.

    Parameters
    ----------
    given : dict
        As the user wrote it, without ``type_map``.
    own : dict
        Normalised.
    vectors : dict or None
        Settings of the vectors of the types where ``own`` has no section of them; None for networks of each type.
    """
    own = _without_training(own)
    fillers = {"descriptor": _filled_descriptor, "fitting_net": _filled_fitting, "type_embedding": _filled_types}
    known = {**own, "type_embedding": own.get("type_embedding") or vectors}
    whole = {
        key: fill(given[key], known[key])
        for key, fill in fillers.items()
        if isinstance(given.get(key), dict) and known[key]
    }
    return {**own, **given, **whole}


def check_agreement(own: Mapping, section: Mapping, path: str, source) -> None:
    """Refuse what would make another function of the weights of the model ``path``.

    Parameters
    ----------
    own, section : dict
        Normalised sections ``model``: of the model, for the types of the input, and of the input ``source``.

    Raises
    ------
    ConfigError
        One line for each key, with both values.
    """
    found = list(_differences(_comparable(own), _comparable(section), "model"))
    if found:
        lines = [f"{source}: {key}: expected {show(a)}, as in {path}, found {show(b)}" for key, a, b in found]
        raise ConfigError("\n".join(f"{line}. {LEAVE_OUT}" for line in lines))


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
