"""A device with a model: what it answers to positions, to the bit, and how far its registers were used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.infer.inputs import Frames
from nvnmd.device_file.encode import FIXED
from nvnmd.device_file.layout import SEGMENTS
from nvnmd.device_file.model import DeviceModel
from nvnmd.device_file.padding import empty_slot_products
from nvnmd.device_file.read import read_model
from nvnmd.simulate.compiled import Compiled
from nvnmd.simulate.numbers import Numbers
from nvnmd.simulate.registers import Record, registers_of


@dataclass(frozen=True, eq=False)
class Result:
    """What a device found for nf frames of N atoms.

    Attributes
    ----------
    energy : array [nf]
        Sum over the atoms, eV.
    force : array [nf, N, 3]
        eV/Å.
    virial : array [nf, 9]
        eV, positive under compression.
    atom_energy : array [nf, N]
        eV; to the bit what the device holds.
    record : Record
        What passed through the registers.
    """

    energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray
    atom_energy: np.ndarray
    record: Record


class Device:
    """A device that was given a model.

    Parameters
    ----------
    model : path or DeviceModel
        Model file of the device, or what it holds.
    saturate : bool
        Whether registers keep the nearest number that fits. If not, numbers that do not fit pass through as they are
        while training, and are counted.
    threads : int, optional
        Threads to use; all processors if left out. Results do not depend on it.

    Raises
    ------
    ModelFormatError
        The model file cannot be read.
    OpLibraryError
        The native library is missing.
    """

    def __init__(self, model: str | Path | DeviceModel, *, saturate: bool = False, threads: int | None = None):
        self.model = model if isinstance(model, DeviceModel) else read_model(model)
        self._saturate, self._threads = saturate, threads or len(os.sched_getaffinity(0))
        self.numbers = Numbers.of(self.model)
        if len(self.numbers.slots) != (self.numbers.ntypes if self.numbers.version == 0 else 1):
            raise ModelFormatError(f"sel: expected a number for each type, found {self.numbers.slots}")
        self._compiled = Compiled(self.model, self.numbers)

    def empty_slot_error(self) -> float | None:
        """How far the contributions of empty slots that the file holds are from those of its tables, at most.

        The simulation takes those of the tables, as training does. None in version 1, where there are none.
        """
        numbers = self.numbers
        if numbers.version == 1:
            return None
        tables = {"cfg_u2s": numbers.u_groups, "cfg_s2g": numbers.s_groups, "s": numbers.switch[:, :, 0]}
        tables["g"] = numbers.feature.reshape(len(numbers.feature), SEGMENTS, -1)
        products = empty_slot_products(tables, numbers.ntypes)
        stored = self.model.empty_slots[: numbers.ntypes, : numbers.ntypes] * 2.0**-FIXED
        return float(np.abs(products - stored).max())

    def evaluate(self, coord, box, atype) -> Result:
        """Energies, forces and virials.

        Parameters
        ----------
        coord : array [nf, N, 3]
            Positions, Å.
        box : array [nf, 3, 3] or None
            Lattice vectors as rows, Å; None for open boundaries.
        atype : int array [N] or [nf, N]
            Types; negative for virtual atoms, which have neither energy nor force.

        Raises
        ------
        DataError
            An array of another shape, an unknown type, a number that is not finite, a box without volume, or atoms so
            near to each other that their numbers are far beyond the registers.
        """
        frames = Frames.check(coord, box, atype, mixed=np.ndim(atype) == 2, ntypes=self.numbers.ntypes)
        record = Record(registers_of(self.model.shift_exponent), saturate=self._saturate)
        atom_energy, force, virial = self._compiled.evaluate(
            frames.coords, frames.cells, frames.types, record, self._threads
        )
        return Result(atom_energy.sum(axis=1), force, virial, atom_energy, record)
