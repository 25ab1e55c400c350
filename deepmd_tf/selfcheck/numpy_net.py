"""Networks in NumPy, from their equations: values and first derivatives, in the precision of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit

# Two constants of the approximation of gelu by tanh.
_GELU_A, _GELU_B = math.sqrt(2 / math.pi), 0.044715


def _gelu_slope(x):
    t = np.tanh(_GELU_A * (x + _GELU_B * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * _GELU_A * (1 + 3 * _GELU_B * x**2)


# Function and derivative; at a corner, the derivative that graphs take.
ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "gelu": (lambda x: 0.5 * x * (1 + np.tanh(_GELU_A * (x + _GELU_B * x**3))), _gelu_slope),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * np.ones_like(x)),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)) * np.ones_like(x)),
    "softplus": (lambda x: np.logaddexp(0, x), expit),
    "sigmoid": (expit, lambda x: expit(x) * (1 - expit(x))),
    "silu": (lambda x: x * expit(x), lambda x: expit(x) * (1 + x * (1 - expit(x)))),
    "linear": (lambda x: x, np.ones_like),
    "none": (lambda x: x, np.ones_like),
}
ACTIVATIONS["gelu_tf"] = ACTIVATIONS["gelu"]
ACTIVATION_NAMES = [*ACTIVATIONS, "silut", "silut:1.5"]


def silut(threshold: float) -> tuple[Callable, Callable]:
    """silu up to the threshold, then a tanh with the same value and slope; and the derivative."""
    sg = expit(threshold)
    slope, value = sg + threshold * sg * (1 - sg), threshold * sg
    silu, silu_slope = ACTIVATIONS["silu"]

    def function(x):
        return np.where(x < threshold, silu(x), np.tanh(slope * (x - threshold)) + value)

    def derivative(x):
        return np.where(x < threshold, silu_slope(x), slope * (1 - np.tanh(slope * (x - threshold)) ** 2))

    return function, derivative


def phi(name: str | None) -> Callable:
    """The activation function of that name."""
    return _activation(name)[0]


def phi_slope(name: str | None) -> Callable:
    """Its derivative."""
    return _activation(name)[1]


def _activation(name: str | None) -> tuple[Callable, Callable]:
    key = "none" if name is None else name.lower()
    if key.partition(":")[0] in ("silut", "custom_silu"):
        return silut(float(key.partition(":")[2] or 3.0))
    return ACTIVATIONS[key]


def embedding(x, weights: Mapping, scope: str, tag: str, neuron: list[int], activation: str, resnet_dt: bool):
    """Embedding network on x [n, 1] -> [n, neuron[-1]]."""
    return embedding_slope(x, weights, scope, tag, neuron, activation, resnet_dt)[0]


def embedding_slope(x, weights: Mapping, scope: str, tag: str, neuron: list[int], activation: str, resnet_dt: bool):
    r"""Embedding network on x [n, 1] and its derivative by x, each [n, neuron[-1]].

    Layer k is :math:`h = \phi(x W_k + b_k)`, times ``idt`` and plus x, or x twice side by side, where its width is
    that of the layer before, or double that.
    """
    function, derivative = _activation(activation)
    dx = np.ones_like(x)
    for k in range(1, len(neuron) + 1):
        w, b = weights[f"{scope}/matrix_{k}{tag}"], weights[f"{scope}/bias_{k}{tag}"]
        n_in, n_out = w.shape
        y = x @ w + b
        h, dh = function(y), derivative(y) * (dx @ w)
        if n_out in (n_in, 2 * n_in):
            if resnet_dt:
                idt = weights[f"{scope}/idt_{k}{tag}"]
                h, dh = h * idt, dh * idt
            copies = n_out // n_in
            h, dh = h + np.tile(x, copies), dh + np.tile(dx, copies)
        x, dx = h, dh
    return x, dx


def table_slope(x, table, info, symmetric: bool):
    """Value and derivative of tabulated features at x [n], each [n, M].

    On the interval that starts at a, the six coefficients of a feature in a row of ``table`` [rows, 6*M] are those of a
    polynomial of x - a; beyond both ends it goes on as a straight line (contract G.4).

    Parameters
    ----------
    info : array [5 or 6]
        Range (lower, upper) of fine intervals, end of the table, widths of fine and of coarse intervals.
    symmetric : bool
        Whether the table starts at minus its end, with coarse intervals, and not at ``lower``.
    """
    lower, upper, largest, fine, coarse = (float(value) for value in info[:5])
    below, inside = round((lower + largest) / coarse) if symmetric else 0, round((upper - lower) / fine)
    starts = np.concatenate(
        [
            coarse * np.arange(below) - largest,
            lower + fine * np.arange(inside),
            upper + coarse * np.arange(len(table) - below - inside),
        ]
    )
    at = np.clip(x, starts[0], largest)
    row = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, len(table) - 1)
    coefficients = np.asarray(table, np.float64)[row].reshape(len(x), -1, 6)  # [n, M, 6]
    u = (at - starts[row])[:, None]
    value, slope = np.zeros(coefficients.shape[:2]), np.zeros(coefficients.shape[:2])
    for k in range(5, -1, -1):  # Horner's scheme, the derivative along with it
        slope = slope * u + value
        value = value * u + coefficients[:, :, k]
    return value + slope * (x - at)[:, None], slope


def fitting_slope(h, layers: list[tuple], activation: str):
    r"""Fitting network on h [n, n_in]: its value [n] and derivative [n, n_in].

    Hidden layer k is :math:`\phi(h W_k + b_k)`, times ``idt`` if there is one, plus h where its width is that of the
    layer before; the last layer is linear.

    Parameters
    ----------
    layers : list of (matrix [n_in, n_out], bias [n_out], idt [n_out] or None)
        The last one of width 1.
    """
    function, derivative = _activation(activation)
    slopes, skips = [], []
    for k, (w, b, idt) in enumerate(layers[:-1]):
        z = h @ w + b
        scale = 1.0 if idt is None else idt
        skips.append(k > 0 and w.shape[0] == w.shape[1])
        slopes.append(derivative(z) * scale)
        h = function(z) * scale + (h if skips[-1] else 0.0)
    w, b, _ = layers[-1]
    value = h @ w + b
    back = np.tile(w[:, 0], (len(h), 1))
    for (w, _, _), slope, skip in zip(reversed(layers[:-1]), reversed(slopes), reversed(skips)):
        back = (back * slope) @ w.T + (back if skip else 0.0)
    return value[:, 0], back
