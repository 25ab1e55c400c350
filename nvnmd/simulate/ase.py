"""An ASE calculator: molecular dynamics with the forces of a device."""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ConfigError, DataError
from nvnmd.simulate.device import Device

try:
    from ase.calculators.calculator import Calculator, all_changes
    from ase.stress import full_3x3_to_voigt_6_stress
except ModuleNotFoundError as missing:
    raise ConfigError("the ASE calculator needs the package ase", "Install it with `pip install ase`") from missing


class NvnmdDevice(Calculator):
    """A device as an ASE calculator.

    Parameters
    ----------
    model : path or DeviceModel
        Model file of the device, or what it holds.
    type_map : list of str
        Chemical symbols of the types; a model file holds no names.
    saturate : bool
        See :class:`~nvnmd.simulate.device.Device`.
    threads : int, optional
        See :class:`~nvnmd.simulate.device.Device`.
    **kwargs
        Of :class:`ase.calculators.calculator.Calculator`.

    Attributes
    ----------
    record : Record or None
        The registers over all calculations so far.

    Raises
    ------
    ConfigError
        ``type_map`` has not one name for each type.
    ModelFormatError, OpLibraryError
        See :class:`~nvnmd.simulate.device.Device`.
    DataError
        On calculation: an element is unknown to the model, or the cell is periodic in some directions only.
    """

    name = "NvnmdDevice"
    implemented_properties = ("energy", "free_energy", "energies", "forces", "stress")

    def __init__(self, model, type_map, *, saturate: bool = False, threads: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.device = Device(model, saturate=saturate, threads=threads)
        self.record = None
        self._types = {symbol: index for index, symbol in enumerate(type_map)}
        if len(self._types) != self.device.numbers.ntypes:
            raise ConfigError(
                f"type_map: expected {self.device.numbers.ntypes} different symbols, one for each type of the model, "
                f"found {list(type_map)}"
            )

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Fill ``results``; called by ASE when a property is asked for and the atoms have changed."""
        super().calculate(atoms, properties, system_changes)
        periodic = self._periodic()
        box = self.atoms.cell.array[None] if periodic else None
        found = self.device.evaluate(self.atoms.get_positions()[None], box, self._atom_types())
        self.record = found.record if self.record is None else self.record.merged(found.record)
        self.results = {
            "energy": float(found.energy[0]),
            "free_energy": float(found.energy[0]),
            "energies": found.atom_energy[0],
            "forces": found.force[0],
        }
        if periodic:
            # Stress is positive under tension, the virial under compression.
            virial = found.virial.reshape(3, 3)
            self.results["stress"] = full_3x3_to_voigt_6_stress(-0.5 * (virial + virial.T) / self.atoms.get_volume())

    def _atom_types(self) -> np.ndarray:
        symbols = self.atoms.get_chemical_symbols()
        unknown = sorted(set(symbols) - set(self._types))
        if unknown:
            raise DataError(f"atoms: expected elements of type_map {list(self._types)}, found {', '.join(unknown)}")
        return np.array([self._types[symbol] for symbol in symbols], np.int32)

    def _periodic(self) -> bool:
        if self.atoms.pbc.any() and not self.atoms.pbc.all():
            raise DataError(
                f"atoms.pbc: expected all directions periodic or none, found {self.atoms.pbc.tolist()}",
                "For a slab or wire set pbc=True and leave more vacuum than the cutoff along the open directions",
            )
        return bool(self.atoms.pbc.all())
