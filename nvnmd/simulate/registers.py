"""The registers of the device: what fits into each, and how much of it was used.

Source: NVNMD format, nbit; number formats; exact forward semantics of the fitting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvnmd.formats import FLOAT_BITS, LARGEST, SMALLEST


@dataclass(frozen=True)
class Register:
    """A place of the datapath that numbers pass through.

    Attributes
    ----------
    name, meaning : str
        As the table of a simulation shows them.
    bits : int
        Width.
    fraction : int or None
        Bits after the binary point; None: a 29-bit float.
    """

    name: str
    meaning: str
    bits: int = FLOAT_BITS
    fraction: int | None = None

    def limits(self) -> tuple[float, float]:
        """The largest magnitude, and the smallest above zero that counts as one (0: smaller ones are but rounded)."""
        if self.fraction is None:
            return LARGEST, SMALLEST
        return (2.0 ** (self.bits - 1) - 1) * 2.0**-self.fraction, 0.0


# In the order of the compiled program, nvnmd/op/include/nvnmd/simulate.h.
REGISTERS = (
    Register("u", "squared distance"),
    Register("s", "switching function"),
    Register("h", "switching function over distance"),
    Register("R", "h times distance vector"),
    Register("g", "features of a neighbour"),
    Register("G", "features times factor of the types"),
    Register("sum", "sum over neighbours", 32, 23),
    Register("GR", "sum over neighbours, over NIX"),
    Register("D", "descriptor"),
    Register("x", "data of the fitting net", 27, 23),
    Register("z", "before the activation", 29, 23),
    Register("y", "after the activation", 27, 23),
    Register("energy", "energy of an atom", 32, 23),
    Register("dx", "derivative by data of the fitting net", 27, 23),
    Register("dD", "derivative by the descriptor"),
    Register("dGR", "derivative by GR"),
    Register("dR", "derivative by s and R"),
    Register("dg", "derivative by features"),
    Register("ds", "derivative by s"),
    Register("dh", "derivative by h"),
    Register("du", "derivative by squared distance"),
    Register("dq", "derivative by distance vector"),
    Register("pair", "force of a pair", 32, 19),
    Register("force", "force on an atom", 32, 19),
    Register("virial", "virial", 32, 19),
)
INDEX = {register.name: index for index, register in enumerate(REGISTERS)}


def registers_of(shift_exponent: int) -> tuple[Register, ...]:
    """The registers of a model; that of the energy gives up fraction bits where energies of types are large."""
    energy = REGISTERS[INDEX["energy"]]
    shifted = Register(energy.name, energy.meaning, energy.bits, energy.fraction - shift_exponent)
    return tuple(shifted if register is energy else register for register in REGISTERS)


class Record:
    """What passed through the registers.

    Parameters
    ----------
    registers : tuple of Register
        See :func:`registers_of`.
    saturate : bool
        Whether numbers that do not fit are brought to the nearest that does (0 if too small), as well as counted.

    Attributes
    ----------
    largest : array [registers]
        The largest magnitude seen.
    over, under : int64 array [registers]
        How many were too large; how many were not zero and below the smallest exponent.
    """

    def __init__(self, registers: tuple[Register, ...], *, saturate: bool = False):
        self.registers, self.saturate = registers, saturate
        self.limits = np.array([register.limits() for register in registers])
        self.largest = np.zeros(len(registers))
        self.over, self.under = np.zeros((2, len(registers)), np.int64)

    def settle(self, name: str, values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Note values that pass through a register; return what is in it.

        Parameters
        ----------
        name : str
            Of the register.
        values : array
            Any shape.
        where : array of bool, optional
            Which are noted, of the leading axes; all if left out.
        """
        index = INDEX[name]
        most, least = self.limits[index]
        noted = np.abs(values if where is None else values[where])
        self.largest[index] = max(self.largest[index], noted.max(initial=0.0))
        self.over[index] += (noted > most).sum()
        self.under[index] += ((noted < least) & (noted > 0)).sum()
        if not self.saturate:
            return values
        return np.clip(np.where(np.abs(values) < least, np.copysign(0.0, values), values), -most, most)

    def merged(self, other: Record) -> Record:
        """The record of both."""
        both = Record(self.registers, saturate=self.saturate)
        both.largest = np.maximum(self.largest, other.largest)
        both.over, both.under = self.over + other.over, self.under + other.under
        return both

    def table(self) -> list[str]:
        """Lines that show each register that numbers have passed through: of fixed-point ones the share of the range
        that was used, of floats the largest exponent."""
        lines = ["register    width      largest    used  too large  too small"]
        for register, (most, _), largest, over, under in zip(
            self.registers, self.limits, self.largest, self.over, self.under
        ):
            if largest == 0:
                continue
            if register.fraction is None:
                width, used, small = "float", f"2^{int(np.frexp(largest)[1]) - 1}", str(under)
            else:
                width, used, small = f"{register.bits}.{register.fraction}", f"{100 * largest / most:.1f}%", ""
            counts = f"{over:10} {small:>10}"
            lines.append(f"{register.name:9} {width:>7} {largest:12.6g} {used:>7} {counts}  {register.meaning}")
        return lines
