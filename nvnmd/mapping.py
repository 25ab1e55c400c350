"""Look-up tables of a quantised model: of the switching function over u = r², and of the embedding network over s.

On each interval stands a cubic polynomial with the value and the slope of the function at both ends; the tables of the
derivatives are cubic polynomials of their own, made of first and second derivatives. Numbers are float64; they lose
bits where they are used and where they are written to the device.

Source: NVNMD format, mapping tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepmd_tf.errors import ModelFormatError
from nvnmd.config import Config

# Å²; the grid of u ends at the square of the largest cutoff of the device.
U_END, U_INTERVALS = 64.0, 512
S_STEP, S_FINE = 1 / 256, 256
# Å: tables treat nearer atoms as being this far apart.
NEAREST, NEARER = 0.5, 0.1
KNOWN_DISTANCE = 1e-6


def mapping_tables(config: Config, weights: Mapping[str, np.ndarray]) -> dict:
    """The dictionary of ``map.npy``.

    Parameters
    ----------
    config : Config
        Measured: with the range of s.
    weights : mapping of str to ndarray
        Weights of the continuous network by their names with dots, as ``weight.npy`` holds them.

    Returns
    -------
    dict
        ``cfg_u2s``, ``cfg_s2g``: groups of intervals [x0, x1, dx, first row, last row + 1]; lists over types (one entry
        in version 1) ``s``, ``s_grad``, ``h``, ``h_grad`` [512, 4], ``g``, ``g_grad`` [512, 4*32], with coefficients
        a, b, c, d of each channel side by side, cubic first; in version 1 also ``t_ebd``, ``gt``, ``davg_opp``,
        ``dstd_inv``.

    Raises
    ------
    ModelFormatError
        A weight is missing.
    """
    avg, std = _statistics(config, weights)
    tables = _switch_tables(config, weights, avg, std) | _feature_tables(config, weights)
    start = config.s_start
    tables["cfg_u2s"] = [[0.0, U_END, U_END / U_INTERVALS, 0, U_INTERVALS]]
    tables["cfg_s2g"] = [
        [start, start + 1.0, S_STEP, 0, S_FINE],
        [start, start + config.s_span, config.layout.coarse, S_FINE, 2 * S_FINE],
    ]
    if config.version == 1:
        embedding = type_embedding(weights, config.ntypes)
        tables |= {"t_ebd": embedding, "gt": type_factors(weights, embedding)}
        tables |= {"davg_opp": -avg[:, :4], "dstd_inv": 1.0 / std[:, :4]}
    return tables


def weight(weights: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The weight ``name``, or the one that TensorFlow had to call ``name_1``.

    Raises
    ------
    ModelFormatError
        There is neither.
    """
    for key in (name, f"{name}_1"):
        if key in weights:
            return np.asarray(weights[key], np.float64)
    raise ModelFormatError(f"weights: expected {name}, found neither it nor {name}_1")


def nearest_distance(config: Config, weights: Mapping[str, np.ndarray]) -> float:
    """Distance below which the switching function is constant, Å."""
    found = config.dmin
    if found <= KNOWN_DISTANCE:
        recorded = float(np.asarray(weights.get("train_attr.min_nbor_dist", 0.0)))
        found = recorded if recorded >= KNOWN_DISTANCE else config.rcut_smth
    return NEAREST if found > NEAREST else found - NEARER


def switch_jet(u: np.ndarray, nearest: float, rcut: float, rcut_smth: float) -> tuple[np.ndarray, np.ndarray]:
    """s and h = s/r with two derivatives by u = r², each [3, n].

    s(u) = P(x)/r with P of the smooth switch; beyond ``nearest`` and ``rcut`` the distance, and beyond ``rcut_smth``
    and ``rcut`` the argument of P, keep the value of their limit. u is above 0.
    """
    r = np.sqrt(u)
    inside, switched = (r >= nearest) & (r <= rcut), (r >= rcut_smth) & (r <= rcut)
    rc, width = np.clip(r, nearest, rcut), rcut - rcut_smth
    x = (np.clip(r, rcut_smth, rcut) - rcut_smth) / width
    p = np.stack(
        [x**3 * (-6 * x**2 + 15 * x - 10) + 1, -30 * x**4 + 60 * x**3 - 30 * x**2, -120 * x**3 + 180 * x**2 - 60 * x]
    )
    p[1:] *= switched / np.array([[width], [width**2]])
    found = []
    for power in (1, 2):  # P / r and P / r²
        q = np.stack([rc**-power, -power * rc ** -(power + 1), power * (power + 1) * rc ** -(power + 2)])
        q[1:] *= inside
        by_r = np.stack([p[0] * q[0], p[1] * q[0] + p[0] * q[1], p[2] * q[0] + 2 * p[1] * q[1] + p[0] * q[2]])
        first, second = 1 / (2 * r), -1 / (4 * r**3)  # of r by u
        found.append(np.stack([by_r[0], by_r[1] * first, by_r[2] * first**2 + by_r[1] * second]))
    return found[0], found[1]


def feature_jet(weights: Mapping[str, np.ndarray], s: np.ndarray, tag: str) -> np.ndarray:
    """Features of the embedding network with two derivatives by s [n]: -> [3, n, M].

    Layers of equal width add their input, those of doubled width add it twice side by side.
    """
    jet = np.stack([s, np.ones_like(s), np.zeros_like(s)])[:, :, None]
    for layer in (1, 2, 3):
        matrix, bias = (weight(weights, f"filter_type_all.{kind}_{layer}{tag}") for kind in ("matrix", "bias"))
        jet = _skip(jet, _tanh_jet(jet @ matrix, bias))
    return jet


