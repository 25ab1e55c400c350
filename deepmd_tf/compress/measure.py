"""How much a compressed model differs from its original, on frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.system import System
from deepmd_tf.infer.accuracy import chosen_frames, parameters, predict
from deepmd_tf.infer.potential import DeepPot

ENERGY, FORCE, VIRIAL = "energy per atom", "force", "virial per atom"
UNITS = {ENERGY: "eV", FORCE: "eV/Å", VIRIAL: "eV"}


@dataclass
class Difference:
    """Largest and root mean square difference of one quantity."""

    largest: float = 0.0
    squares: float = 0.0
    count: int = 0

    def add(self, difference: np.ndarray) -> None:
        """Take in differences of any shape."""
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))
        self.squares += float(np.square(difference).sum())
        self.count += difference.size

    @property
    def rms(self) -> float:
        """Root mean square."""
        return float(np.sqrt(self.squares / max(self.count, 1)))


@dataclass(frozen=True)
class Frames:
    """Loaded frames of some systems.

    Attributes
    ----------
    parts : list of (System, dict)
        As :meth:`System.load` gives them.
    """

    parts: list[tuple[System, dict]] = field(default_factory=list)

    @classmethod
    def load(cls, paths: Sequence[str], model: DeepPot, nframes: int = 0) -> Frames:
        """The first ``nframes`` frames of each system, with the parameters that ``model`` takes; 0 means all.

        Raises
        ------
        DataError
            A system is missing, malformed, or has types that the model does not know.
        """
        found = cls()
        for path in paths:
            system = System.open(path, model.get_type_map())
            for set_index, frames in chosen_frames(system, nframes):
                found.parts.append((system, system.load(set_index, frames, parameters(model))))
        return found

    @property
    def nframes(self) -> int:
        """Number of frames."""
        return sum(len(data[keys.COORD]) for _, data in self.parts)

    @property
    def nsystems(self) -> int:
        """Number of systems."""
        return len({system.path for system, _ in self.parts})


def predictions(model: DeepPot, frames: Frames) -> list[tuple]:
    """Energy, force and virial of the frames, part by part."""
    return [predict(model, system, data)[:3] for system, data in frames.parts]


def differences(frames: Frames, before: list[tuple], after: list[tuple]) -> dict[str, Difference]:
    """Differences by quantity, in :data:`UNITS`; those of forces are of components."""
    found = {name: Difference() for name in UNITS}
    for (_, data), (energy, force, virial), (energy2, force2, virial2) in zip(frames.parts, before, after, strict=True):
        real = data[keys.TYPE] >= 0
        natoms = np.maximum(real.sum(axis=1, keepdims=True), 1)
        found[ENERGY].add((energy2 - energy) / natoms)
        found[FORCE].add((force2 - force)[real])
        found[VIRIAL].add((virial2 - virial) / natoms)
    return found
