"""Look-up of cubic polynomials in tables of several grids.

NVNMD format, exact forward semantics, map.
"""

from __future__ import annotations

import numpy as np

from nvnmd.fixed_point.floats import add, mul, truncated, without_denormals

_OFFSET = np.uint64(0xFFFFFFF000000000)  # keeps 16 fraction bits


def map_table(x, table, info) -> np.ndarray:
    """Value of the polynomial ((a t + b) t + c) t + d of each channel, with ``flt`` sums and products.

    Parameters
    ----------
    x : array [N, D]
    table : array [R, 4*C]
        a, b, c, d of each channel.
    info : array [5*S]
        Groups x0, x1, dx, N0, N1: rows N0 to N1 - 1 hold intervals of length dx from x0 on.

    Returns
    -------
    array [N, D, C]
    """
    x = without_denormals(np.asarray(x, np.float64))
    rows, offsets = np.empty(x.shape, np.int64), np.empty(x.shape)
    for index in np.ndindex(x.shape):
        rows[index], offsets[index] = row_and_offset(x[index], np.reshape(info, (-1, 5)))
    t = truncated(offsets, _OFFSET)[..., None]
    channels = np.shape(table)[1] // 4
    a, b, c, d = np.moveaxis(np.asarray(table, np.float64)[rows].reshape(*x.shape, channels, 4), -1, 0)
    return add(d, mul(add(c, mul(add(b, mul(a, t)), t)), t))


def row_and_offset(x: float, groups) -> tuple[int, float]:
    """Row of the table and distance from the start of its interval.

    The first group that holds x is used, else the last one; there an x outside gives an end of the grid, and what
    is not a number the start.
    """
    x0, _, dx, first, end = next((group for group in groups if group[0] <= x <= group[1]), groups[-1])
    t = x - x0
    i = np.floor(t / dx)
    if not i >= 0:
        i, t = 0, 0.0
    elif i >= end - first:
        i, t = end - first - 1, dx
    else:
        t -= i * dx
    return int(i + first), t
