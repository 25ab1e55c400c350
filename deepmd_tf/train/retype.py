"""A model with another list of types: its section of the input, and its weights.

Networks that are told the types take any list: rows of statistics, energies and vectors follow the names. Networks of
each type can only be put into another order.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping

import numpy as np

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.export.script import plain_descriptors
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.type_map import TypeMapChange

# Embedding networks: type of the centre or "all", part of a hybrid, kind and number of the layer, types.
EMBEDDING = re.compile(r"filter_type_(\d+|all)(_\d+)?/(matrix|bias|idt)_(\d+)((?:_\d+)+)")
FITTING = re.compile(r"(.+)_type_(\d+)/(matrix|bias|idt)")
LINEAR = ("none", "linear")


def retyped_section(section: Mapping, change: TypeMapChange) -> dict:
    """The normalised section ``model`` for the new types: what it says type by type, in their order.

    Raises
    ------
    ConfigError
        Of the types with a given ``atom_ener`` none is left: without them the others have other energies.
    """
    section = copy.deepcopy(dict(section))
    section["type_map"] = list(change.new)
    for part, _ in plain_descriptors(section["descriptor"]):
        part["exclude_types"] = [list(pair) for pair in change.pairs(part.get("exclude_types", []))]
        if not descriptors.get(part["type"]).one_list:
            part["sel"] = change.rows(part["sel"], 0).tolist()
    given = section["fitting_net"].get("atom_ener")
    if given:
        moved = dict(zip(change.old, given))
        kept = [moved.get(name) for name in change.new]
        if all(energy is None for energy in kept) and any(energy is not None for energy in given):
            names = [name for name, energy in moved.items() if energy is not None]
            raise ConfigError(
                f"model/type_map: leaves out {', '.join(names)}, all types with a given atom_ener; the energies of the "
                "others depend on that there is one",
                f"Keep {names[0]} in model/type_map",
            )
        section["fitting_net"]["atom_ener"] = kept
    return section


def retyped_values(model, values: Mapping, change: TypeMapChange, fresh: Mapping) -> dict:
    """Weights and statistics for the new types, by name.

    Parameters
    ----------
    model : EnergyModel
        Of the old types.
    values : dict of str to ndarray
    change : TypeMapChange
        Where the model has networks of each type, the new types are the old ones in another order.
    fresh : dict of str to ndarray
        Statistics in the new order, for rows of types that the model did not have.
    """
    values = dict(values)
    bias = model.fitting.output_bias().weight
    values[bias] = change.rows(values[bias], 0.0)
    for environment in model.descriptor.environments():
        for name in (f"{environment.scope}/t_avg", f"{environment.scope}/t_std"):
            values[name] = change.rows(values[name], fresh.get(name, 0.0))
    if model.type_embedding is not None:
        return _with_vectors(model.type_embedding, values, change)
    to = [change.new.index(name) for name in change.old]
    for environment in model.descriptor.environments():
        slots = _slots(environment.spec, change)
        for name in (f"{environment.scope}/t_avg", f"{environment.scope}/t_std"):
            values[name] = values[name][:, slots]
    return {_moved(name, to): value for name, value in values.items()}


def _with_vectors(types, values: dict, change: TypeMapChange) -> dict:
    """The vectors of the types follow the names; those of new ones are drawn, or made of their electrons."""
    if not types.use_econf_tebd:
        name = "type_embed_net/matrix_1"
        linear = str(types.activation_function).lower() in LINEAR and not types.resnet_dt
        (seed,) = Seeds(types.seed).take(1)
        drawn = np.random.default_rng(seed).uniform(size=(len(change.new), values[name].shape[1]))
        values[name] = change.type_matrix(values[name], drawn, linear=linear)
    return values


def _slots(spec, change: TypeMapChange) -> np.ndarray:
    """Old columns of the statistics in the new order: blocks of neighbour slots, type after type."""
    ends = np.cumsum([0, *spec.sel]) * spec.components
    blocks = {name: np.arange(*ends[t : t + 2]) for t, name in enumerate(change.old)}
    return np.concatenate([blocks[name] for name in change.new])


def _moved(name: str, to: list[int]) -> str:
    """The name of a weight when type t has become type ``to[t]``."""
    if found := EMBEDDING.fullmatch(name):
        center, part, kind, layer, types = found.groups()
        center = center if center == "all" else to[int(center)]
        # A network of two neighbours is named by their types in ascending order.
        types = sorted(to[int(t)] for t in types[1:].split("_"))
        return "_".join([f"filter_type_{center}{part or ''}/{kind}", layer, *map(str, types)])
    if found := FITTING.fullmatch(name):
        layer, t, kind = found.groups()
        return f"{layer}_type_{to[int(t)]}/{kind}"
    return name
