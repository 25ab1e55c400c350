"""Tabulated features: the Hermite polynomial neighbour by neighbour, and the three sums over neighbours."""

from __future__ import annotations

import itertools

import numpy as np


def knot_positions(grid):
    """Position of each knot of one net, from its row of ``grid`` [8]."""
    start, positions = grid[1], [np.array([grid[1]])]
    for length, number in grid[2:].reshape(3, 2):
        positions.append(start + length * np.arange(1, int(number) + 1))
        start = start + length * number
    return np.concatenate(positions)


def hermite(table, grid, x):
    """The features of one net at x, and their first and second derivatives.

    Parameters
    ----------
    table : array [3*nknots, width]
        Value, first and second derivative at each knot, of all nets.
    grid : array [8]
        The net's row: first knot, x0, and length and number of the intervals of three stretches.
    x : float
        Where.

    Returns
    -------
    array [3, width]
        f(x), f'(x), f''(x); beyond the knots a straight line.
    """
    positions = knot_positions(grid)
    inside = min(max(x, positions[0]), positions[-1])
    k = min(max(np.searchsorted(positions, inside, side="right") - 1, 0), len(positions) - 2)
    h = positions[k + 1] - positions[k]
    first = 3 * (int(grid[0]) + k)
    scale = np.array([1, h, h * h])[:, None]
    v, d, e = table[first : first + 3] * scale
    v1, d1, e1 = table[first + 3 : first + 6] * scale
    jump, slope, bend = v1 - v - d - e / 2, d1 - d - e, e1 - e
    powers = [
        v,
        d,
        e / 2,
        10 * jump - 4 * slope + bend / 2,
        -15 * jump + 7 * slope - bend,
        6 * jump - 3 * slope + bend / 2,
    ]
    u = (inside - positions[k]) / h
    value = sum(c * u**p for p, c in enumerate(powers))
    first_derivative = sum(p * c * u ** (p - 1) for p, c in enumerate(powers) if p > 0) / h
    second_derivative = sum(p * (p - 1) * c * u ** (p - 2) for p, c in enumerate(powers) if p > 1) / h**2
    if inside == x:
        return np.stack([value, first_derivative, second_derivative])
    return np.stack([value + first_derivative * (x - inside), first_derivative, np.zeros_like(value)])


def table_two_body(rows, nlist, center, empty, table, grid, *, sel, nets):
    """See :func:`deepmd_tf.ops.table.table_two_body`."""
    return _sum(rows, nlist, center, empty, table, grid, sel, nets, 4)


def table_two_rows(rows, nlist, center, empty, table, grid, *, sel, nets):
    """See :func:`deepmd_tf.ops.table.table_two_rows`."""
    return _sum(rows, nlist, center, empty, table, grid, sel, nets, 8)


def table_radial(rows, nlist, center, empty, table, grid, *, sel, nets):
    """See :func:`deepmd_tf.ops.table.table_radial`."""
    x, outside = _sum(rows, nlist, center, empty, table, grid, sel, nets, 1)
    return x[:, 0], outside


def table_three_body(rows, nlist, center, table, grid, *, sel, nets):
    """See :func:`deepmd_tf.ops.table.table_three_body`."""
    natoms, ntypes = len(center), len(sel)
    rows, nlist = rows.reshape(natoms, sum(sel), 4), nlist.reshape(natoms, sum(sel))
    x, outside = np.zeros((natoms, table.shape[1])), 0
    for i in range(natoms):
        for ti, tj in itertools.combinations_with_replacement(range(ntypes), 2):
            net = nets[ti * ntypes + tj]
            if center[i] < 0 or net < 0:
                continue
            for j in _found(nlist[i], sel, ti):
                for k in _found(nlist[i], sel, tj):
                    angle = rows[i, j, 1:] @ rows[i, k, 1:]
                    x[i] += angle * hermite(table, grid[net], angle)[0] / (sel[ti] * sel[tj])
                    outside += (ti < tj or j <= k) and not _contains(grid[net], angle)
    return x, outside


def table_factor(rows, nlist, center, factor, table, grid, *, sel, nets):
    """See :func:`deepmd_tf.ops.table.table_factor`."""
    natoms, ntypes, nnei = len(center), len(sel), sum(sel)
    rows, nlist, factor = (
        rows.reshape(natoms, nnei, 4),
        nlist.reshape(natoms, nnei),
        factor.reshape(natoms, nnei, table.shape[1]),
    )
    x, outside = np.zeros((natoms, 4, table.shape[1])), 0
    for i in range(natoms):
        for tj in range(ntypes):
            net = nets[center[i] * ntypes + tj]
            if center[i] < 0 or net < 0:
                continue
            for j in _found(nlist[i], sel, tj):
                x[i] += np.outer(rows[i, j], hermite(table, grid[net], rows[i, j, 0])[0] * (1 + factor[i, j]))
                outside += not _contains(grid[net], rows[i, j, 0])
    return x, outside


def table_rows(x, net, table, grid):
    """See :func:`deepmd_tf.ops.table.table_rows`."""
    y = np.array([hermite(table, grid[k], at)[0] for at, k in zip(x, net)]).reshape(len(x), table.shape[1])
    return y, sum(not _contains(grid[k], at) for at, k in zip(x, net))


def _sum(rows, nlist, center, empty, table, grid, sel, nets, columns):
    natoms, ntypes = len(center), len(sel)
    rows, nlist = rows.reshape(natoms, sum(sel), columns), nlist.reshape(natoms, sum(sel))
    empty = empty.reshape(ntypes, ntypes, columns)
    x, outside = np.zeros((natoms, columns, table.shape[1])), 0
    for i in range(natoms):
        for tj in range(ntypes):
            net = nets[center[i] * ntypes + tj]
            if center[i] < 0 or net < 0:
                continue
            found = _found(nlist[i], sel, tj)
            for row, times in [(rows[i, j], 1) for j in found] + [(empty[center[i], tj], sel[tj] - len(found))]:
                factor = row if columns > 1 else np.ones(1)
                x[i] += times * np.outer(factor, hermite(table, grid[net], row[0])[0])
            outside += sum(not _contains(grid[net], rows[i, j, 0]) for j in found)
    return x, outside


def _found(nlist, sel, kind):
    """Slots of a type that hold a neighbour."""
    start = sum(sel[:kind])
    return [slot for slot in range(start, start + sel[kind]) if nlist[slot] >= 0]


def _contains(grid, x):
    positions = knot_positions(grid)
    rounding = 1e-5 * (positions[1] - positions[0])
    return positions[0] - rounding <= x <= positions[-1] + rounding
