"""Activation functions by the names of the input file."""

from __future__ import annotations

import math
from collections.abc import Callable

from deepmd_tf.errors import ConfigError
from deepmd_tf.ops.gelu import gelu
from deepmd_tf.registry import did_you_mean
from deepmd_tf.tf1 import tf

SILUT_THRESHOLD = 3.0

# Functions of one tensor, element by element; the lambdas keep TensorFlow unloaded until a graph is built.
_FUNCTIONS: dict[str, Callable] = {
    "tanh": lambda x: tf.tanh(x),
    "gelu": gelu,
    "gelu_tf": lambda x: 0.5 * x * (1.0 + tf.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x))),
    "relu": lambda x: tf.nn.relu(x),
    "relu6": lambda x: tf.nn.relu6(x),
    "softplus": lambda x: tf.nn.softplus(x),
    "sigmoid": lambda x: tf.sigmoid(x),
    "silu": lambda x: x * tf.sigmoid(x),
    "linear": lambda x: x,
    "none": lambda x: x,
}


def activation(name: str | None) -> Callable:
    """Return the activation function called ``name`` (case does not matter; ``None`` is linear).

    ``silut`` and ``silut:TH`` are silu below the threshold TH (default 3) and, above it, a tanh that
    continues value and slope.

    Raises
    ------
    ConfigError
        The name is unknown, or the threshold is not a positive number.
    """
    key = "none" if name is None else str(name).lower()
    if key in _FUNCTIONS:
        return _FUNCTIONS[key]
    if key == "silut" or key.startswith("silut:"):
        return _silut(_threshold(key))
    raise ConfigError(f"activation function {name!r} is not known", did_you_mean(key, [*_FUNCTIONS, "silut"]))


def _threshold(key: str) -> float:
    text = key.partition(":")[2]
    try:
        value = float(text) if text else SILUT_THRESHOLD
    except ValueError:
        value = math.nan
    if not value > 0:
        raise ConfigError(f"activation function {key!r}: expected a positive number after the colon, found {text!r}")
    return value


def _silut(threshold: float) -> Callable:
    sigmoid = 1.0 / (1.0 + math.exp(-threshold))
    slope = sigmoid + threshold * sigmoid * (1.0 - sigmoid)
    value = threshold * sigmoid

    def silut(x):
        # tf.where differentiates both branches: each sees a clipped argument, so that neither overflows.
        low = tf.minimum(x, threshold)
        high = tf.maximum(x, threshold)
        return tf.where(x < threshold, low * tf.sigmoid(low), tf.tanh(slope * (high - threshold)) + value)

    return silut
