"""Tables of random coefficients, and inputs of the tabulate ops that reach every branch."""

from __future__ import annotations

import numpy as np

# lower, upper, max, fine step, coarse step, and the number that nothing reads
INFO = (-1.0, 1.5, 4.0, 0.1, 0.5, -1.0)
WIDTH = 9


def random_table(dtype=np.float64, *, width: int = WIDTH, symmetric=False, info=INFO, seed=0):
    """Coefficients without any continuity, so that a wrong interval or local coordinate shows; (table, info)."""
    lower, upper, end, fine, coarse = info[:5]
    rows = round((upper - lower) / fine) + round((end - upper) / coarse)
    if symmetric:
        rows += round((lower + end) / coarse)
    table = np.random.default_rng(seed).normal(size=(rows, 6 * width))
    return table.astype(dtype), np.array(info, dtype)


def arguments(shape, *, symmetric=False, seed=1, outside=True):
    """Random numbers inside the table, and where wanted also on both sides of it; never near a grid point."""
    rng = np.random.default_rng(seed)
    fine = INFO[3]
    low = -INFO[2] if symmetric else INFO[0]
    begin, end = (low - 2, INFO[2] + 2) if outside else (low, INFO[2])
    cells = rng.integers(round(begin / fine), round(end / fine), size=shape)
    return (cells + rng.uniform(0.1, 0.9, size=shape)) * fine


def neighbor_rows(x, *, empty, seed=2):
    """Rows em [n, nnei, 4] whose first numbers need not be x [n, nnei], with `empty[i]` equal slots at the end.

    Among the slots before the empty ones are some that have x of an empty slot, but at most two zeros as direction, and
    some with three zeros but another x.
    """
    rng = np.random.default_rng(seed)
    em = rng.normal(size=(*x.shape, 4))
    for i, count in enumerate(empty):
        nnei = x.shape[1]
        full = nnei - count
        if count:
            x[i, full:] = x[i, full]
            em[i, full:] = em[i, full]
            em[i, full:, 1:] = 0
            if full > 1:
                x[i, 0] = x[i, -1]
            if full > 3:
                x[i, 2] = x[i, -1]
                em[i, 2, 1:] *= np.eye(3)[i % 3]
        if full > 2:
            em[i, 1, 1:] = 0
    return x, em


def four(dtype=np.float64, *, n=6, nnei=11, width=WIDTH, empty=(0, 1, 4, 10, 11, 3), outside=True):
    """Inputs of the ops over rows of four by name: table, info, em_x, em, two_embed and random cotangents."""
    rng = np.random.default_rng(3)
    table, info = random_table(width=width)
    x, em = neighbor_rows(arguments((n, nnei), outside=outside), empty=empty[:n])
    two = rng.normal(size=(n * nnei, width))
    for i, count in enumerate(empty[:n]):  # equal slots have equal types
        two[(i + 1) * nnei - count : (i + 1) * nnei] = two[(i + 1) * nnei - 1]
    arrays = {
        "table": table,
        "info": info,
        "em_x": x.reshape(-1, 1),
        "em": em,
        "two_embed": two,
        "dy": rng.normal(size=(n, 4, width)),
        "dz_x": rng.normal(size=(n * nnei, 1)),
        "dz_em": rng.normal(size=(n, nnei, 4)),
        "dz_two": rng.normal(size=(n * nnei, width)),
        "descriptor": np.zeros((n, 4, width)),
    }
    return {name: array.astype(dtype) for name, array in arrays.items()}


def pairs(dtype=np.float64, *, n=3, ni=4, nj=5, width=WIDTH, outside=True):
    """Inputs of the three-body ops; em differs from em_x, as it must not be read."""
    rng = np.random.default_rng(4)
    table, info = random_table(width=width, symmetric=True)
    arrays = {
        "table": table,
        "info": info,
        "em_x": arguments((n * ni * nj, 1), symmetric=True, outside=outside),
        "em": rng.normal(size=(n, ni, nj)),
        "dy": rng.normal(size=(n, width)),
        "dz_x": rng.normal(size=(n * ni * nj, 1)),
        "dz_em": rng.normal(size=(n, ni, nj)),
        "descriptor": np.zeros((n, width)),
    }
    return {name: array.astype(dtype) for name, array in arrays.items()}


def radii(dtype=np.float64, *, n=5, nnei=7, width=WIDTH, outside=True):
    """Inputs of the radial ops."""
    rng = np.random.default_rng(5)
    table, info = random_table(width=width)
    arrays = {
        "table": table,
        "info": info,
        "em": arguments((n, nnei), outside=outside),
        "dy": rng.normal(size=(n, nnei, width)),
        "dz_em": rng.normal(size=(n, nnei)),
        "descriptor": np.zeros((n, nnei, width)),
    }
    return {name: array.astype(dtype) for name, array in arrays.items()}


# Inputs of each op by their names above.
SE_A = ("table", "info", "em_x", "em")
SE_R = ("table", "info", "em")
INPUTS = {
    "TabulateFusionSeA": SE_A,
    "TabulateFusionSeAGrad": (*SE_A, "dy", "descriptor"),
    "TabulateFusionSeAGradGrad": (*SE_A, "dz_x", "dz_em", "descriptor"),
    "TabulateFusionSeAtten": (*SE_A, "two_embed"),
    "TabulateFusionSeAttenGrad": (*SE_A, "two_embed", "dy", "descriptor"),
    "TabulateFusionSeAttenGradGrad": (*SE_A, "two_embed", "dz_x", "dz_em", "dz_two", "descriptor"),
    "TabulateFusionSeT": SE_A,
    "TabulateFusionSeTGrad": (*SE_A, "dy", "descriptor"),
    "TabulateFusionSeTGradGrad": (*SE_A, "dz_x", "dz_em", "descriptor"),
    "TabulateFusionSeR": SE_R,
    "TabulateFusionSeRGrad": (*SE_R, "dy", "descriptor"),
    "TabulateFusionSeRGradGrad": (*SE_R, "dz_em", "descriptor"),
}
ALIASES = {
    "TabulateFusion": "TabulateFusionSeA",
    "TabulateFusionGrad": "TabulateFusionSeAGrad",
    "TabulateFusionGradGrad": "TabulateFusionSeAGradGrad",
}


def draw(op: str, dtype=np.float64, **sizes):
    """All inputs of the family of an op, by name."""
    make = pairs if "SeT" in op else radii if "SeR" in op else four
    return make(dtype, **sizes)


def attributes(op: str, width=WIDTH, is_sorted=True) -> dict:
    """Attributes that the op has beside its type."""
    attrs = {} if op.endswith("Grad") else {"last_layer_size": width}
    return attrs | ({"is_sorted": is_sorted} if "Atten" in op else {})
