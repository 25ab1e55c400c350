"""Grids and polynomials of tables, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.compress.table import Grid, Spacing, coefficients
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.table import Table
from tests.compress.lookup import locate, value_and_slope

TYPES = [np.float64, np.float32]


def table_of(f, grid, dtype=np.float64) -> Table:
    """The table of a function that returns (value, first, second derivative), each [n, width]."""
    jet = np.stack(f(grid.knots[:, None]), axis=1)
    return Table(coefficients(jet, grid.strides).astype(dtype), grid.info(-1, dtype))


def polynomial(x):
    """Two features of fifth order, with their derivatives."""
    p = [np.polynomial.Polynomial(a) for a in ([0.3, -1, 0.2, 0.1, -0.02, 0.001], [1, 2, -0.3, 0, 0.01, -0.002])]
    return tuple(np.concatenate([one.deriv(n)(x) if n else one(x) for one in p], axis=1) for n in range(3))


def waves(x):
    """sin x and exp(x/4)."""
    return tuple(
        np.concatenate(part, axis=1)
        for part in (
            (np.sin(x), np.exp(x / 4)),
            (np.cos(x), np.exp(x / 4) / 4),
            (-np.sin(x), np.exp(x / 4) / 16),
        )
    )


def test_sizes_as_the_field_knows_them():
    grid = Grid.choose(-1.0, 9.0, Spacing(), np.float64)
    assert (len(grid), grid.inside, grid.above, grid.below) == (1360, 1000, 360, 0)
    assert grid.info(-1, np.float64).tolist() == [-1, 9, 45, 0.01, 0.1, -1]
    assert len(Grid.choose(-1.0, 6.0, Spacing(), np.float64)) == 940
    angular = Grid.choose(-12.0, 12.0, Spacing(), np.float64, angular=True)
    assert (angular.below, angular.inside, angular.above) == (48, 240, 48)
    assert angular.info(3, np.float64).tolist() == [-12, 12, 60, 0.1, 1.0, 3]


@pytest.mark.parametrize("angular", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_number_is_looked_up_in_its_interval(dtype, angular):
    rng = np.random.default_rng(0)
    for _ in range(60):
        upper = float(rng.integers(1, 40))
        lower = -upper if angular else -float(rng.integers(0, 4))
        spacing = Spacing(float(rng.choice([0.5, 0.1, 0.03, 0.01, 0.007, 1 / 3])), float(rng.choice([2, 5, 1.3, 7])))
        grid = Grid.choose(lower, upper, spacing, dtype, angular=angular)
        step = spacing.step * (10 if angular else 1)
        assert grid.fine <= step * (1 + 1e-5) and grid.coarse <= 10 * step * (1 + 1e-5)
        info, knots = grid.info(-1, dtype), grid.knots
        assert len(knots) == len(grid) + 1 == len(grid.strides) + 1
        assert np.allclose(np.diff(knots), grid.strides, rtol=0, atol=50 * np.finfo(dtype).eps * grid.largest)
        ends = [upper, grid.largest, lower, *(np.nextafter(dtype(e), dtype(0)) for e in (upper, grid.largest, lower))]
        for x in [*rng.uniform(knots[0], knots[-1], 20).astype(dtype), *rng.choice(knots, 5).astype(dtype), *ends]:
            row, u, _ = locate(info, x, angular)
            assert 0 <= row < len(grid)
            assert abs(knots[row] + u - min(x, info[2])) < 20 * np.finfo(dtype).eps * grid.largest
            assert -1e-3 * grid.fine - 1e-5 < u < grid.strides[row] * (1 + 1e-3) + 1e-5


def test_a_step_below_the_resolution_is_refused():
    with pytest.raises(ConfigError, match="--step 1e-06: expected intervals that float32 numbers can tell apart"):
        Grid.choose(-1.0, 9.0, Spacing(1e-6), np.float32)


@pytest.mark.parametrize("angular", [False, True])
def test_polynomials_of_fifth_order_are_exact(angular):
    grid = Grid.choose(-4.0 if angular else -1.0, 4.0, Spacing(0.07, 2), np.float64, angular=angular)
    table = table_of(polynomial, grid)
    x = np.linspace(grid.knots[0], grid.knots[-1], 200)
    value, slope = value_and_slope(table, x, angular)
    exact = polynomial(x[:, None])
    assert np.abs(value - exact[0]).max() < 1e-12 * np.abs(exact[0]).max()
    assert np.abs(slope - exact[1]).max() < 1e-11 * np.abs(exact[1]).max()


def test_beyond_the_ends_it_goes_on_straight():
    grid = Grid.choose(-1.0, 3.0, Spacing(0.1, 2), np.float64)
    table = table_of(waves, grid)
    for end, x in ((-1.0, -2.5), (6.0, 9.0)):
        (value,), (slope,) = value_and_slope(table, x)
        v, d, _ = (part[0] for part in waves(np.array([[end]])))
        assert np.allclose(value, v + d * (x - end), rtol=0, atol=1e-9)
        assert np.allclose(slope, d, rtol=0, atol=1e-9)


def test_continuous_to_the_second_derivative():
    grid = Grid.choose(-1.0, 3.0, Spacing(0.2, 2), np.float64)
    a = table_of(waves, grid).coefficients.reshape(len(grid), -1, 6)
    t = grid.strides[:, None]
    at_end = (
        sum(a[..., k] * t**k for k in range(6)),
        sum(k * a[..., k] * t ** (k - 1) for k in range(1, 6)),
        sum(k * (k - 1) * a[..., k] * t ** (k - 2) for k in range(2, 6)),
    )
    for end, start in zip(at_end, (a[..., 0], a[..., 1], 2 * a[..., 2])):
        assert np.abs(end[:-1] - start[1:]).max() < 1e-10


@pytest.mark.parametrize(("order", "which"), [(6, 0), (5, 1)])
def test_order_of_convergence(order, which):
    x, errors = np.linspace(-0.99, 2.99, 301), []
    for step in (0.5, 0.25):
        table = table_of(waves, Grid.choose(-1.0, 3.0, Spacing(step, 2), np.float64))
        errors.append(np.abs(value_and_slope(table, x)[which] - waves(x[:, None])[which]).max())
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.3
