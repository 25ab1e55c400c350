"""The arithmetic in NumPy integers against the formulas written once more in rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from nvnmd import fixed_point
from tests.nvnmd.op_cases import numbers


def exponent(x) -> int:
    """floor(log2(|x|)) of a rational number; -1023 for zero."""
    x = abs(Fraction(x))
    if x == 0:
        return -1023
    guess = x.numerator.bit_length() - x.denominator.bit_length()
    return guess if Fraction(2) ** guess <= x else guess - 1


def cut(x, unit_exponent) -> Fraction:
    """x truncated towards zero to a multiple of 2**unit_exponent."""
    return math.trunc(Fraction(x) / Fraction(2) ** unit_exponent) * Fraction(2) ** unit_exponent


def flt(x) -> Fraction:
    return cut(x, exponent(x) - 20)


def dot(x, w, block_x, block_w) -> float:
    terms = (cut(flt(a), block_x - 20) * cut(flt(b), block_w - 20) for a, b in zip(x, w))
    return float(flt(sum(terms)))


def block(values) -> int:
    return max(-100, *(exponent(x) for x in np.ravel(values)))


@pytest.mark.parametrize("span", [2, 30, 200])
class TestFloats:
    def pair(self, span, shape=(5, 12)):
        return numbers(shape, span), numbers(shape, span, 1)

    def test_flt(self, span):
        x, _ = self.pair(span)
        np.testing.assert_array_equal(fixed_point.flt(x), np.vectorize(lambda a: float(flt(a)))(x))

    def test_mul(self, span):
        x, w = self.pair(span)
        np.testing.assert_array_equal(
            fixed_point.mul(x, w), np.vectorize(lambda a, b: float(flt(flt(a) * flt(b))))(x, w)
        )

    def test_add(self, span):
        x, w = self.pair(span)
        w[0], w[1] = -x[0], 2.0**20 * x[1]

        def expected(a, b):
            unit = max(exponent(a), exponent(b)) - 20
            return float(flt(cut(a, unit) + cut(b, unit)))

        np.testing.assert_array_equal(fixed_point.add(x, w), np.vectorize(expected)(x, w))

    def test_dotmul(self, span):
        x, w = self.pair(span)
        expected = [[dot(a, b, block(a), block(b))] for a, b in zip(x, w)]
        np.testing.assert_array_equal(fixed_point.dotmul(x, w), expected)

    @pytest.mark.parametrize("normx, normw", [(0, 0), (16, 1), (1, 16), (17, 17)])
    def test_matmul_flt(self, span, normx, normw):
        x, w = numbers((4, 7), span), numbers((7, 3), span, 1)
        expected = [[dot(a, b, block(a if normx % 16 else x), block(b if normw % 16 else w)) for b in w.T] for a in x]
        np.testing.assert_array_equal(fixed_point.matmul_flt(x, w, normx, normw), expected)

    def test_matmul_flt2fix(self, span):
        x, w = numbers((4, 7), min(span, 9)), numbers((7, 3), min(span, 9), 1)
        expected = [[float(flt(sum(cut(flt(p) * flt(q), -23) for p, q in zip(a, b)))) for b in w.T] for a in x]
        np.testing.assert_array_equal(fixed_point.matmul_flt2fix(x, w, 23), expected)


def test_blocks_of_small_numbers_have_the_exponent_of_minus_100():
    """Mantissas of smaller numbers lose bits although there is no larger number beside them."""
    x = np.array([[1 + 2.0**-20, 1.0]]) * 2.0**-101
    w = np.array([[2.0**100, 0.0]])
    assert fixed_point.dotmul(x, w) == fixed_point.matmul_flt(x, w.T, 1, 1) == 0.5
    assert fixed_point.dotmul(2 * x, w) == 1 + 2.0**-20


def test_zeros_add_up_to_zero():
    zeros = np.array([0.0, 0.0, -0.0, 1e-310])
    np.testing.assert_array_equal(fixed_point.add(zeros, np.zeros(4)), np.zeros(4))
    np.testing.assert_array_equal(fixed_point.dotmul(zeros, zeros), [0.0])


def test_sums_of_large_terms_wrap_at_64_bits():
    x, w = np.array([[2.0**20] * 3]), np.array([[2.0**20]] * 3)
    assert fixed_point.matmul_flt2fix(x, w, 23) == -(2.0**40)  # 3 * 2^63 = -2^63 modulo 2^64


@pytest.mark.parametrize("normw", [0, 1])
def test_matmul_fitnet(normw):
    x, w = numbers((4, 7), 2), numbers((7, 3), 5, 1)

    def expected(a, b):
        two, e = Fraction(2), block(b if normw else w)
        total = sum(math.floor(Fraction(p) * two**23) * math.floor(Fraction(q) * two ** (19 - e)) for p, q in zip(a, b))
        return float(math.floor(total * two ** (e - 19)) / two**23)

    found = fixed_point.matmul_fitnet(x, w, 23, 19, normw)
    np.testing.assert_array_equal(found, [[expected(a, b) for b in w.T] for a in x])


@pytest.mark.parametrize("nbit", [0, 3, 23])
def test_quantize(nbit):
    x = np.append(numbers((50,), 6), np.array([0.5, -0.5, 1.5, -2.5]) / 2**nbit)
    down = [float(Fraction(math.floor(Fraction(v) * 2**nbit), 2**nbit)) for v in x]
    near = [
        math.copysign(float(Fraction(math.floor(abs(Fraction(v)) * 2**nbit + Fraction(1, 2)), 2**nbit)), v) for v in x
    ]
    np.testing.assert_array_equal(fixed_point.quantize(x, nbit, isround=False), down)
    np.testing.assert_array_equal(fixed_point.quantize(x, nbit, isround=True), near)
    np.testing.assert_array_equal(fixed_point.quantize(x, -1, isround=True), x)


def test_tanh4_in_integers():
    for x in (*np.linspace(-3, 3, 401), 2.0, -2.0, 1e-9):
        high, low = math.floor(Fraction(abs(x)) * 2**23), math.floor(Fraction(abs(x)) * 2**19)
        square = high * low // 2**19
        value = square * (square - 4 * high) // 2**27 + high if abs(x) < 2 else 2**23
        assert fixed_point.tanh4(np.array([x])) == [math.copysign(value, x) / 2**23]


def test_tanh4_is_the_quartic_and_odd():
    x = np.linspace(0, 3, 1001)
    a = np.minimum(x, 2)
    y = fixed_point.tanh4(x)
    np.testing.assert_allclose(y, a**4 / 16 - a**3 / 4 + a, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(fixed_point.tanh4(-x), -y)
    np.testing.assert_array_equal(fixed_point.tanh4(np.array([2.0, -2.0, 7.0])), [1, -1, 1])


def test_gradient_of_tanh4_in_integers():
    for x, g in zip(np.linspace(-3, 3, 401), numbers((401,), 4)):
        a = min(Fraction(abs(x)), 2)
        high, low = math.floor(a * 2**23), math.floor(a * 2**19)
        slope = (high * low // 2**23) * (high - 3 * 2**23) // 2**25 + 2**19
        expected = slope * math.floor(Fraction(g) * 2**23) // 2**19
        assert fixed_point.tanh4_gradient(np.array([x]), np.array([g])) == [expected / 2**23]


def test_gradient_of_tanh4():
    x, g = np.linspace(-3, 3, 1001), numbers((1001,), 3)
    a = np.minimum(np.abs(x), 2)
    found = fixed_point.tanh4_gradient(x, g)
    # The square and the slope lose up to 2^-19 each, the square times 3/4.
    np.testing.assert_allclose(found, g * (a**3 / 4 - 3 * a**2 / 4 + 1), rtol=0, atol=4e-6 * (1 + np.abs(g).max()))
    np.testing.assert_array_equal(found * 2**23 % 1, 0)
    np.testing.assert_array_equal(fixed_point.tanh4_gradient(np.array([2.0, 0.0]), np.array([5.0, 5.0])), [0, 5])


class TestMap:
    """Rows that hold their own number tell which one was used."""

    INFO = np.array([-1, 0, 1 / 16, 0, 16, -1, 15, 1.0, 16, 32])
    TABLE = np.stack([np.zeros(32), np.zeros(32), np.ones(32), 64.0 * np.arange(32)], axis=1)

    def at(self, x):
        row, offset = np.divmod(fixed_point.map_table(np.array([[x]]), self.TABLE, self.INFO).item(), 64)
        return int(row), offset

    @pytest.mark.parametrize(
        "x, row, offset",
        [
            (-1.0, 0, 0),  # both groups hold it: the first one is used
            (-0.9375, 1, 0),
            (0.0, 15, 1 / 16),  # right end of the fine group
            (2.0**-30, 17, 0),  # past it: the coarse group
            (0.5, 17, 0.5),
            (15.0, 31, 1),
            (16.0, 31, 1),
            (1e300, 31, 1),
            (np.inf, 31, 1),
            (-1.5, 16, 0),  # left of all groups: the last one
            (-np.inf, 16, 0),
            (np.nan, 16, 0),
        ],
    )
    def test_boundaries(self, x, row, offset):
        assert self.at(x) == (row, offset)

    def test_offset_has_16_fraction_bits(self):
        _, offset = self.at(1 + 2.0**-3 + 2.0**-19 + 2.0**-20)
        assert offset == 2.0**-3 + 2.0**-19 - 2.0**-19  # sum with the row's number: 20 bits below 1152
        flat = np.array([[0.0, 0.0, 1.0, 0.0]])
        found = fixed_point.map_table(np.array([[2.0**-3 + 2.0**-19 + 2.0**-20]]), flat, np.array([0, 1, 1, 0, 1.0]))
        assert found == 2.0**-3 + 2.0**-19

    def test_value_is_the_cubic(self):
        table, info = numbers((8, 12), 1), np.array([0, 2, 0.25, 0, 8])
        x = np.linspace(0, 1.99, 40).reshape(10, 4)
        t = (x % 0.25)[..., None]
        a, b, c, d = np.moveaxis(table[(x // 0.25).astype(int)].reshape(10, 4, 3, 4), -1, 0)
        expected = ((a * t + b) * t + c) * t + d
        np.testing.assert_allclose(fixed_point.map_table(x, table, info), expected, rtol=0, atol=2e-5)
