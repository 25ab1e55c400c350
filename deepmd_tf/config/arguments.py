"""What components declare their input with: short forms of :class:`dargs.Argument` and value checks.

A check is given as ``extra_check``; it returns ``True`` or raises :class:`~deepmd_tf.errors.ConfigError`
with what was expected and found. The path of the key and the file name are added by
:func:`deepmd_tf.config.check.normalize`, so a check speaks of the value alone.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from dargs import Argument, Variant

from deepmd_tf.errors import ConfigError

Check = Callable[[Any], bool]


def required(name: str, dtype, doc: str, **options) -> Argument:
    """A key that has to be given; ``options`` are those of :class:`dargs.Argument`."""
    return Argument(name, dtype, doc=doc, **options)


def optional(name: str, dtype, default, doc: str, **options) -> Argument:
    """A key with a default; ``options`` are those of :class:`dargs.Argument`."""
    return Argument(name, dtype, optional=True, default=default, doc=doc, **options)


def family(
    flag: str, components: Iterable[tuple[str, type]], aliases: Callable[[str], list[str]], **options
) -> Variant:
    """The choice among the components of a registry, each with the keys its class declares.

    Parameters
    ----------
    flag : str
        The key that names the choice, ``type`` in all input files.
    components : iterable of (str, type)
        Name and class; the class has ``arguments()`` and its docstring's first line describes the choice.
    aliases : callable
        Gives the other names of a component.
    **options
        Those of :class:`dargs.Variant`: ``optional``, ``default_tag``, ``doc``.
    """
    choices = [
        Argument(name, dict, component.arguments(), alias=aliases(name), doc=first_line(component))
        for name, component in components
    ]
    return Variant(flag, choices, **options)


def first_line(component: type) -> str:
    """The first line of the docstring that the class itself has."""
    return (component.__doc__ or "").strip().partition("\n")[0]


def one_of(*allowed) -> Check:
    """The value is one of ``allowed``."""

    def check(value) -> bool:
        if value not in allowed:
            raise ConfigError(f"expected one of {', '.join(map(show, allowed))}; found {show(value)}")
        return True

    return check


def in_range(
    low: float = -math.inf, high: float = math.inf, *, open_low: bool = False, open_high: bool = False
) -> Check:
    """Each number in the value lies in the interval; an open end is itself excluded. ``None`` passes."""
    lower = f"{'>' if open_low else '>='} {low}" if low > -math.inf else ""
    upper = f"{'<' if open_high else '<='} {high}" if high < math.inf else ""
    words = " and ".join(filter(None, (lower, upper)))

    def check(value) -> bool:
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, str) or number is None:
                continue
            if number < low or number > high or (open_low and number == low) or (open_high and number == high):
                raise ConfigError(f"expected a value {words}, found {show(number)}")
        return True

    return check


def not_empty(value) -> bool:
    """The text or list holds something."""
    if not value:
        raise ConfigError(f"expected at least one entry, found {show(value)}")
    return True


def exclusive(*names: str, needed: bool = False, unset: tuple = (None,)) -> Check:
    """At most one of two keys of a section is given, exactly one if ``needed``; a value in ``unset`` is none."""
    listed = " and ".join(repr(name) for name in names)

    def check(section: dict) -> bool:
        given = [name for name in names if section.get(name) not in unset]
        if len(given) > 1:
            raise ConfigError(f"{listed} exclude each other: give one of them, found both")
        if needed and not given:
            raise ConfigError(f"one of {listed} is needed, found neither")
        return True

    return check


def all_of(*checks: Check) -> Check:
    """Every check passes."""
    return lambda value: all(check(value) for check in checks)


def matches(value, dtype) -> bool:
    """Whether ``value`` is of the type; a bool is no number, an int is a float, a float is finite."""
    origin, inner = typing.get_origin(dtype), typing.get_args(dtype)
    if origin in (typing.Union, types.UnionType):
        return any(matches(value, one) for one in inner)
    if origin is list:
        return isinstance(value, list) and all(matches(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(matches(k, inner[0]) and matches(v, inner[1]) for k, v in value.items())
    if dtype is None or dtype is type(None):
        return value is None
    if dtype is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if dtype is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, dtype)


def type_name(dtypes) -> str:
    """The types of an argument in words and in a set order, e.g. ``int | list[int] | str``."""
    return " | ".join(sorted(_type_word(one) for one in dtypes))


def _type_word(dtype) -> str:
    if dtype is None or dtype is type(None):
        return "null"
    origin, inner = typing.get_origin(dtype), typing.get_args(dtype)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_type_word(one) for one in inner)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(_type_word(one) for one in inner)}]"
    return dtype.__name__


def show(value, width: int = 60) -> str:
    """The value as it would stand in an input file, shortened to ``width`` characters."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
