"""A simulated device in the place of a frozen model, so that both are compared with data in the same way."""

from __future__ import annotations

from pathlib import Path

from deepmd_tf.errors import DataError
from nvnmd.simulate.device import Device, Result
from nvnmd.simulate.registers import Record, registers_of


class SimulatedPot:
    """A simulated device that is asked like a :class:`~deepmd_tf.infer.DeepPot`.

    Parameters
    ----------
    path : path
        Model file of the device.
    saturate : bool
        See :class:`~nvnmd.simulate.device.Device`.

    Attributes
    ----------
    device : Device
    type_map : list of str
        Names of the types, which the file does not hold.
    record : Record
        What has passed through the registers.

    Raises
    ------
    ModelFormatError
        The model file cannot be read.
    """

    def __init__(self, path: str | Path, *, saturate: bool = False):
        self.device = Device(path, saturate=saturate)
        self.type_map: list[str] = []
        self.record = Record(registers_of(self.device.model.shift_exponent), saturate=saturate)
        self._path = path

    def get_type_map(self) -> list[str]:
        """Names of the types; empty where they have none."""
        return self.type_map

    def get_dim_fparam(self) -> int:
        """0: devices take no parameters."""
        return 0

    def get_dim_aparam(self) -> int:
        """0: devices take no parameters."""
        return 0

    def eval(self, coords, cells, atom_types, **_):
        """Energy [nf], force [nf, N, 3], virial [nf, 9], atomic energy [nf, N]; see :meth:`Device.evaluate`."""
        found = self._evaluate(coords, cells, atom_types)
        return found.energy, found.force, found.virial, found.atom_energy

    def _evaluate(self, coords, cells, atom_types) -> Result:
        try:
            found = self.device.evaluate(coords, cells, atom_types)
        except DataError as error:
            raise DataError(f"{self._path}: {error.message}", error.hint) from error
        self.record = self.record.merged(found.record)
        return found
