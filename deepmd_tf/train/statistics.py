"""What a model takes from its training data before the first step, as plain arrays by weight name."""

from __future__ import annotations

import logging

import numpy as np

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.precision import interface_dtype
from deepmd_tf.stat.bias import energy_bias
from deepmd_tf.stat.env import environment_statistics
from deepmd_tf.stat.neighbor import neighbor_statistics
from deepmd_tf.stat.parameters import parameter_statistics
from deepmd_tf.stat.sel import check_sel, is_auto, resolve_sel

log = logging.getLogger(__name__)


def neighbor_facts(section: dict, dataset: DataSet, start, skip: bool) -> float | None:
    """Settle ``sel`` of the model section in place; return the smallest distance in the data, Å.

    A run that goes on keeps what its checkpoint says, without looking at the data again.

    Raises
    ------
    ConfigError
        ``sel`` is automatic and the statistics are to be skipped.
    """
    parts = descriptor_parts(section["descriptor"])
    if start.resume:
        kept = descriptor_parts(start.script["model"]["descriptor"])
        for key, part in parts.items():
            if is_auto(part["sel"]):
                part["sel"] = kept[key]["sel"]
        return start.min_nbor_dist
    if skip:
        for key, part in parts.items():
            if is_auto(part["sel"]):
                raise ConfigError(
                    f"{key}/sel = {part['sel']!r} needs the neighbour statistics",
                    "Leave out --skip-neighbor-stat, or give numbers",
                )
        return None
    nearest = min(_settle_sel(key, part, dataset, section["type_map"]) for key, part in parts.items())
    log.info("smallest distance in the training data %.4f Å", nearest)
    return nearest


def descriptor_parts(section: dict) -> dict[str, dict]:
    """The sections of a descriptor that have a cutoff of their own, by path; see :meth:`Descriptor.parts`."""
    return descriptors.get(section["type"]).parts(section)


def _settle_sel(key: str, part: dict, dataset: DataSet, type_map: list[str]) -> float:
    """Choose or check ``sel`` of one descriptor; return the smallest distance below its cutoff."""
    one_list = descriptors.get(part["type"]).one_list
    found = neighbor_statistics(dataset.systems, part["rcut"], len(type_map), mixed=one_list)
    if is_auto(part["sel"]):
        asked, part["sel"] = part["sel"], resolve_sel(part["sel"], found.max_neighbors, mixed=one_list)
        log.info("%s/sel %r: found %s neighbours, took %s", key, asked, list(found.max_neighbors), part["sel"])
    for sentence in check_sel(part["sel"], found, type_map):
        log.warning("%s/sel: %s; the farthest neighbours are left out there", key, sentence)
    return found.min_distance


def model_statistics(model, section: dict, dataset: DataSet) -> dict[str, np.ndarray]:
    """Normalisation of the environment, energy per type, scale of the parameters.

    Parameters
    ----------
    model : EnergyModel
    section : dict
        Normalised ``model`` section.
    dataset : DataSet
        Training data; ``data_stat_nbatch`` batches of each system are used.
    """
    sample = lambda *labels: dataset.sample(section["data_stat_nbatch"], labels)  # noqa: E731
    ntypes, dtype = len(section["type_map"]), interface_dtype()
    values: dict[str, np.ndarray] = {}
    for env in model.descriptor.environments():
        mean_and_scale = environment_statistics(sample(), env.spec)
        values[f"{env.scope}/t_avg"], values[f"{env.scope}/t_std"] = mean_and_scale
    bias = model.fitting.output_bias()
    if bias is not None:
        values[bias.weight] = energy_bias(sample(bias.label), ntypes, bias.given, bias.rcond)
        log.info(
            "energy per type: %s eV",
            # A type that does not occur has none; a map may name all elements.
            ", ".join(f"{t} {e:.4f}" for t, e in zip(section["type_map"], values[bias.weight]) if e),
        )
    for key, width in model.fitting.standardised().items():
        mean, inverse = parameter_statistics(sample(key), key, width, section["data_stat_protect"])
        values[f"fitting_attr/t_{key}_avg"], values[f"fitting_attr/t_{key}_istd"] = mean, inverse
    return {name: value.astype(dtype) for name, value in values.items()}
