"""Fitting networks of all types with their derivative."""

from __future__ import annotations

import math

import numpy as np

from deepmd_tf.ops.reference.gelu import gelu


def fitting_net(x, natoms, weights, *, neuron, activation_function, timestep):
    """See :func:`deepmd_tf.ops.fitting.fitting_net`: atom by atom, layer by layer."""
    per_type = len(weights) // (len(natoms) - 2)
    types = np.repeat(np.arange(len(natoms) - 2), natoms[2:])
    energy, slope = np.empty(len(x)), np.empty(x.shape)
    for i, row in enumerate(x):
        t = types[i % natoms[0]]
        mine = weights[t * per_type : (t + 1) * per_type]
        energy[i], slope[i] = _network(row, mine, neuron, activation_function, timestep)
    return energy, slope


def _network(h, weights, neuron, name, timestep):
    """Energy of one atom; the matrix of derivatives [d, width] is carried along from layer to layer."""
    weights = iter(weights)
    jacobian = np.eye(len(h))
    for k, width in enumerate(neuron):
        matrix, bias = next(weights), next(weights)
        skip = k > 0 and width == neuron[k - 1]
        idt = next(weights) if skip and timestep else np.ones(width)
        z = h @ matrix + bias
        y, dy = activation(name, z) * idt, jacobian @ matrix * (activation(name, z, order=1) * idt)
        h, jacobian = (h + y, jacobian + dy) if skip else (y, dy)
    matrix, bias = next(weights), next(weights)
    return (h @ matrix + bias)[0], (jacobian @ matrix)[:, 0]


def activation(name: str, x, *, order: int = 0):
    """An activation function or one of its first two derivatives, by the formulas of textbooks."""
    if name in ("gelu", "gelu_tf"):
        return gelu(x, order=order)
    if name.startswith("silut"):
        return _silut(x, float(name.partition(":")[2] or 3.0), order)
    t = np.tanh(x)
    p = 0.5 * (1 + np.tanh(x / 2))
    q = p * (1 - p)
    return {
        "tanh": lambda: (t, 1 - t**2, -2 * t * (1 - t**2)),
        "sigmoid": lambda: (p, q, q * (1 - 2 * p)),
        "softplus": lambda: (np.logaddexp(0, x), p, q),
        "silu": lambda: (x * p, p + x * q, q * (2 + x * (1 - 2 * p))),
        "relu": lambda: (np.maximum(x, 0), (x > 0) * 1.0, 0 * x),
        "relu6": lambda: (np.clip(x, 0, 6), ((x > 0) & (x < 6)) * 1.0, 0 * x),
        "linear": lambda: (x, 1 + 0 * x, 0 * x),
        "none": lambda: (x, 1 + 0 * x, 0 * x),
    }[name]()[order]


def _silut(x, threshold: float, order: int):
    """silu below the threshold, above it the tanh that continues value and slope."""
    p = 1 / (1 + math.exp(-threshold))
    a, b = p + threshold * p * (1 - p), threshold * p
    above = a**order * activation("tanh", a * (x - threshold), order=order) + (b if order == 0 else 0)
    return np.where(x < threshold, activation("silu", x, order=order), above)
