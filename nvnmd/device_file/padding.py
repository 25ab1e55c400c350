"""What an empty neighbour slot adds to the sum over neighbours: the product s g(s) where u = 0.

The device adds it for each slot that stays empty, in the numbers of the quantised network, which keep 20 fraction bits.
Source: NVNMD format, cfg; number formats and operations.
"""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ModelFormatError
from nvnmd.formats import FRACTION_BITS, truncate

ARGUMENT_BITS = np.uint64(0xFFFFFFF000000000)  # of an offset within a segment, 16 fraction bits stay
ZERO_EXPONENT, LARGEST_SHIFT = -1023, 63


def empty_slot_products(tables: dict, ntypes: int) -> np.ndarray:
    """Products s g(s) of empty slots.

    Parameters
    ----------
    tables : dict
        Tables ``s`` by centre type and ``g`` by neighbour type, and where their segments are.
    ntypes : int
        Number of types.

    Returns
    -------
    array [ntypes, ntypes, 32]
        By centre type, neighbour type, channel.

    Raises
    ------
    ModelFormatError
        A table is missing.
    """
    try:
        s = [evaluate(0.0, tables["s"][center], tables["cfg_u2s"])[0] for center in range(ntypes)]
        return np.array(
            [[s[center] * evaluate(s[center], tables["g"][neighbor], tables["cfg_s2g"]) for neighbor in range(ntypes)]
             for center in range(ntypes)]
        )  # fmt: skip
    except (KeyError, IndexError) as error:
        raise ModelFormatError(
            f"tables: cfg_u2s, cfg_s2g, s or g is not there for {ntypes} types ({error!r})"
        ) from error


def evaluate(x: float, table, groups) -> np.ndarray:
    """Polynomials at x, all steps truncated as the device does it.

    Parameters
    ----------
    x : float
        Where.
    table : array [rows, 4*channels]
        Coefficients of each segment and channel, the cubic one first.
    groups : list of [x0, x1, dx, first, last]
        Segments of width dx from x0 to x1 with the rows first to last-1; the first group that holds x counts.

    Returns
    -------
    array [channels]
    """
    start, _, width, first, last = next((group for group in groups if group[0] <= x <= group[1]), groups[-1])
    offset = x - start
    segment = int(np.floor(offset / width))
    if segment < 0:
        segment, offset = 0, 0.0
    elif segment >= last - first:
        segment, offset = last - first - 1, width
    else:
        offset -= segment * width
    t = (np.float64(offset).view(np.uint64) & ARGUMENT_BITS).view(np.float64)
    a, b, c, d = np.asarray(table, np.float64)[segment + first].reshape(-1, 4).T
    y = _add(b, truncate(truncate(a) * t))
    y = _add(c, truncate(y * t))
    return _add(d, truncate(y * t))


def _add(x, y) -> np.ndarray:
    """Sum of numbers of 20 fraction bits, the smaller one aligned to the larger and truncated."""
    (x_mantissa, x_exponent), (y_mantissa, y_exponent) = _split(x), _split(y)
    exponent = np.maximum(x_exponent, y_exponent)
    total = sum(
        np.where(np.signbit(sign), -1, 1) * (mantissa >> np.minimum(exponent - own, LARGEST_SHIFT))
        for sign, mantissa, own in ((x, x_mantissa, x_exponent), (y, y_mantissa, y_exponent))
    )
    return truncate(np.where(exponent == ZERO_EXPONENT, 0.0, np.ldexp(total.astype(np.float64), exponent - 20)))


def _split(x) -> tuple[np.ndarray, np.ndarray]:
    """Mantissa of 21 bits and exponent; zero has the least exponent, and its mantissa vanishes when aligned."""
    mantissa, exponent = np.frexp(np.abs(truncate(x)))
    whole = np.where(x == 0, 2**FRACTION_BITS, np.ldexp(mantissa, FRACTION_BITS + 1)).astype(np.int64)
    return whole, np.where(x == 0, ZERO_EXPONENT, exponent - 1).astype(np.int64)
