"""An ASE calculator for frozen models."""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.infer.potential import DeepPot

try:
    from ase.calculators.calculator import Calculator, all_changes
    from ase.stress import full_3x3_to_voigt_6_stress
except ModuleNotFoundError as missing:
    raise ConfigError("the ASE calculator needs the package ase", "Install it with `pip install ase`") from missing

_ALWAYS = ("energy", "force")
_NEEDS = {"energies": "atom_energy", "stress": "virial", "virial": "virial", "stresses": "atom_virial"}


class DP(Calculator):
    """Deep Potential as an ASE calculator.

    Frame and atomic parameters are read from ``atoms.info["fparam"]`` and ``atoms.info["aparam"]``.

    Parameters
    ----------
    model : str or Path
        Frozen energy model in eV and Å.
    label : str
        Name of the calculator.
    type_dict : dict of str to int, optional
        Type of each chemical symbol; by default the model's type map.

    Raises
    ------
    ModelFormatError
        The model cannot be used.
    DataError
        On calculation: an element is unknown to the model, or the cell is periodic in some directions only.
    """

    name = "DP"
    implemented_properties = ("energy", "free_energy", "energies", "forces", "stress", "stresses", "virial")

    def __init__(self, model, label: str = "DP", type_dict: dict[str, int] | None = None, **kwargs):
        super().__init__(label=label, **kwargs)
        self.dp = DeepPot(model)
        self.type_dict = dict(type_dict or {name: index for index, name in enumerate(self.dp.get_type_map())})
        self._wanted = set(_ALWAYS)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Fill ``results``; called by ASE when a property is asked for and the atoms have changed."""
        super().calculate(atoms, properties, system_changes)
        cell = self._cell()
        # A property asked for once is asked for again at the next step: evaluate it then in the same run.
        self._wanted.update(_NEEDS[name] for name in properties if name in _NEEDS)
        found = self.dp.eval_outputs(
            sorted(self._wanted),
            self.atoms.get_positions()[None],
            cell,
            self._types(),
            fparam=self.atoms.info.get("fparam"),
            aparam=self.atoms.info.get("aparam"),
        )
        found = {name: values[0].astype(np.float64) for name, values in found.items()}
        self.results = {
            "energy": found["energy"].item(),
            "free_energy": found["energy"].item(),
            "forces": found["force"],
        }
        if "atom_energy" in found:
            self.results["energies"] = found["atom_energy"][:, 0]
        if "virial" in found:
            self.results["virial"] = found["virial"].reshape(3, 3)
        if cell is not None:
            self._add_stress(found)

    def check_state(self, atoms, tol=1e-15):
        """Name what has changed since the last calculation; ASE itself does not look at the parameters."""
        changes = super().check_state(atoms, tol)
        if self.atoms is not None and any(not _same(self.atoms, atoms, key) for key in ("fparam", "aparam")):
            changes.append("info")
        return changes

    def _add_stress(self, found: dict[str, np.ndarray]) -> None:
        """Stress is positive under tension, the virial under compression."""
        for name, source in (("stress", "virial"), ("stresses", "atom_virial")):
            if source in found:
                virial = found[source].reshape(-1, 3, 3)
                stress = -0.5 * (virial + virial.transpose(0, 2, 1)) / self.atoms.get_volume()
                voigt = np.array([full_3x3_to_voigt_6_stress(tensor) for tensor in stress])
                self.results[name] = voigt[0] if name == "stress" else voigt

    def _types(self) -> np.ndarray:
        symbols = self.atoms.get_chemical_symbols()
        unknown = sorted(set(symbols) - set(self.type_dict))
        if unknown:
            raise DataError(
                f"atoms: expected elements of the model ({', '.join(self.type_dict)}), found {', '.join(unknown)}",
                "Pass type_dict={symbol: type} when the model's type map holds other names",
            )
        return np.array([self.type_dict[symbol] for symbol in symbols], dtype=np.int32)

    def _cell(self) -> np.ndarray | None:
        if self.atoms.pbc.all():
            return self.atoms.cell.array[None]
        if self.atoms.pbc.any():
            raise DataError(
                f"atoms.pbc: expected all directions periodic or none, found {self.atoms.pbc.tolist()}",
                "For a slab or wire set pbc=True and leave more vacuum than the cutoff along the open directions",
            )
        return None


def _same(before, after, key: str) -> bool:
    return np.array_equal(before.info.get(key, ()), after.info.get(key, ()))
