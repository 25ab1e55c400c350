"""Number formats of the device: 29-bit floats, fixed-point codes, and the rows of bits they are stored in.

A *code* is the integer that stands for a number. Codes of this module are plain integers, signed where the format is
signed; two's complement appears only when they become bits. Source: NVNMD format, number formats and general rules of
the model file.
"""

from __future__ import annotations

import numpy as np

from nvnmd.fixed_point.floats import FRACTION as FRACTION_BITS
from nvnmd.fixed_point.floats import flt

FLOAT_BITS = 29
EXPONENT_BIAS = 128
# One exponent less than the 8 bits suggest: the code of +2^-128 is all zeros and means 0.
LARGEST = (2 - 2.0**-FRACTION_BITS) * 2.0**127
SMALLEST = (1 + 2.0**-FRACTION_BITS) * 2.0**-128
_SIGN = np.uint32(1 << (FLOAT_BITS - 1))
_CODE = np.uint32((1 << FLOAT_BITS) - 1)


def float_codes(values) -> tuple[np.ndarray, np.ndarray]:
    """29-bit codes sign(1) | E(8) | F(20) of (-1)^sign 2^(E-128) (1 + F/2^20), the fraction truncated.

    Parameters
    ----------
    values : array of float64
        Any shape.

    Returns
    -------
    codes : array of uint32
        What is too large in magnitude has the largest code of its sign, what is too small has code 0.
    outside : array of bool
        True where a value is too large, too small but not zero, or not a number (code 0).
    """
    values = np.asarray(values, np.float64)
    magnitude = flt(np.abs(values))
    mantissa, exponent = np.frexp(magnitude)  # mantissa in [0.5, 1)
    outside = ~(magnitude <= LARGEST) | ((magnitude < SMALLEST) & (values != 0))
    usable = ~outside & (values != 0)
    fraction = np.where(usable, (2 * mantissa - 1) * 2**FRACTION_BITS, 0).astype(np.uint32)
    biased = np.where(usable, exponent - 1 + EXPONENT_BIAS, 0).astype(np.uint32)
    codes = np.where(magnitude > LARGEST, _SIGN - np.uint32(1), (biased << np.uint32(FRACTION_BITS)) | fraction)
    return np.where((values < 0) & (codes > 0), codes | _SIGN, codes).astype(np.uint32), outside


def float_values(codes) -> np.ndarray:
    """The numbers of 29-bit codes; the inverse of :func:`float_codes`.

    Parameters
    ----------
    codes : array of uint32
        Any shape; bits above the 29th are ignored.

    Returns
    -------
    array of float64
        The same shape.
    """
    codes = np.asarray(codes, np.uint32) & _CODE
    fraction = (codes & np.uint32((1 << FRACTION_BITS) - 1)) / 2**FRACTION_BITS
    exponent = ((codes & ~_SIGN) >> np.uint32(FRACTION_BITS)).astype(np.int64) - EXPONENT_BIAS
    values = np.where(codes == 0, 0.0, np.ldexp(1 + fraction, exponent))
    return np.where(codes & _SIGN, -values, values)


def fixed_limits(bits: int, *, signed: bool) -> tuple[int, int]:
    """Least and greatest code of a width; signed ones are symmetric, -(2^(bits-1)-1) to 2^(bits-1)-1."""
    greatest = (1 << (bits - 1 if signed else bits)) - 1
    return (-greatest if signed else 0), greatest


def fixed_codes(numbers, bits: int, *, signed: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Codes of whole numbers, saturated to the width.

    Parameters
    ----------
    numbers : array
        Whole numbers, as integers or as floats (a value times a power of two, already rounded).
    bits : int
        Width of the code.
    signed : bool
        Whether the format has a sign.

    Returns
    -------
    codes : array of int64
        The same shape; what does not fit has the nearest code, what is not a number code 0.
    outside : array of bool
        True where a number did not fit.
    """
    numbers = np.asarray(numbers)
    least, greatest = fixed_limits(bits, signed=signed)
    outside = ~((numbers >= least) & (numbers <= greatest))
    known = np.where(numbers == numbers, numbers, 0)
    return np.clip(known, least, greatest).astype(np.int64), outside


def to_bits(codes, width: int, room: int | None = None) -> np.ndarray:
    """Bits of codes, the lowest first; negative codes as two's complement.

    Parameters
    ----------
    codes : array of integers [..., n]
        Codes that fit the width.
    width : int
        Bits of each, up to 32.
    room : int, optional
        Bits that each takes, zeros above its own; the width itself if left out.

    Returns
    -------
    array of uint8 [..., n*room]
    """
    room = room or width
    codes = np.ascontiguousarray(np.asarray(codes, np.int64) & ((1 << width) - 1), "<u4")
    bits = np.unpackbits(codes.view(np.uint8), bitorder="little").reshape(-1, 32)[:, :room]
    return bits.reshape(*codes.shape[:-1], codes.shape[-1] * room)


def from_bits(bits, width: int, room: int | None = None, *, signed: bool = True) -> np.ndarray:
    """Codes of bits, the lowest first; the inverse of :func:`to_bits`.

    Parameters
    ----------
    bits : array of uint8 [..., n*room]
        Zeros and ones.
    width, room : int
        Bits of each code, up to 32; bits that each takes.
    signed : bool
        Whether the highest bit is a sign.

    Returns
    -------
    array of int64 [..., n]
    """
    room = room or width
    bits = np.asarray(bits, np.uint8)
    shape = (*bits.shape[:-1], bits.shape[-1] // room)
    filled = np.zeros((int(np.prod(shape)), 32), np.uint8)
    filled[:, :width] = bits.reshape(-1, room)[:, :width]
    codes = np.packbits(filled, axis=1, bitorder="little").view("<u4").astype(np.int64).reshape(shape)
    return codes - ((codes >> (width - 1)) << width) if signed else codes


def row_bytes(width: int) -> int:
    """Bytes of a row on disk: its bits, extended by zeros to a multiple of 32."""
    return -(-width // 32) * 4


def pack_rows(bits, rows: int, width: int) -> bytes:
    """Cut a stream of bits into rows, the lowest bits first, and extend each row as :func:`row_bytes` says.

    Parameters
    ----------
    bits : array of uint8 [n]
        The stream, n <= rows * width; what is missing is zero.
    rows, width : int
        Number of rows, bits of each.
    """
    stream = np.zeros(rows * width, np.uint8)
    stream[: len(bits)] = bits
    padded = np.zeros((rows, 8 * row_bytes(width)), np.uint8)
    padded[:, :width] = stream.reshape(rows, width)
    return np.packbits(padded, bitorder="little").tobytes()


def unpack_rows(data: bytes, rows: int, width: int) -> np.ndarray:
    """The stream of bits of a section; the inverse of :func:`pack_rows`.

    Parameters
    ----------
    data : bytes
        rows * row_bytes(width) bytes.
    rows, width : int
        Number of rows, bits of each.

    Returns
    -------
    array of uint8 [rows*width]
    """
    padded = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return padded.reshape(rows, 8 * row_bytes(width))[:, :width].reshape(-1)
