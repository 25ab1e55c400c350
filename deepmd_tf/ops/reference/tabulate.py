"""Tabulated embedding nets: one number at a time, in the arithmetic of the table."""

from __future__ import annotations

import numpy as np


def locate(info, x, *, rows: int, symmetric: bool = False):
    """Where x lies in a table of polynomials: (row, argument of its polynomials, how far x is outside).

    Parameters
    ----------
    info : array [>= 5]
        lower, upper, max, fine step, coarse step. The rows cover [lower, upper) in fine steps, then [upper, max) in
        coarse ones.
    x : number
    rows : int
        Rows of the table: a rounded division points to the last of them at most.
    symmetric : bool
        [-max, lower) in coarse steps comes first.
    """
    scalar = np.asarray(info).dtype.type
    lower, upper, end, fine, coarse = (scalar(value) for value in info[:5])
    low = -end if symmetric else lower
    x = scalar(x)
    if x < low:
        return 0, scalar(0), x - low
    # An argument at the end or beyond belongs to the interval left of the end.
    at = x if x < end else np.nextafter(end, lower)
    first = 0
    for left, right, step in [(low, lower, coarse), (lower, upper, fine), (upper, end, coarse)]:
        if at < right or right == end:
            row = min(first + int((at - left) / step), rows - 1)
            return row, min(x, end) - (scalar(row - first) * step + left), max(x - end, scalar(0))
        first += int((right - left) / step)
    raise AssertionError("the last stretch ends at max")


def table_value(table, info, x, *, symmetric: bool = False):
    """Values and derivatives [width] of the tabulated functions at x, continued by straight lines outside.

    ``table`` is [rows, 6 width]: columns 6k to 6k + 5 hold the coefficients of 1, u, ..., u^5 of function k.
    """
    row, u, beyond = locate(info, x, rows=len(table), symmetric=symmetric)
    a = table[row].reshape(-1, 6)
    powers = u ** np.arange(6, dtype=table.dtype)
    value = a @ powers
    slope = (a[:, 1:] * np.arange(1, 6, dtype=table.dtype)) @ powers[:5]
    return value + slope * beyond, slope


def slots_of(em_x, em, is_sorted: bool):
    """Pairs (slot, how often it counts) of one atom; em_x [nnei], em [nnei, 4].

    Of empty slots, which are equal and stand at the end, the first counts for all.
    """
    nnei = len(em_x)
    pairs = []
    for j in range(nnei):
        if is_sorted and em_x[j] == em_x[-1] and not em[j, 1:].any():
            return [*pairs, (j, nnei - j)]
        pairs.append((j, 1))
    return pairs


def _slots(em_x, em, is_sorted):
    """Triples (atom, slot, weight) of all that are looked at."""
    em_x = em_x.reshape(em.shape[:2])
    return [(i, j, w) for i in range(len(em)) for j, w in slots_of(em_x[i], em[i], is_sorted)]


def tabulate_fusion_se_atten(table, info, em_x, em, two_embed, *, width, is_sorted=True):
    """See :func:`deepmd_tf.ops.tabulate.tabulate_fusion_se_atten`."""
    nnei = em.shape[1]
    out = np.zeros((len(em), 4, width), table.dtype)
    for i, j, weight in _slots(em_x, em, is_sorted):
        f, _ = table_value(table, info, em_x[i * nnei + j, 0])
        out[i] += weight * np.outer(em[i, j], f * (1 + two_embed[i * nnei + j]))
    return out


def tabulate_fusion_se_atten_grad(table, info, em_x, em, two_embed, dy, *, is_sorted=True):
    """Derivatives of sum(dy * result) by em_x, em and two_embed."""
    nnei = em.shape[1]
    dem_x, dem, dtwo = np.zeros_like(em_x), np.zeros_like(em), np.zeros_like(two_embed)
    for i, j, weight in _slots(em_x, em, is_sorted):
        slot = i * nnei + j
        f, df = table_value(table, info, em_x[slot, 0])
        factor = 1 + two_embed[slot]
        dem_x[slot] = weight * np.sum(df * factor * (em[i, j] @ dy[i]))
        dem[i, j] = weight * (dy[i] @ (f * factor))
        dtwo[slot] = weight * f * (em[i, j] @ dy[i])
    return dem_x, dem, dtwo


