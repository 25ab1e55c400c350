"""What the models of a report give for the data, and how far it is from the labels and from each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.system import System
from deepmd_tf.errors import DataError
from deepmd_tf.infer.accuracy import Compared, ErrorSum, chosen_frames, compare
from deepmd_tf.log import ROOT
from nvnmd.report.models import CNN, Model

log = logging.getLogger(f"{ROOT}.{__name__}")

ENERGY, FORCE, VIRIAL = "energy", "force", "virial"


@dataclass(frozen=True)
class Values:
    """Energies, forces and virials, of labels or of a model. Labels that the data do not hold are NaN.

    Frames of all systems stand one after the other, and so do their atoms, without virtual ones.

    Attributes
    ----------
    energy : array [nf]
        eV per atom.
    force : array [na, 3]
        eV/Å.
    virial : array [nf, 9]
        eV per atom.
    """

    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray

    @classmethod
    def of(cls, compared: Sequence[Compared], which: str) -> Values:
        """From ``labels`` or ``predicted`` of compared frames."""
        shapes = {keys.ENERGY: (1,), keys.FORCE: (3,), keys.VIRIAL: (9,)}

        def joined(name: str) -> np.ndarray:
            parts = []
            for one in compared:
                atomic = name == keys.FORCE
                missing = np.full((*(one.real.shape if atomic else one.natoms.shape[:1]), *shapes[name]), np.nan)
                found = getattr(one, which).get(name, missing)
                parts.append(found[one.real] if atomic else found / one.natoms)
            return np.concatenate(parts)

        return cls(joined(keys.ENERGY)[:, 0], joined(keys.FORCE), joined(keys.VIRIAL))

    def minus(self, other: Values) -> Values:
        """Differences."""
        return Values(self.energy - other.energy, self.force - other.force, self.virial - other.virial)


@dataclass(frozen=True)
class Evaluation:
    """Labels and what each model gives.

    Attributes
    ----------
    natoms : int array [nf]
        Real atoms of each frame.
    elements : array of str [na]
        Names of the atoms, or "type 0" and so on.
    labels : Values
    predicted : dict of str to Values
        By kind of model.
    """

    natoms: np.ndarray
    elements: np.ndarray
    labels: Values
    predicted: dict[str, Values]

    @property
    def reference(self) -> str:
        """The model that others are compared with: the CNN, else the first."""
        return CNN if CNN in self.predicted else next(iter(self.predicted))

    def errors(self, kind: str) -> dict[str, ErrorSum]:
        """Errors of a model against the labels; only of quantities that have some.

        Returns
        -------
        dict of str to ErrorSum
            meV/atom and meV/Å, by :data:`ENERGY`, :data:`FORCE`, "force, Ge" for each element, :data:`VIRIAL`.
        """
        off = self.predicted[kind].minus(self.labels)
        groups = {ENERGY: off.energy, FORCE: off.force}
        names = np.unique(self.elements)
        if len(names) > 1:
            groups |= {f"{FORCE}, {name}": off.force[self.elements == name] for name in names}
        groups[VIRIAL] = off.virial
        found = {}
        for name, difference in groups.items():
            known = difference[np.isfinite(difference)]
            if known.size:
                found[name] = ErrorSum()
                found[name].add(1000 * known)
        return found

    def change(self, kind: str, reference: str) -> dict[str, float]:
        """How much energies (meV/atom) and force components (meV/Å) differ from those of another model.

        Returns
        -------
        dict of str to float
            "RMS energy", "largest energy", "RMS force", "largest force".
        """
        off = self.predicted[kind].minus(self.predicted[reference])
        return {
            f"{statistic} {name}": 1000 * float(function(array))
            for name, array in ((ENERGY, off.energy), (FORCE, off.force))
            for statistic, function in (("RMS", _rms), ("largest", _largest))
        }


def evaluate(models: Sequence[Model], paths: Sequence[str], nframes: int = 0) -> Evaluation:
    """Evaluate frames of systems with each model.

    Parameters
    ----------
    models : sequence of Model
    paths : sequence of str
        Systems.
    nframes : int
        First frames of each system; 0 means all.

    Raises
    ------
    DataError
        A system cannot be read, or has types that a model does not know.
    """
    systems = {model.kind: [System.open(path, model.type_map or None) for path in paths] for model in models}
    _check_numbering(models, systems[models[0].kind])
    predicted, labels = {}, None
    for model in models:
        log.info("%s: %s", model.kind, model.path)
        compared = [one for system in systems[model.kind] for one in compare(model.potential, system, nframes=nframes)]
        predicted[model.kind] = Values.of(compared, "predicted")
        if labels is None:
            labels, natoms = Values.of(compared, "labels"), np.concatenate([one.natoms[:, 0] for one in compared])
    elements = np.concatenate([_elements(system, nframes) for system in systems[models[0].kind]])
    return Evaluation(natoms, elements, labels, predicted)


def _check_numbering(models: Sequence[Model], systems: Sequence[System]) -> None:
    """Types without names mean the same for all models only where these number them alike."""
    maps = {tuple(model.type_map) for model in models if model.type_map}
    nameless = [system.path for system in systems if system.source.type_names() is None]
    if len(maps) > 1 and nameless:
        found = ", ".join(f"{model.kind} {' '.join(model.type_map)}" for model in models)
        raise DataError.at(
            f"{nameless[0]}/type_map.raw", expected="names of the types, which the models number differently",
            found=f"none ({found})",
        )  # fmt: skip


def _elements(system: System, nframes: int) -> np.ndarray:
    """Names of the real atoms of all frames, in the order of the files."""
    in_file = np.argsort([system.file_atom(atom) for atom in range(system.natoms)])
    types = [system.load(*place)[keys.TYPE][:, in_file].ravel() for place in chosen_frames(system, nframes)]
    types = np.concatenate(types)
    types = types[types >= 0]
    return np.array(system.type_map or [f"type {one}" for one in range(types.max() + 1)])[types]


def _rms(array: np.ndarray) -> float:
    return np.sqrt(np.mean(array**2))


def _largest(array: np.ndarray) -> float:
    return np.abs(array).max()
