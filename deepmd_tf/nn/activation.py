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

# Names of functions without a continuous second derivative, silut with any threshold among them.
_KINKED = ("relu", "relu6", "silut")


def activation(name: str | None) -> Callable:
    """Return the activation function called ``name`` (case does not matter; ``None`` is linear).

    ``silut`` and ``silut:TH``, also ``custom_silu``, are silu below the threshold TH (default 3) and, above it, a tanh
    that continues value and slope.

    Raises
    ------
    ConfigError
        The name is unknown, or the threshold is not a positive number.
    """
    key = _key(name)
    if key in _FUNCTIONS:
        return _FUNCTIONS[key]
    if key == "silut" or key.startswith("silut:"):
        return _silut(_threshold(key))
    raise ConfigError(f"activation function {name!r} is not known", did_you_mean(key, [*_FUNCTIONS, "silut"]))


def is_smooth(name: str | None) -> bool:
    """Whether the second derivative of the activation function is continuous, as interpolation of it needs."""
    return _key(name).partition(":")[0] not in _KINKED


def derivatives(name: str | None) -> Callable:
    r"""Return the function :math:`x \mapsto (\phi, \phi', \phi'')` of the activation function called ``name``.

    Closed forms in stock operations, which TensorFlow can differentiate further. At a corner of ``relu`` and
    ``relu6`` the slope is 0, at the threshold of ``silut`` the second derivative is that from above.

    Raises
    ------
    ConfigError
        As :func:`activation`.
    """
    value = activation(name)
    key = _key(name)
    if key.startswith("silut"):
        return _silut_derivatives(_threshold(key))
    slopes = _DERIVATIVES[key]
    return lambda x: (value(x), *slopes(x))


def _key(name: str | None) -> str:
    """The name in small letters and in its first spelling."""
    return "none" if name is None else str(name).lower().replace("custom_silu", "silut")


def _threshold(key: str) -> float:
    text = key.partition(":")[2]
    try:
        value = float(text) if text else SILUT_THRESHOLD
    except ValueError:
        value = math.nan
    if not value > 0:
        raise ConfigError(f"activation function {key!r}: expected a positive number after the colon, found {text!r}")
    return value


def _silut_joint(threshold: float) -> tuple[float, float]:
    """Value and slope of silu at the threshold, where tanh goes on."""
    sigmoid = 1.0 / (1.0 + math.exp(-threshold))
    return threshold * sigmoid, sigmoid + threshold * sigmoid * (1.0 - sigmoid)


def _silut(threshold: float) -> Callable:
    value, slope = _silut_joint(threshold)

    def silut(x):
        # tf.where differentiates both branches: each sees a clipped argument, so that neither overflows.
        low = tf.minimum(x, threshold)
        high = tf.maximum(x, threshold)
        return tf.where(x < threshold, low * tf.sigmoid(low), tf.tanh(slope * (high - threshold)) + value)

    return silut


def _silut_derivatives(threshold: float) -> Callable:
    value, slope = _silut_joint(threshold)

    def silut(x):
        low = tf.minimum(x, threshold)
        above = tf.tanh(slope * (tf.maximum(x, threshold) - threshold))
        first, second = _of_tanh(above)
        high = (above + value, slope * first, slope * slope * second)
        return tuple(
            tf.where(x < threshold, a, b) for a, b in zip((low * tf.sigmoid(low), *_silu_derivatives(low)), high)
        )

    return silut


def _of_tanh(t):
    """First and second derivative of tanh where its value is ``t``."""
    first = 1.0 - t * t
    return first, -2.0 * t * first


def _of_sigmoid(s):
    """First and second derivative of the sigmoid where its value is ``s``."""
    first = s * (1.0 - s)
    return first, first * (1.0 - 2.0 * s)


def _silu_derivatives(x):
    s = tf.sigmoid(x)
    first, second = _of_sigmoid(s)
    return s + x * first, 2.0 * first + x * second


def _gelu_derivatives(x):
    # 0.5 x (1 + tanh u) with the inner polynomial u.
    scale = math.sqrt(2.0 / math.pi)
    t = tf.tanh(scale * (x + 0.044715 * x * x * x))
    u1, u2 = scale * (1.0 + 3.0 * 0.044715 * x * x), scale * 6.0 * 0.044715 * x
    first, second = _of_tanh(t)
    return 0.5 * (1.0 + t + x * first * u1), first * u1 + 0.5 * x * (second * u1 * u1 + first * u2)


def _linear_derivatives(x):
    return tf.ones_like(x), tf.zeros_like(x)


_DERIVATIVES: dict[str, Callable] = {
    "tanh": lambda x: _of_tanh(tf.tanh(x)),
    "gelu": _gelu_derivatives,
    "gelu_tf": _gelu_derivatives,
    "relu": lambda x: (tf.cast(x > 0.0, x.dtype), tf.zeros_like(x)),
    "relu6": lambda x: (tf.cast((x > 0.0) & (x < 6.0), x.dtype), tf.zeros_like(x)),
    "softplus": lambda x: (tf.sigmoid(x), _of_sigmoid(tf.sigmoid(x))[0]),
    "sigmoid": lambda x: _of_sigmoid(tf.sigmoid(x)),
    "silu": _silu_derivatives,
    "linear": _linear_derivatives,
    "none": _linear_derivatives,
}
