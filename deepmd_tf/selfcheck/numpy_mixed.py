"""Energies of models whose networks are told the types, from the equations of DPA-1 in NumPy; no forces.

Forces of such models are checked by differences of energies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.script import plain_descriptors
from deepmd_tf.nn.dialect import DEFAULT, DIALECTS, NODE
from deepmd_tf.selfcheck.numpy_atten import descriptor
from deepmd_tf.selfcheck.numpy_env import surroundings
from deepmd_tf.selfcheck.numpy_model import fitting_layers, parameters
from deepmd_tf.selfcheck.numpy_net import fitting_slope

_KINDS = ("se_atten", "dpa1", "se_atten_v2")
_REVISED = {"tebd_input_mode": "strip", "stripped_type_embedding": None, "smooth_type_embedding": True}


@dataclass(frozen=True)
class Energies:
    """What a model says of one frame, as far as it is computed here.

    Attributes
    ----------
    atom_energy : [N], eV
    cut_off : int [N]
    ties : int
        As of :class:`~deepmd_tf.selfcheck.numpy_model.Prediction`.
    """

    atom_energy: np.ndarray
    cut_off: np.ndarray
    ties: int
    force = virial = None

    @property
    def energy(self) -> float:
        """Energy of the frame, eV."""
        return float(self.atom_energy.sum())


def is_told_types(model: Mapping) -> bool:
    """Whether the descriptors of a section ``model`` are those of DPA-1."""
    return all(part["type"] in _KINDS for part, _ in plain_descriptors(model["descriptor"]))


def predict(coord, types, cell, model: Mapping, weights: Mapping, fparam=None, aparam=None) -> Energies:
    """Energies of one frame; parameters as :func:`deepmd_tf.selfcheck.numpy_model.predict`.

    Raises
    ------
    ModelFormatError
        Tables stand for networks.
    """
    coord, types = np.reshape(coord, (-1, 3)), np.asarray(types)
    parts = [_Part(model, section, suffix, weights) for section, suffix in plain_descriptors(model["descriptor"])]
    seen = [part.surroundings(coord, types, cell) for part in parts]
    found = [part.evaluate(coord, types, cell) for part in parts]
    features = np.concatenate([one["D"] for one in found], axis=1)
    f, extra = model["fitting_net"], parameters(model["fitting_net"], weights, len(types), fparam, aparam)
    if any(part.tells for part in parts):
        extra = np.concatenate([found[0]["types"], extra], axis=1)
    layers = fitting_layers("", f, weights)
    energy = _network(features, extra, f, layers)
    if any(given is not None for given in f.get("atom_ener") or ()):
        energy = energy - _network(np.zeros_like(features), extra, f, layers)
    energy = energy + weights["fitting_attr/t_bias_atom_e"][types]
    cut_off = np.sum([one.cut_off for one in seen], axis=0)
    return Energies(np.where(types < 0, 0.0, energy), cut_off, sum(one.ties for one in seen))


def _network(features, extra, f: Mapping, layers: list) -> np.ndarray:
    return fitting_slope(np.concatenate([features, extra], axis=1), layers, f["activation_function"])[0]


class _Part:
    """A plain descriptor, with the options that hold for its weights."""

    def __init__(self, model: Mapping, section: Mapping, suffix: str, weights: Mapping):
        scope = f"filter_type_all{suffix}"
        if f"{scope}/matrix_1" not in weights:
            raise ModelFormatError("there are no equations in NumPy for attention with tables")
        self.tells = section.get("concat_output_tebd", True)
        self.section = {**section, "sel": weights[f"descrpt_attr{suffix}/t_avg"].shape[1] // 4}
        if section["type"] == "se_atten_v2":
            self.section |= _REVISED
        if f"{scope}/matrix_1_two_side_ebd" in weights:
            self.section["type_one_side"] = False  # which deepmd-kit's graphs do not look at there
        # The vectors of the types belong to the whole model.
        vectors = {name: w for name, w in weights.items() if name.startswith("type_embed_net/")}
        renamed = {name.replace("type_embed_net/", f"type_embed_net{suffix}/"): w for name, w in vectors.items()}
        self._weights, self._suffix, self._model = {**weights, **renamed}, suffix, model

    def surroundings(self, coord, types, cell):
        """Its neighbours, all types in one list."""
        radii = {key: self.section[key] for key in ("rcut", "rcut_smth")}
        return surroundings(coord, np.where(types < 0, -1, 0), cell, sel=[self.section["sel"]], **radii)

    def evaluate(self, coord, types, cell) -> dict[str, np.ndarray]:
        """Features of all atoms without the vectors of their types, and these."""
        section = {**self.section, "concat_output_tebd": False}
        return descriptor(
            section, self._weights, coord, types, cell, DIALECTS[section.get(NODE, DEFAULT)], suffix=self._suffix,
            type_embedding=self._model.get("type_embedding"), type_map=self._model["type_map"],
        )  # fmt: skip
