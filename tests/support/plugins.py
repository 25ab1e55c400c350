"""The names that plug-ins add: what the package itself promises is the same with and without them."""

from __future__ import annotations

import re

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.fitting.base import fittings


def added() -> list[str]:
    """Names of the components that plug-ins have registered so far."""
    families = (descriptors, fittings)
    return [name for family in families for name, kind in family if not kind.__module__.startswith("deepmd_tf.")]


def own(message: str) -> str:
    """A message that lists components, without those of plug-ins."""
    for name in added():
        message = re.sub(rf"\b{name}, |, {name}\b", "", message)
    return message
