"""Number formats: against their definition in plain integers and fractions, worked bytes, and their inverses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from nvnmd import formats
from nvnmd.fixed_point.floats import flt


def truncated(value: float) -> Fraction:
    """Towards zero to 20 bits after the leading one."""
    magnitude, exponent = abs(Fraction(value)), 0
    if not magnitude:
        return Fraction(0)
    while magnitude >= 2:
        magnitude, exponent = magnitude / 2, exponent + 1
    while magnitude < 1:
        magnitude, exponent = magnitude * 2, exponent - 1
    return Fraction(int(magnitude * 2**20), 2**20) * Fraction(2) ** exponent * (1 if value > 0 else -1)


def decoded(code: int) -> Fraction:
    """(-1)^s 2^(E-128) (1 + F/2^20), and 0 for the code 0."""
    sign, exponent, fraction = code >> 28, code >> 20 & 255, code & 0xFFFFF
    return (-1) ** sign * Fraction(2) ** (exponent - 128) * (1 + Fraction(fraction, 2**20)) if code else Fraction(0)


def numbers():
    rng = np.random.default_rng(1)
    spread = rng.normal(size=500) * 2.0 ** rng.integers(-120, 120, 500)
    return np.concatenate([spread, [0.0, -0.0, 1.0, -1.0, 2 - 2.0**-52, -0.1, formats.LARGEST, formats.SMALLEST]])


def test_floats_are_truncated_and_coded_as_defined():
    values = numbers()
    codes, outside = formats.float_codes(values)
    assert not outside.any() and codes.max() < 2**29
    for value, code, kept in zip(values, codes, flt(values)):
        assert decoded(int(code)) == truncated(float(value)) == Fraction(float(kept))
    np.testing.assert_array_equal(formats.float_values(codes), flt(values))
    assert codes[list(values).index(0.0)] == 0


def test_every_float_code_is_its_own_inverse():
    codes = np.random.default_rng(2).integers(0, 2**29, 5000).astype(np.uint32)
    codes[:3] = 1, 2**29 - 1, 2**28 - 1
    codes = codes[codes != 2**28]  # minus 2^-128 is the one number with two codes nearby: it is too small
    back, outside = formats.float_codes(formats.float_values(codes))
    np.testing.assert_array_equal(back, codes)
    assert not outside.any()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (np.inf, 2**28 - 1),
        (-np.inf, 2**29 - 1),
        (2.0**128, 2**28 - 1),
        (-(2.0**200), 2**29 - 1),
        (2.0**-128, 0),
        (-(2.0**-130), 0),
        (5e-324, 0),
        (np.nan, 0),
    ],
)
def test_floats_outside_the_range_are_told_and_saturated(value, code):
    codes, outside = formats.float_codes([value, 1.5])
    assert list(outside) == [True, False] and codes[0] == code and decoded(int(codes[1])) == Fraction(3, 2)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [3, 8, 9, 18, 29, 32])
def test_fixed_codes_saturate_symmetrically(bits, signed):
    greatest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    least = -greatest if signed else 0
    given = np.array([least - 1.0, least, greatest, greatest + 1.0, np.inf, np.nan])
    codes, outside = formats.fixed_codes(given, bits, signed=signed)
    assert list(codes) == [least, least, greatest, greatest, greatest, 0]
    assert list(outside) == [True, False, False, True, True, True]


@pytest.mark.parametrize("room", [None, 32])
@pytest.mark.parametrize(("width", "signed"), [(3, False), (8, True), (18, True), (29, False), (29, True), (32, True)])
def test_bits_stand_lowest_first(width, signed, room):
    least, greatest = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    codes = np.random.default_rng(3).integers(least, greatest + 1, (2, 7))
    codes[0, :2] = least, greatest
    bits = formats.to_bits(codes, width, room)
    assert bits.shape == (2, 7 * (room or width))
    for row, found in zip(codes, bits):
        whole = sum((int(code) % 2**width) << i * (room or width) for i, code in enumerate(row))
        assert whole == sum(int(bit) << i for i, bit in enumerate(found))
    np.testing.assert_array_equal(formats.from_bits(bits, width, room, signed=signed), codes)


@pytest.mark.parametrize(("rows", "width"), [(5, 72), (3, 116), (4, 232), (2, 32), (1, 7)])
def test_rows_are_extended_to_words_and_written_least_byte_first(rows, width):
    bits = np.random.default_rng(4).integers(0, 2, rows * width - 3).astype(np.uint8)
    data = formats.pack_rows(bits, rows, width)
    size = (width + 31) // 32 * 4
    stream = sum(int(bit) << i for i, bit in enumerate(bits))
    expected = b"".join((stream >> i * width & (1 << width) - 1).to_bytes(size, "little") for i in range(rows))
    assert data == expected and formats.row_bytes(width) == size
    np.testing.assert_array_equal(formats.unpack_rows(data, rows, width), [*bits, 0, 0, 0])


def test_worked_row_of_weights():
    bits = formats.to_bits([1134, -1280, -823, 9849], 18)
    assert formats.pack_rows(bits, 1, 72).hex() == "6e0400ec9fcc7f9e09000000"


def test_worked_row_of_a_table():
    codes = [0x18F5592F, 0x8D002E3, 0x1911B3CF, 0x8EA8DB7]
    assert formats.pack_rows(formats.to_bits(codes, 29), 1, 116).hex() == "2f59f5785c001a3dcf46e4db46750400"
    np.testing.assert_allclose(
        formats.float_values(codes), [-43721.469, 8197.773, -145017.875, 27190.859], rtol=0, atol=5e-4
    )
    np.testing.assert_array_equal(formats.float_codes(formats.float_values(codes))[0], codes)


def test_worked_words_of_version_1():
    codes, _ = formats.float_codes([-2048.0, 384.0])
    assert formats.pack_rows(formats.to_bits(codes, 29, 32), 2, 32).hex()[:8] == "0000b018"
    assert int(codes[1]) == (8 + 128) << 20 | 2**19  # 384 = 2^8 * 1.5