def type_embedding(weights: Mapping[str, np.ndarray], ntypes: int) -> np.ndarray:
    """Vectors of the types, without activation, and a row of zeros for empty slots: [ntypes + 1, 8].

    The layer sees types as unit vectors, and adds them where it is as wide as they are or twice, as with 8 or 4 types.
    """
    vectors = weight(weights, "type_embed_net.matrix_1") + weight(weights, "type_embed_net.bias_1")
    vectors = _skip(np.eye(len(vectors)), vectors)
    return np.vstack([vectors[:ntypes], np.zeros_like(vectors[:1])])


def type_factors(weights: Mapping[str, np.ndarray], embedding: np.ndarray) -> np.ndarray:
    """Factors of the features by pair of types, with the one that keeps the features themselves: [(ntypes + 1)², 32].

    Row centre * (ntypes + 1) + neighbour; the network sees the neighbour first.
    """
    count = len(embedding)
    y = np.concatenate([np.tile(embedding, (count, 1)), np.repeat(embedding, count, axis=0)], axis=1)
    for layer in (1, 2, 3):
        names = (f"filter_type_all.{kind}_{layer}_two_side_ebd" for kind in ("matrix", "bias"))
        matrix, bias = (weight(weights, name) for name in names)
        y = _skip(y[None], np.tanh(y @ matrix + bias)[None])[0]
    return y + 1.0


def hermite(values: np.ndarray, slopes: np.ndarray, length: float) -> np.ndarray:
    """Cubic polynomials between knots [n, M] in the distance from the left one: -> [n - 1, M, 4], cubic term first."""
    y0, y1, d0, d1 = values[:-1], values[1:], length * slopes[:-1], length * slopes[1:]
    cubic = (d0 + d1 - 2 * (y1 - y0)) / length**3
    square = (3 * (y1 - y0) - 2 * d0 - d1) / length**2
    return np.stack([cubic, square, slopes[:-1], y0], axis=-1)


def _statistics(config: Config, weights) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of the environment matrix by type; version 1 has a mean of zero unless it is told another."""
    shape = (config.ntypes, 4)
    if config.version == 1:
        weights = {"descrpt_attr.t_avg": np.zeros(shape), "descrpt_attr.t_std": np.ones(shape), **weights}
    avg, std = (weight(weights, f"descrpt_attr.t_{name}") for name in ("avg", "std"))
    return avg.reshape(len(avg), -1), std.reshape(len(std), -1)


def _switch_tables(config: Config, weights, avg, std) -> dict[str, list]:
    u = np.linspace(0.0, U_END, U_INTERVALS + 1)
    nearest = nearest_distance(config, weights)
    s, h = switch_jet(np.maximum(u, u[1] * 1e-6), nearest, config.rcut, config.rcut_smth)
    tables: dict[str, list] = {name: [] for name in ("s", "s_grad", "h", "h_grad")}
    for t in range(config.ntypes if config.version == 0 else 1):
        mean, scale = (avg[t, 0], std[t, :2]) if config.version == 0 else (0.0, np.ones(2))
        for name, jet, shift in (("s", s, mean), ("h", h, 0.0)):
            jet = (jet - np.array([[shift], [0.0], [0.0]])) / scale["sh".index(name)]
            # An empty slot has u = 0.
            at_zero = (-avg[t, 0] / std[t, 0] if name == "s" else 0.0, 0.0, 0.0)
            jet = np.concatenate([np.array(at_zero)[:, None], jet[:, 1:]], axis=1)
            tables[name].append(_table(jet[:2], U_END / U_INTERVALS))
            tables[f"{name}_grad"].append(_table(jet[1:], U_END / U_INTERVALS))
    return tables


def _feature_tables(config: Config, weights) -> dict[str, list]:
    coarse = round(config.layout.coarse / S_STEP)
    s = config.s_start + S_STEP * np.arange(S_FINE * coarse + 1)
    tables: dict[str, list] = {"g": [], "g_grad": []}
    for tag in [f"_{t}" for t in range(config.ntypes)] if config.version == 0 else [""]:
        jet = feature_jet(weights, s, tag)
        for name, pair in (("g", jet[:2]), ("g_grad", jet[1:])):
            fine = _table(pair[:, : S_FINE + 1], S_STEP)
            tables[name].append(np.vstack([fine, _table(pair[:, ::coarse], coarse * S_STEP)]))
    return tables


def _table(pair: np.ndarray, length: float) -> np.ndarray:
    """Rows of coefficients of all channels from values and slopes [2, n] or [2, n, M]."""
    pair = pair.reshape(2, pair.shape[1], -1)
    return hermite(*pair, length).reshape(pair.shape[1] - 1, -1)


def _tanh_jet(sums: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """tanh(z) with two derivatives from the jet [3, n, M] of z without its bias."""
    y = np.tanh(sums[0] + bias)
    slope = 1 - y**2
    return np.stack([y, slope * sums[1], slope * (sums[2] - 2 * y * sums[1] ** 2)])


def _skip(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The output of a layer with its skip connection, for arrays [..., width]."""
    copies = {x.shape[-1]: 1, 2 * x.shape[-1]: 2}.get(y.shape[-1], 0)
    return y + np.concatenate([x] * copies, axis=-1) if copies else y
