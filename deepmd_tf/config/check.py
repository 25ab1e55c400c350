"""Check an input against its schema and fill in the defaults, reporting every fault at once."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from dargs import Argument, Variant

from deepmd_tf.config.arguments import matches, show, type_name
from deepmd_tf.config.reference import MULTI_TASK, Reference, reference
from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import did_you_mean

log = logging.getLogger(__name__)
# dargs marks "no default" with a private object; an argument without one shows it to us.
NO_DEFAULT = Argument("probe", int).default


def normalize(config: dict, schema: Argument, *, source=None, facts: Reference | None = None) -> dict:
    """Return a checked copy of ``config`` with aliases resolved and defaults filled in.

    Keys that begin with ``_`` are comments and are left out. A key of the field's reference that ``schema`` lacks
    is dropped where its value is the default there, one info line names all of them, and refused by name otherwise.

    Parameters
    ----------
    config : dict
        The input as read; it is not changed.
    schema : dargs.Argument
        The root section; its name stands in no path.
    source : path-like, optional
        The file the input came from, to stand before each fault.
    facts : Reference, optional
        The reference to tell unsupported from unknown keys; the shipped one if not given.

    Raises
    ------
    ConfigError
        One line per fault: path of the key, what was expected, what was found, the nearest legal name.
    """
    checker = _Checker(facts or reference())
    result = checker.section(_Place(schema), config)
    prefix = "" if source is None else f"{source}: "
    if checker.faults:
        raise ConfigError(
            "\n".join(f"{prefix}{path}: {text}" if path else f"{prefix}{text}" for path, text in checker.faults)
        )
    if checker.dropped:
        log.info("%sdropped, since not supported yet and at their default: %s", prefix, ", ".join(checker.dropped))
    return result


@dataclass(frozen=True)
class _Place:
    """An argument, the path a user sees, and its path in the reference (with the choices taken)."""

    argument: Argument
    path: str = ""
    row: str = ""


@dataclass
class _Section:
    """The keys a section may have once its choices are known."""

    fields: dict[str, _Place] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=dict)
    rules: list[Argument] = field(default_factory=list)
    complete: bool = True


class _Checker:
    def __init__(self, facts: Reference):
        self.facts = facts
        self.faults: list[tuple[str, str]] = []
        self.dropped: list[str] = []

    def fault(self, path: str, text: str, hint: str | None = None) -> None:
        self.faults.append((path, f"{text}. {hint}" if hint else text))

    def value(self, place: _Place, value):
        argument, path = place.argument, place.path
        sections = argument.sub_fields or argument.sub_variants
        if value is None and type(None) in argument.dtype:
            return None
        if sections and argument.repeat and isinstance(value, (list, dict)):
            return self.repeated(place, value)
        if sections and isinstance(value, dict):
            return self.section(place, value)
        if sections or not any(matches(value, one) for one in argument.dtype):
            self.fault(path, f"expected {_expected(argument)}, found {show(value)}", _type_hint(value, argument.dtype))
            return value
        self.run_check(argument, path, value)
        return copy.deepcopy(value)

    def repeated(self, place: _Place, value):
        """A list of sections, or sections by a name of the user's."""
        if isinstance(value, dict):
            return {key: self.item(place, key, one) for key, one in value.items() if not _is_comment(key)}
        return [self.item(place, n, one) for n, one in enumerate(value)]

    def item(self, place: _Place, key, value):
        inner = _Place(place.argument, f"{place.path}/{key}", place.row)
        if isinstance(value, dict):
            return self.section(inner, value)
        self.fault(inner.path, f"expected a section, found {show(value)}")
        return value

    def section(self, place: _Place, given: dict) -> dict:
        path = place.path
        given = {key: value for key, value in given.items() if not _is_comment(key)}
        layout = _Section()
        self.lay_out(place.argument, given, path, place.row, layout)
        faults_before = len(self.faults)
        result: dict = dict(layout.flags)
        known = set(layout.flags)
        for name, inner in layout.fields.items():
            known.update((name, *inner.argument.alias))
            for value in self.given_or_default(inner, given):
                result[name] = self.value(inner, value)
        for key in given:
            if key not in known:
                self.unknown(key, given[key], path, layout, known)
        own_faults = [p for p, _ in self.faults[faults_before:] if p.rpartition("/")[0] == path]
        if layout.complete and not own_faults:
            for argument in layout.rules:
                self.run_check(argument, path, result)
        return result

    def lay_out(self, argument: Argument, given: dict, path: str, row: str, layout: _Section) -> None:
        """Collect the keys of ``argument``, and those of the choices that ``given`` takes."""
        layout.rows.append(row)
        layout.rules.append(argument)
        for variant in argument.sub_variants.values():
            choice = self.choice(variant, given, path, row)
            if choice is None:
                layout.complete = False
                layout.flags[variant.flag_name] = given.get(variant.flag_name)
            else:
                layout.flags[variant.flag_name] = choice.name
                self.lay_out(choice, given, path, f"{row}[{choice.name}]", layout)
        for name, inner in argument.sub_fields.items():
            layout.fields[name] = _Place(inner, _join(path, name), _join(row, name))

    def choice(self, variant: Variant, given: dict, path: str, row: str) -> Argument | None:
        """The choice taken, or ``None`` with a fault noted."""
        flag = variant.flag_name
        place = _join(path, flag)
        name = given.get(flag, variant.default_tag if variant.optional else None)
        supported = "; supported: " + ", ".join(variant.choice_dict)
        if name in variant.choice_dict:
            return variant.choice_dict[name]
        if name in variant.choice_alias:
            return variant.choice_dict[variant.choice_alias[name]]
        if flag not in given:
            self.fault(place, f"missing key{supported}")
        elif not isinstance(name, str):
            self.fault(place, f"expected str, found {show(name)}{supported}")
        elif self.facts.has_choice(_join(row, flag), name):
            self.fault(f"{place} = {show(name)}", f"known in the reference, not supported yet{supported}")
        else:
            self.fault(
                place, f"unknown choice {show(name)}", did_you_mean(name, [*variant.choice_dict, *variant.choice_alias])
            )
        return None

    def given_or_default(self, place: _Place, given: dict) -> Iterator:
        """Yield the value to take for the key: none, or one."""
        argument = place.argument
        names = [name for name in (argument.name, *argument.alias) if name in given]
        if len(names) > 1:
            self.fault(place.path, f"given under several names: {', '.join(names)}", "Keep one of them")
        elif names:
            yield given[names[0]]
        elif argument.default is not NO_DEFAULT:
            yield copy.deepcopy(argument.default)
        elif not argument.optional:
            self.fault(place.path, f"missing key; expected {_expected(argument)}")

    def unknown(self, key, value, path: str, layout: _Section, known: set[str]) -> None:
        place = _join(path, str(key))
        row = next((self.facts.keys_of(one)[key] for one in layout.rows if key in self.facts.keys_of(one)), None)
        if place in MULTI_TASK:
            self.fault(place, "multi-task training is not supported", "Train one model per input file")
        elif row is not None:
            self.unsupported(place, row, value)
        elif layout.complete:
            self.fault(place, "unknown key", did_you_mean(key, known))

    def unsupported(self, place: str, row: str, value) -> None:
        """A key of the reference that the schema lacks: harmless only where it changes nothing."""
        facts = self.facts.rows[row]
        inner = self.facts.keys_of(row)
        if inner and isinstance(value, dict) and "default" in facts:
            for key, one in value.items():
                if key in inner:
                    self.unsupported(_join(place, key), inner[key], one)
                elif not _is_comment(key):
                    self.fault(_join(place, key), "unknown key", did_you_mean(key, inner))
        elif self.facts.is_default(row, value):
            self.dropped.append(place)
        else:
            rest = f"only its default {show(facts['default'])} is accepted" if "default" in facts else "leave it out"
            self.fault(
                f"{place} = {show(value)}", f"a key of the reference that this program does not support yet; {rest}"
            )

    def run_check(self, argument: Argument, path: str, value) -> None:
        if argument.extra_check is None:
            return
        try:
            if not argument.extra_check(value):
                self.fault(path, argument.extra_check_errmsg or f"the value {show(value)} is not allowed")
        except ConfigError as error:
            self.fault(path, error.message, error.hint)


def _join(path: str, key: str) -> str:
    return f"{path}/{key}" if path else key


def _is_comment(key) -> bool:
    return isinstance(key, str) and key.startswith("_")


def _expected(argument: Argument) -> str:
    if argument.sub_fields or argument.sub_variants:
        return "a list of sections" if argument.repeat else "a section"
    return type_name(argument.dtype)


def _type_hint(value, dtypes) -> str | None:
    if isinstance(value, float) and value.is_integer() and int in dtypes:
        return f"Write {int(value)}"
    if isinstance(value, str) and (int in dtypes or float in dtypes):
        try:
            float(value)
        except ValueError:
            return None
        return f"Write {value.strip()} without quotes"
    return None
