"""The names that plug-ins add: what the package itself promises is the same with and without them."""

from __future__ import annotations

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.fitting.base import fittings


def own(message: str) -> str:
    """A message that lists components, without those of plug-ins."""
    for family in (descriptors, fittings):
        for name, component in family:
            if not component.__module__.startswith("deepmd_tf."):
                message = message.replace(f"{name}, ", "").replace(f", {name}", "")
    return message
