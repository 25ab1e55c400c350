"""The hardware's floating point numbers (``flt``): a sign, an exponent and 20 bits of fraction.

While training they are float64 numbers whose pattern ends in 32 zero bits. NVNMD format, number formats and exact
forward semantics: everything is truncated towards zero, sums are exact in 64-bit integers and truncated once.
"""

from __future__ import annotations

import numpy as np

FRACTION = 20  # bits after the hidden one
SMALLEST = -100  # exponent below which a block of numbers is not aligned to itself
LONGEST_SHIFT = 63
_FLT = np.uint64(0xFFFFFFFF00000000)


def flt(x) -> np.ndarray:
    """x with its fraction truncated to 20 bits."""
    return truncated(x, _FLT)


def truncated(x, mask: np.uint64) -> np.ndarray:
    """x with the bits of its pattern outside ``mask`` cleared."""
    return (np.asarray(x, np.float64).view(np.uint64) & mask).view(np.float64)


def decode(x) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sign (1 or -1), mantissa (21 bits, hidden one included) and exponent of ``flt(x)``, as int64.

    Zero has the hidden bit as well, and the exponent -1023: it vanishes when it is shifted.
    """
    pattern = np.asarray(x, np.float64).view(np.uint64)
    sign = np.where(pattern >> np.uint64(63), -1, 1).astype(np.int64)
    exponent = ((pattern >> np.uint64(52)) & np.uint64(0x7FF)).astype(np.int64) - 1023
    fraction = ((pattern >> np.uint64(32)) & np.uint64(0xFFFFF)).astype(np.int64)
    return sign, fraction + (1 << FRACTION), exponent


def exponents(x) -> np.ndarray:
    """Exponents of the numbers; -1023 for zero."""
    return decode(x)[2]


def mul(x, w) -> np.ndarray:
    """Product of two ``flt``, elementwise with broadcasting."""
    with np.errstate(over="ignore"):
        return flt(without_denormals(without_denormals(flt(x)) * without_denormals(flt(w))))


def add(x, w) -> np.ndarray:
    """Sum of two ``flt`` of one shape: both are aligned to the larger exponent, then added, then truncated."""
    block = np.maximum(exponents(x), exponents(w))
    return encode(aligned(x, block) + aligned(w, block), block - FRACTION)


def dotmul(x, w) -> np.ndarray:
    """Scalar products of the rows, [..., N, M] -> [..., N, 1]; each row is aligned to its largest exponent."""
    a, b = block_exponents(x, -1), block_exponents(w, -1)
    total = (aligned(x, a) * aligned(w, b)).sum(axis=-1, keepdims=True)
    return encode(total, a + b - 2 * FRACTION)


def matmul_flt(x, w, normx: int, normw: int) -> np.ndarray:
    """Matrix product [..., N, M] x [..., M, K] -> [..., N, K] of aligned mantissas.

    Parameters
    ----------
    x, w : array
    normx, normw : int
        When the lower four bits are 0 a whole matrix is one block with one exponent; else each row of x, each
        column of w. The bits above choose a gradient and have no meaning here.
    """
    a = block_exponents(x, (-2, -1) if normx & 15 == 0 else -1)
    b = block_exponents(w, (-2, -1) if normw & 15 == 0 else -2)
    return encode(aligned(x, a) @ aligned(w, b), a + b - 2 * FRACTION)


def matmul_flt2fix(x, w, nbit: int) -> np.ndarray:
    """Matrix product [..., N, M] x [..., M, K] -> [..., N, K] of which each term is cut to ``nbit`` fraction bits.

    Terms lose their lower bits before their sign is applied. What does not fit into 64 bits wraps around.
    """
    (sx, mx, ex), (sw, mw, ew) = decode(np.asarray(x)[..., :, :, None]), decode(np.asarray(w)[..., None, :, :])
    shift = ex + ew - 2 * FRACTION + nbit
    term = (mx * mw) << np.clip(shift, 0, 64) >> np.clip(-shift, 0, LONGEST_SHIFT)
    return encode((sx * sw * term).sum(axis=-2), -nbit)


def block_exponents(x, axis) -> np.ndarray:
    """Largest exponent along the axes, which are kept, but at least -100."""
    return np.maximum(exponents(x).max(axis=axis, keepdims=True), SMALLEST)


def aligned(x, block) -> np.ndarray:
    """Signed mantissas in units of 2**(block - 20), int64."""
    sign, mantissa, exponent = decode(x)
    return sign * (mantissa >> np.minimum(block - exponent, LONGEST_SHIFT))


def encode(total, exponent) -> np.ndarray:
    """``flt`` of the integers ``total`` times 2**exponent."""
    with np.errstate(over="ignore", invalid="ignore"):
        scale = without_denormals(np.ldexp(1.0, exponent))
        return flt(without_denormals(total.astype(np.float64) * scale))


def without_denormals(x) -> np.ndarray:
    """x with zeros of the same sign for the numbers that TensorFlow's kernels take for zero."""
    return np.where(np.abs(x) < 2.0**-1022, np.copysign(0.0, x), x)
