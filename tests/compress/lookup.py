"""How the operations read a table (contract G.4), in plain Python: what tables are tested with."""

from __future__ import annotations

import numpy as np


def locate(info, x, angular: bool) -> tuple[int, float, float]:
    """Interval, distance from its left end, and how far ``x`` lies outside the table."""
    real = info.dtype.type
    lower, upper, largest, fine, coarse, _ = info
    x = real(x)
    start = -largest if angular else lower
    below = int((lower - start) / coarse) if angular else 0
    inside = int((upper - lower) / fine)
    if x < start:
        return 0, real(0), x - start
    if x < lower:
        row = int((x - start) / coarse)
        return row, x - (real(row) * coarse + start), real(0)
    if x < upper:
        row = int((x - lower) / fine)
        return below + row, x - (real(row) * fine + lower), real(0)
    if x < largest:
        row = int((x - upper) / coarse)
        return below + inside + row, x - (real(row) * coarse + upper), real(0)
    row, _, _ = locate(info, np.nextafter(largest, lower), angular)
    left = real(row - below - inside) * coarse + upper
    return row, largest - left, x - largest


def value_and_slope(table, x, angular: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Features and their derivatives [n, width] at the numbers ``x`` [n]."""
    found = []
    for one in np.atleast_1d(x):
        row, u, outside = locate(table.info, one, angular)
        a = table.coefficients[row].reshape(-1, 6).T.astype(float)  # [6, width]
        slope = sum(k * a[k] * u ** (k - 1) for k in range(1, 6))
        found.append((sum(a[k] * u**k for k in range(6)) + slope * outside, slope))
    return tuple(np.array(part) for part in zip(*found))
