"""Find plug-ins: packages that add components or commands and announce them by entry points.

``deepmd_tf.plugins`` names modules whose import registers components; ``deepmd_tf.commands`` names
modules that each hold one command of ``dp``; ``deepmd_tf.operations`` names functions that load a library of
TensorFlow operations and return its module. This package never names a plug-in.
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from deepmd_tf.errors import ConfigError

PLUGINS = "deepmd_tf.plugins"
COMMANDS = "deepmd_tf.commands"
OPERATIONS = "deepmd_tf.operations"


@functools.cache
def load_plugins() -> tuple[str, ...]:
    """Import every plug-in once; return their names.

    Raises
    ------
    ConfigError
        A plug-in fails to import: a component that is silently missing would be a puzzle later.
    """
    return tuple(name for name, _ in load(PLUGINS))


def load(group: str) -> list[tuple[str, Any]]:
    """Import what the entry points of ``group`` name, in the order of their names."""
    return [(point.name, _import(point)) for point in sorted(entry_points(group=group), key=lambda point: point.name)]


def _import(point: EntryPoint):
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        raise ConfigError(
            f"plug-in {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            f"Repair or uninstall the package {package!r}",
        ) from error
