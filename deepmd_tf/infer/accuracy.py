"""Errors of a model on data systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.system import System
from deepmd_tf.infer.potential import DeepPot

ENERGY, ENERGY_PER_ATOM = "Energy", "Energy/Natoms"
FORCE, VIRIAL, VIRIAL_PER_ATOM, STRESS = "Force", "Virial", "Virial/Natoms", "Stress"
ATOM_ENERGY = "Atomic ener"
UNITS = {FORCE: "eV/Å", STRESS: "eV/Å³"}
"""Units of the quantities that are not in eV."""

# Labels of this many frames are held at once; the evaluation itself batches by memory.
_FRAMES_AT_ONCE = 64


@dataclass
class ErrorSum:
    """Running sums over the differences of one quantity."""

    count: int = 0
    absolute: float = 0.0
    squared: float = 0.0

    def add(self, difference: np.ndarray) -> None:
        """Take in differences of any shape."""
        self.count += difference.size
        self.absolute += float(np.abs(difference).sum())
        self.squared += float(np.square(difference).sum())

    def merge(self, other: ErrorSum) -> None:
        """Take in the sums of another system."""
        self.count += other.count
        self.absolute += other.absolute
        self.squared += other.squared

    @property
    def mae(self) -> float:
        """Mean absolute error."""
        return self.absolute / self.count

    @property
    def rmse(self) -> float:
        """Root mean square error."""
        return float(np.sqrt(self.squared / self.count))


@dataclass
class Accuracy:
    """Errors by quantity; only quantities with labels appear.

    Attributes
    ----------
    nframes : int
        Frames evaluated.
    errors : dict of str to ErrorSum
        By the names of this module, :data:`ENERGY` and so on.
    """

    nframes: int = 0
    errors: dict[str, ErrorSum] = field(default_factory=dict)

    def add(self, name: str, difference: np.ndarray) -> None:
        """Take in differences of the quantity ``name``."""
        self.errors.setdefault(name, ErrorSum()).add(difference)

    def merge(self, other: Accuracy) -> None:
        """Pool with another system: each frame, and each component of a force, counts once."""
        self.nframes += other.nframes
        for name, errors in other.errors.items():
            self.errors.setdefault(name, ErrorSum()).merge(errors)


@dataclass(frozen=True)
class Compared:
    """Labels and predictions of some frames, atoms in the order of the files.

    Attributes
    ----------
    labels : dict of str to ndarray
        energy [nf, 1], force [nf, N, 3], virial [nf, 9], atom_ener [nf, N, 1]; only those the data holds.
    predicted : dict of str to ndarray
        The same names, all of them.
    real : ndarray bool [nf, N]
        False for virtual atoms.
    volume : ndarray [nf, 1] or None
        Å³; None for open boundaries.
    """

    labels: dict[str, np.ndarray]
    predicted: dict[str, np.ndarray]
    real: np.ndarray
    volume: np.ndarray | None

    @property
    def natoms(self) -> np.ndarray:
        """Number of real atoms of each frame [nf, 1]."""
        return self.real.sum(axis=1, keepdims=True)


def compare(
    model: DeepPot, system: System, *, nframes: int = 0, rng: np.random.Generator | None = None, atomic: bool = False
) -> Iterator[Compared]:
    """Evaluate frames of a system, some at a time.

    Parameters
    ----------
    model : DeepPot
    system : System
        Opened with the model's type map.
    nframes : int
        How many frames; 0 means all.
    rng : numpy.random.Generator, optional
        Draw the frames at random instead of taking the first ones.
    atomic : bool
        Compare atomic energies, which the data must hold then.
    """
    wanted = _requirements(model, atomic)
    for set_index, frames in chosen_frames(system, nframes, rng):
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            yield _compare(
                model, system, system.load(set_index, frames[start : start + _FRAMES_AT_ONCE], wanted), atomic
            )


def accumulate(accuracy: Accuracy, compared: Compared) -> None:
    """Add the errors of some frames."""
    accuracy.nframes += len(compared.real)
    difference = {name: compared.predicted[name] - label for name, label in compared.labels.items()}
    if keys.ENERGY in difference:
        accuracy.add(ENERGY, difference[keys.ENERGY])
        accuracy.add(ENERGY_PER_ATOM, difference[keys.ENERGY] / compared.natoms)
    if keys.FORCE in difference:
        accuracy.add(FORCE, difference[keys.FORCE][compared.real])
    if keys.VIRIAL in difference:
        accuracy.add(VIRIAL, difference[keys.VIRIAL])
        accuracy.add(VIRIAL_PER_ATOM, difference[keys.VIRIAL] / compared.natoms)
        if compared.volume is not None:
            accuracy.add(STRESS, difference[keys.VIRIAL] / compared.volume)
    if keys.ATOM_ENER in difference:
        accuracy.add(ATOM_ENERGY, difference[keys.ATOM_ENER][compared.real])


def _requirements(model: DeepPot, atomic: bool) -> list[DataRequirement]:
    wanted = [
        DataRequirement(keys.ENERGY, 1, high_precision=True),
        DataRequirement(keys.FORCE, 3, atomic=True),
        DataRequirement(keys.VIRIAL, 9),
    ]
    if atomic:
        wanted.append(DataRequirement(keys.ATOM_ENER, 1, atomic=True, must=True))
    return wanted + parameters(model)


def parameters(model: DeepPot) -> list[DataRequirement]:
    """The frame and atomic parameters that the model takes."""
    wanted = []
    if model.get_dim_fparam():
        wanted.append(DataRequirement(keys.FPARAM, model.get_dim_fparam(), must=True))
    if model.get_dim_aparam():
        wanted.append(DataRequirement(keys.APARAM, model.get_dim_aparam(), atomic=True, must=True))
    return wanted


def chosen_frames(
    system: System, nframes: int = 0, rng: np.random.Generator | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (set, frames of it) for the first ``nframes`` frames, or for as many drawn at random; 0 means all."""
    chosen = np.arange(system.nframes) if rng is None else rng.permutation(system.nframes)
    chosen = chosen[:nframes] if nframes else chosen
    start = 0
    for set_index, one in enumerate(system.sets):
        here = chosen[(chosen >= start) & (chosen < start + one.nframes)] - start
        start += one.nframes
        if len(here):
            yield set_index, here


