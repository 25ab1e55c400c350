"""Numeric precision as a value that is passed down, never a global that changes.

``interface`` is the dtype of coordinates, forces, virials and statistics: float64, or float32 when the
environment variable ``DP_INTERFACE_PREC`` is ``low`` (the field's switch). Energies are float64 always.
A network has a precision of its own, ``default`` meaning the interface precision.
"""

from __future__ import annotations

import os

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import did_you_mean

ENERGY_DTYPE = np.dtype(np.float64)
PRECISIONS = ("default", "float16", "float32", "float64", "bfloat16")


def interface_dtype() -> np.dtype:
    """The dtype of coordinates, forces and virials in this process."""
    choice = os.environ.get("DP_INTERFACE_PREC", "high").lower()
    if choice not in ("high", "low"):
        raise ConfigError(f"environment variable DP_INTERFACE_PREC: expected 'high' or 'low', found {choice!r}")
    return np.dtype(np.float64 if choice == "high" else np.float32)


def network_dtype(name: str, interface: np.dtype) -> str:
    """The TensorFlow dtype name of a network of precision ``name``."""
    if name not in PRECISIONS:
        raise ConfigError(f"precision {name!r} is not known", did_you_mean(name, PRECISIONS))
    return np.dtype(interface).name if name == "default" else name