def tabulate_fusion_se_atten_grad_grad(table, info, em_x, em, two_embed, dz_x, dz_em, dz_two, *, is_sorted=True):
    """Derivative by dy of the sum of the three gradients times dz_x, dz_em and dz_two."""
    nnei = em.shape[1]
    out = np.zeros((len(em), 4, two_embed.shape[1]), table.dtype)
    for i, j, weight in _slots(em_x, em, is_sorted):
        slot = i * nnei + j
        f, df = table_value(table, info, em_x[slot, 0])
        factor = 1 + two_embed[slot]
        along = df * factor * dz_x[slot] + f * dz_two[slot]
        out[i] += weight * (np.outer(dz_em[i, j], f * factor) + np.outer(em[i, j], along))
    return out


def _no_two(table, em):
    return np.zeros((em.shape[0] * em.shape[1], table.shape[1] // 6), table.dtype)


def tabulate_fusion_se_a(table, info, em_x, em, *, width):
    """See :func:`deepmd_tf.ops.tabulate.tabulate_fusion_se_a`."""
    return tabulate_fusion_se_atten(table, info, em_x, em, _no_two(table, em), width=width)


def tabulate_fusion_se_a_grad(table, info, em_x, em, dy):
    """Derivatives of sum(dy * result) by em_x and em."""
    return tabulate_fusion_se_atten_grad(table, info, em_x, em, _no_two(table, em), dy)[:2]


def tabulate_fusion_se_a_grad_grad(table, info, em_x, em, dz_x, dz_em):
    """Derivative by dy of the sum of the two gradients times dz_x and dz_em."""
    two = _no_two(table, em)
    return tabulate_fusion_se_atten_grad_grad(table, info, em_x, em, two, dz_x, dz_em, np.zeros_like(two))


def tabulate_fusion_se_t(table, info, em_x, em, *, width):
    """See :func:`deepmd_tf.ops.tabulate.tabulate_fusion_se_t`."""
    out = np.zeros((len(em), width), table.dtype)
    for i, x in enumerate(em_x.reshape(len(em), -1)):
        for value in x:
            out[i] += value * table_value(table, info, value, symmetric=True)[0]
    return out


def tabulate_fusion_se_t_grad(table, info, em_x, em, dy):
    """Derivatives of sum(dy * result) by the x inside of the functions and by the factor x."""
    dem_x, dem = np.zeros_like(em_x), np.zeros_like(em_x)
    npairs = em.shape[1] * em.shape[2]
    for slot, (x,) in enumerate(em_x):
        f, df = table_value(table, info, x, symmetric=True)
        dem_x[slot] = x * np.sum(df * dy[slot // npairs])
        dem[slot] = np.sum(f * dy[slot // npairs])
    return dem_x, dem.reshape(em.shape)


def tabulate_fusion_se_t_grad_grad(table, info, em_x, em, dz_x, dz_em):
    """Derivative by dy of the sum of the two gradients times dz_x and dz_em."""
    out = np.zeros((len(em), table.shape[1] // 6), table.dtype)
    npairs = em.shape[1] * em.shape[2]
    for slot, (x,) in enumerate(em_x):
        f, df = table_value(table, info, x, symmetric=True)
        out[slot // npairs] += f * dz_em.reshape(-1)[slot] + x * df * dz_x[slot]
    return out


def tabulate_fusion_se_r(table, info, em, *, width):
    """See :func:`deepmd_tf.ops.tabulate.tabulate_fusion_se_r`."""
    out = np.zeros((*em.shape, width), table.dtype)
    for i, j in np.ndindex(em.shape):
        out[i, j] = table_value(table, info, em[i, j])[0]
    return out


def tabulate_fusion_se_r_grad(table, info, em, dy):
    """Derivative of sum(dy * result) by em."""
    dem = np.zeros_like(em)
    for i, j in np.ndindex(em.shape):
        dem[i, j] = np.sum(dy[i, j] * table_value(table, info, em[i, j])[1])
    return dem


def tabulate_fusion_se_r_grad_grad(table, info, em, dz_em):
    """Derivative by dy of sum(dz_em * gradient)."""
    out = np.zeros((*em.shape, table.shape[1] // 6), table.dtype)
    for i, j in np.ndindex(em.shape):
        out[i, j] = dz_em[i, j] * table_value(table, info, em[i, j])[1]
    return out
