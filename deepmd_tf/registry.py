"""Named components, found by scanning a package: a new component is a new file, no list to edit."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator

from deepmd_tf.errors import ConfigError


class Registry:
    """The components of one kind, by the name they carry in the input file.

    Parameters
    ----------
    kind : str
        What the components are, for messages: "descriptor", "loss", ...
    package : str
        The package whose modules are imported before the first look-up.
    """

    def __init__(self, kind: str, package: str):
        self.kind = kind
        self.package = package
        self._components: dict[str, type] = {}
        self._names: dict[str, str] = {}

    def register(self, name: str, *aliases: str) -> Callable[[type], type]:
        """Class decorator: make the class known under ``name`` and its aliases."""

        def add(component: type) -> type:
            self._components[name] = component
            for known in (name, *aliases):
                if self._names.setdefault(known, name) != name:
                    raise ValueError(f"{self.kind} {known!r} is registered twice")
            return component

        return add

    def get(self, name: str) -> type:
        """Return the component called ``name``; raise :class:`ConfigError` naming the nearest one."""
        self._scan()
        if name in self._names:
            return self._components[self._names[name]]
        raise ConfigError(f"there is no {self.kind} {name!r}", did_you_mean(name, self._names))

    def aliases(self, name: str) -> list[str]:
        """The other names of the component ``name``."""
        self._scan()
        return [known for known, target in self._names.items() if target == name and known != name]

    def __iter__(self) -> Iterator[tuple[str, type]]:
        self._scan()
        return iter(sorted(self._components.items()))

    def _scan(self) -> None:
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")


def did_you_mean(name: str, known) -> str:
    """A hint sentence: the nearest known names, or all of them when none is near."""
    known = sorted(str(k) for k in known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(n) for n in near)}?"
    return f"Known: {', '.join(known)}" if known else "None is known here"
