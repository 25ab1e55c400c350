"""What a loss or a model asks of the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataRequirement:
    """One array that a batch has to bring.

    Parameters
    ----------
    key : str
        Its name, see :mod:`deepmd_tf.keys`.
    ndof : int
        Values per frame, or per atom if ``atomic``.
    atomic : bool
        Whether it has one entry per atom; such arrays follow the order of the atoms.
    must : bool
        Whether a set without it is an error. Otherwise the batch holds ``default`` and ``find_<key>`` is 0.
    high_precision : bool
        Whether it stays float64 where the interface precision is float32.
    repeat : int
        How often each stored value stands in the batch, next to itself.
    default : float
        The value of a missing array.
    """

    key: str
    ndof: int
    atomic: bool = False
    must: bool = False
    high_precision: bool = False
    repeat: int = 1
    default: float = 0.0

    def stored_width(self, natoms: int) -> int:
        """Values per frame in the file of a system of ``natoms`` atoms."""
        return self.ndof * (natoms if self.atomic else 1)

    def width(self, natoms: int) -> int:
        """Values per frame in the batch."""
        return self.stored_width(natoms) * self.repeat
