"""The figures of a self-check: as a table for the user, as text inside the model file, and whether they are good."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np

from deepmd_tf.errors import ModelFormatError

QUANTITIES = {"energy": "eV/atom", "force": "eV/Å", "virial": "eV/atom"}
"""What is compared, with units; energies and virials are those of a frame by its number of atoms."""

# The figures depend on the last bits of sums: more digits would say nothing and make files differ.
_DIGITS = 2


@dataclass(frozen=True)
class Error:
    """How far one quantity is off.

    Attributes
    ----------
    largest, rms : float
        Over all frames and components.
    tolerance : float or None
        What ``largest`` may be; None where it is not judged.
    """

    largest: float
    rms: float
    tolerance: float | None

    @classmethod
    def of(cls, differences, tolerance: float | None) -> Error:
        """From arrays of differences."""
        flat = np.concatenate([np.ravel(one) for one in differences])
        figures = (np.abs(flat).max(), np.sqrt(np.mean(flat**2)), tolerance)
        return cls(*(None if x is None else float(f"{x:.{_DIGITS}g}") for x in figures))

    @property
    def passes(self) -> bool:
        """Whether the largest error is within the tolerance; what is not a number is not."""
        return self.tolerance is None or self.largest <= self.tolerance


@dataclass(frozen=True)
class Check:
    """One of the checks.

    Attributes
    ----------
    against : str
        What the file was compared with.
    errors : dict of str to Error
        By the names of :data:`QUANTITIES`; only those that were measured.
    note : str
        Why something was not measured or not judged.
    """

    against: str
    errors: dict[str, Error] = field(default_factory=dict)
    note: str = ""

    @property
    def failures(self) -> list[str]:
        """What is beyond its tolerance, in words."""
        return [
            f"{name} differs from {self.against} by up to {error.largest:.1e} {QUANTITIES[name]} "
            f"(tolerance {error.tolerance:.1e})"
            for name, error in self.errors.items()
            if not error.passes
        ]


@dataclass(frozen=True)
class Report:
    """All checks of one file.

    Attributes
    ----------
    systems : list of str
        Where the frames come from.
    frames, atoms : int
        Number of frames, and of atoms in all of them.
    precision : str
        The lowest in the model.
    checks : list of Check
    """

    systems: list[str]
    frames: int
    atoms: int
    precision: str
    checks: list[Check]

    @property
    def failures(self) -> list[str]:
        """What is beyond its tolerance, in words; empty when the file is good."""
        return [failure for check in self.checks for failure in check.failures]

    @property
    def _extent(self) -> str:
        return f"{self.frames} frame{'s' if self.frames > 1 else ''}"

    def summary(self) -> str:
        """One line: the largest error of a force in each check."""
        forces = (f"{c.errors['force'].largest:.1e} against {c.against}" for c in self.checks if "force" in c.errors)
        return f"Self-check on {self._extent}: largest error of a force, eV/Å: {', '.join(forces)}"

    def lines(self) -> list[str]:
        """The table."""
        shown = f"{self.systems[0]}{f' and {len(self.systems) - 1} more' if len(self.systems) > 1 else ''}"
        head = "".join(f"{f'{name} ({unit})':>25}" for name, unit in QUANTITIES.items())
        width = max(24, *(len(check.against) for check in self.checks))
        lines = [
            f"self-check on {self._extent}, {self.atoms} atoms, of {shown}; {self.precision}; max and RMS error:",
            f"  {'against':{width}}{head}",
        ]
        for check in self.checks:
            cells = (_cell(check.errors.get(name)) for name in QUANTITIES)
            lines.append(f"  {check.against:{width}}{''.join(cells)}" if check.errors else f"  {check.against:{width}}")
            if check.note:
                lines.append(f"    {check.note}")
        return lines

    def to_json(self) -> str:
        """As it stands in a model file."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ModelFormatError
            It is something else.
        """
        try:
            content = json.loads(text)
            checks = [
                Check(c["against"], {name: Error(**error) for name, error in c["errors"].items()}, c["note"])
                for c in content.pop("checks")
            ]
            return cls(checks=checks, **content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelFormatError(f"the figures of the self-check in the model cannot be read ({error})") from error


def _cell(error: Error | None) -> str:
    if error is None:
        return f"{'-':>25}"
    return f"{f'{error.largest:.1e} {error.rms:.1e}':>24}{' ' if error.passes else '*'}"
