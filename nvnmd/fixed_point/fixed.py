"""Numbers with a fixed count of fraction bits, in which the fitting net computes.

NVNMD format, exact forward semantics and activation tanh4.
"""

from __future__ import annotations

import numpy as np

from nvnmd.fixed_point.floats import block_exponents, without_denormals

DATA = 23  # fraction bits of the data of the fitting net
SHORT = 19  # fraction bits of the shorter factor of a product
ONE = 1 << DATA


def quantize(x, nbit: int, *, isround: bool) -> np.ndarray:
    """x with ``nbit`` fraction bits, to the nearest (half away from zero) or downwards; itself when nbit < 0."""
    x = np.asarray(x, np.float64)
    if nbit < 0:
        return x
    scaled = np.ldexp(without_denormals(x), nbit)
    if not isround:
        return np.ldexp(np.floor(scaled), -nbit)
    whole = np.trunc(scaled)
    away = np.where(np.abs(scaled - whole) >= 0.5, np.copysign(1.0, scaled), np.copysign(0.0, scaled))
    return np.ldexp(whole + away, -nbit)


def matmul_fitnet(x, w, nbitx: int, nbitw: int, normw: int) -> np.ndarray:
    """Matrix product [N, M] x [M, K] -> [N, K] of fixed point numbers; all rounding is downwards.

    Parameters
    ----------
    x, w : array
    nbitx : int
        Fraction bits of x and of the result.
    nbitw : int
        Bits of w below its block exponent.
    normw : int
        0: one exponent for all of w; else one for each column.

    Notes
    -----
    The sums are exact here; the op adds float64 numbers, which is the same below 2**53.
    """
    block = block_exponents(w, (0, 1) if normw == 0 else 0)  # [1, 1] or [1, K]
    wide = floor_of(np.ldexp(np.asarray(w, np.float64), nbitw - block))
    total = floor_of(np.ldexp(np.asarray(x, np.float64), nbitx)) @ wide
    return np.ldexp(np.floor(np.ldexp(total.astype(np.float64), block - nbitw)), -nbitx)


def tanh4(x) -> np.ndarray:
    """sign(x) (a^4/16 - a^3/4 + a) with a = min(|x|, 2), in integers."""
    a = np.minimum(np.abs(x), 2.0)
    high, low = floor_of(np.ldexp(a, DATA)), floor_of(np.ldexp(a, SHORT))
    square = (high * low) >> SHORT  # a^2, 23 bits
    y = ((square * (square - 4 * high)) >> (DATA + 4)) + high
    return np.sign(without_denormals(x)) * np.ldexp(y.astype(np.float64), -DATA)


def tanh4_gradient(x, g) -> np.ndarray:
    """g times the derivative a^2 (a/4 - 3/4) + 1 of :func:`tanh4`, in integers."""
    a = np.minimum(np.abs(x), 2.0)
    high, low = floor_of(np.ldexp(a, DATA)), floor_of(np.ldexp(a, SHORT))
    square = (high * low) >> DATA  # a^2, 19 bits
    slope = ((square * (high - 3 * ONE)) >> (DATA + 2)) + (1 << SHORT)
    return np.ldexp(((slope * floor_of(np.ldexp(g, DATA))) >> SHORT).astype(np.float64), -DATA)


def floor_of(x) -> np.ndarray:
    """The largest integers that are not above x, int64."""
    return np.floor(x).astype(np.int64)
