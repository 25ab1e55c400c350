"""Electron configurations of the elements as vectors: what a type embedding may start from instead of one-hot rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import did_you_mean

_SYMBOLS = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
    Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
    Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
_SUBSHELLS = "1s 2s 2p 3s 3p 3d 4s 4p 4d 4f 5s 5p 5d 5f 6s 6p 6d 7s 7p"
# Ground states that do not follow the rule of n + l: the subshells that hold other numbers of electrons than by it.
_EXCEPTIONS = """
    Cr 3d5 4s1; Cu 3d10 4s1; Nb 4d4 5s1; Mo 4d5 5s1; Ru 4d7 5s1; Rh 4d8 5s1; Pd 4d10 5s0; Ag 4d10 5s1;
    La 4f0 5d1; Ce 4f1 5d1; Gd 4f7 5d1; Pt 5d9 6s1; Au 5d10 6s1; Ac 5f0 6d1; Th 5f0 6d2; Pa 5f2 6d1;
    U 5f3 6d1; Np 5f4 6d1; Cm 5f7 6d1; Ds 6d9 7s1; Rg 6d10 7s1
"""
SYMBOLS = _SYMBOLS.split()
# In the order of the vector: 59 orbitals, two numbers each.
SUBSHELLS = _SUBSHELLS.split()
WIDTH = 118
_ORBITALS = {"s": 1, "p": 3, "d": 5, "f": 7}
_OTHER = {
    symbol: {shell[:2]: int(shell[2:]) for shell in shells}
    for symbol, *shells in (entry.split() for entry in _EXCEPTIONS.split(";"))
}


def electron_configuration(symbols: Sequence[str]) -> np.ndarray:
    r"""Vectors of the neutral atoms in their ground states (DPA-1 specification, 2.4).

    An orbital is (1, 1) with two electrons, (-1, 1) with one, (-1, -1) with none; in a subshell those with two stand
    first. All is scaled by :math:`118^{-1/2}`, so that a vector has length 1.

    Parameters
    ----------
    symbols : sequence of str
        Chemical symbols, as in ``model/type_map``.

    Returns
    -------
    float64 [len(symbols), 118]

    Raises
    ------
    ConfigError
        A name is not that of an element.
    """
    rows = [_vector(occupations(symbol)) for symbol in symbols]
    return np.reshape(rows, (-1, WIDTH)) / np.sqrt(WIDTH)


def occupations(symbol: str) -> dict[str, int]:
    """Electrons in each subshell of the neutral atom, by names like ``3d``, in the order of the vector."""
    if symbol not in SYMBOLS:
        # Names of force fields, as OW and CL, differ from a symbol in the case of letters first of all.
        hint = did_you_mean(str(symbol).capitalize(), SYMBOLS)
        raise ConfigError(f"model/type_map: electron configurations need elements, found {symbol!r}", hint)
    left, filled = SYMBOLS.index(symbol) + 1, {}
    for shell in sorted(SUBSHELLS, key=_energy):
        filled[shell] = min(left, 2 * _ORBITALS[shell[1]])
        left -= filled[shell]
    filled |= _OTHER.get(symbol, {})
    return {shell: filled[shell] for shell in SUBSHELLS}


def _energy(shell: str) -> tuple[int, int]:
    """Subshells fill by n + l, then by n."""
    n = int(shell[0])
    return n + "spdf".index(shell[1]), n


def _vector(filled: dict[str, int]) -> list[int]:
    vector = []
    for shell, electrons in filled.items():
        orbitals = _ORBITALS[shell[1]]
        pairs = max(0, electrons - orbitals)
        single = electrons - 2 * pairs
        vector += pairs * [1, 1] + single * [-1, 1] + (orbitals - pairs - single) * [-1, -1]
    return vector