def predict(model: DeepPot, system: System, data: dict, atomic: bool = False) -> tuple:
    """What the model gives for loaded frames of a system, as :meth:`DeepPot.eval`, atoms in the order of the data."""
    return model.eval(
        data[keys.COORD],
        data[keys.BOX] if system.pbc else None,
        data[keys.TYPE],
        atomic=atomic,
        fparam=data.get(keys.FPARAM),
        aparam=data.get(keys.APARAM),
        mixed_type=True,
    )


def _compare(model: DeepPot, system: System, data: dict, atomic: bool) -> Compared:
    nframes, natoms = len(data[keys.COORD]), system.natoms
    found = predict(model, system, data, atomic)
    shapes = {keys.ENERGY: (1,), keys.FORCE: (natoms, 3), keys.VIRIAL: (9,), keys.ATOM_ENER: (natoms, 1)}
    in_file = np.argsort([system.file_atom(atom) for atom in range(natoms)])

    def as_in_file(name: str, values: np.ndarray) -> np.ndarray:
        values = values.reshape(nframes, *shapes[name])
        return values[:, in_file] if name in (keys.FORCE, keys.ATOM_ENER) else values

    return Compared(
        labels={name: as_in_file(name, data[name]) for name in shapes if data.get(keys.find(name))},
        predicted={name: as_in_file(name, values) for name, values in zip(shapes, found)},  # eval returns in this order
        real=data[keys.TYPE][:, in_file] >= 0,
        volume=np.abs(np.linalg.det(data[keys.BOX].reshape(-1, 3, 3)))[:, None] if system.pbc else None,
    )
