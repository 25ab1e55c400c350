"""The frames that a model is checked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.find import find_systems
from deepmd_tf.data.system import System
from deepmd_tf.errors import DataError
from deepmd_tf.infer.accuracy import chosen_frames, parameters
from deepmd_tf.infer.potential import DeepPot


@dataclass(frozen=True)
class Frame:
    """The real atoms of one frame, with what the model takes beside them.

    Attributes
    ----------
    system : str
        Path of the system, as named by the user.
    coord : [N, 3], Å
    types : int [N]
    cell : [3, 3] or None
        Lattice vectors as rows, Å; None for open boundaries.
    fparam : [numb_fparam] or None
    aparam : [N, numb_aparam] or None
    """

    system: str
    coord: np.ndarray
    types: np.ndarray
    cell: np.ndarray | None
    fparam: np.ndarray | None
    aparam: np.ndarray | None

    @property
    def natoms(self) -> int:
        """Number of atoms, N."""
        return len(self.types)

    def evaluate(self, model: DeepPot, names: Sequence[str], coords=None, cells=None) -> dict[str, np.ndarray]:
        """Outputs ``names`` of the model for this frame, or for other positions [nf, N, 3] and cells of its atoms."""
        coords = self.coord[None] if coords is None else coords
        if cells is None and self.cell is not None:
            cells = np.tile(self.cell, (len(coords), 1, 1))
        return model.eval_outputs(names, coords, cells, self.types, fparam=self.fparam, aparam=self.aparam)


def load_frames(systems: Sequence[str], model: DeepPot, nframes: int) -> list[Frame]:
    """The first ``nframes`` frames, 0 for all, of each system below the paths ``systems``.

    Raises
    ------
    DataError
        A path holds no system, or a system is malformed, has types that the model does not know, or lacks parameters.
    """
    return [frame for path in find_systems(systems) for frame in _of_system(path, model, nframes)]


def training_frames(script: dict, model: DeepPot, nframes: int) -> list[Frame]:
    """The first ``nframes`` frames of the first training system of the input ``script`` that can be opened.

    Raises
    ------
    DataError
        None can; the text says why the first one cannot.
    """
    data = script.get("training", {}).get("training_data") or {}
    listed = data.get("systems") or []
    reason = None
    for entry in [listed] if isinstance(listed, str) else listed:
        try:
            for path in find_systems(entry, data.get("rglob_patterns")):
                if found := _of_system(path, model, nframes):
                    return found
        except DataError as error:
            reason = reason or error.message
    raise DataError(reason or "the model does not name its training data")


def _of_system(path: str, model: DeepPot, nframes: int) -> list[Frame]:
    system = System.open(path, model.get_type_map())
    frames = []
    for set_index, chosen in chosen_frames(system, nframes):
        data = system.load(set_index, chosen, parameters(model))
        frames += [_frame(system, data, k) for k in range(len(chosen))]
    return [frame for frame in frames if frame.natoms]


def _frame(system: System, data: dict, k: int) -> Frame:
    real = data[keys.TYPE][k] >= 0
    natoms = len(real)
    return Frame(
        system=system.path,
        coord=data[keys.COORD][k].reshape(natoms, 3)[real].astype(np.float64),
        types=data[keys.TYPE][k][real],
        cell=data[keys.BOX][k].reshape(3, 3).astype(np.float64) if system.pbc else None,
        fparam=data[keys.FPARAM][k] if keys.FPARAM in data else None,
        aparam=data[keys.APARAM][k].reshape(natoms, -1)[real] if keys.APARAM in data else None,
    )
