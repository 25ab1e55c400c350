"""Read an input file, JSON or YAML, as plain data; nothing in it is evaluated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from deepmd_tf.errors import ConfigError


def read_input(path) -> dict:
    """Return the content of the input file ``path``, read by its extension ``.json``, ``.yaml`` or ``.yml``.

    Raises
    ------
    ConfigError
        If the file cannot be read, is malformed (with line and column), gives a key twice,
        holds a number that is not finite, or is not a section of keys at its top.
    """
    path = Path(path)
    loaders = {".json": loads_json, ".yaml": loads_yaml, ".yml": loads_yaml}
    loads = loaders.get(path.suffix.lower())
    if loads is None:
        raise ConfigError(f"{path}: unknown kind of input file", f"Name it with one of {', '.join(loaders)}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such input file", "Check the path; it is taken from the current folder"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8 text", "Save the file as UTF-8") from None
    return loads(text, path)


def loads_json(text: str, source) -> dict:
    """Parse JSON ``text``; ``source`` names the file in messages."""
    try:
        content = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        pos, problem = _syntax_fault(text, error)
        line, column = text.count("\n", 0, pos) + 1, pos - text.rfind("\n", 0, pos)
        raise ConfigError(f"{source}, line {line}, column {column}: not valid JSON: {problem}") from None
    except _Duplicate as error:
        lines = [str(n) for n, line in enumerate(text.splitlines(), 1) if re.search(rf"{error.args[0]}\s*:", line)]
        place = f"{source}, line {', '.join(lines)}" if lines else str(source)
        raise ConfigError(f"{place}: key {error.args[0]} is given twice in one section", "Keep one of them") from None
    except _Constant as error:
        raise ConfigError(
            f"{source}: {error} is not a number that an input may hold", "Write a finite number"
        ) from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply for an input file") from None
    return _section(content, source)


def loads_yaml(text: str, source) -> dict:
    """Parse YAML ``text`` with the safe loader; ``source`` names the file in messages."""
    try:
        content = yaml.load(text, Loader=_YamlLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(source)
        raise ConfigError(f"{place}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply for an input file") from None
    return _section(content, source)


class _Duplicate(Exception):
    """A key twice in one object; the argument is the key as JSON text."""


class _Constant(Exception):
    """NaN or Infinity, which JSON does not know."""


def _no_duplicates(pairs: list[tuple]) -> dict:
    section = {}
    for key, value in pairs:
        if key in section:
            raise _Duplicate(json.dumps(key, ensure_ascii=False))
        section[key] = value
    return section


def _no_constant(name: str):
    raise _Constant(name)


def _syntax_fault(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Where the fault is and what it is, in words that do not depend on the version of Python."""
    before, after = text[: error.pos].rstrip(), text[error.pos :].lstrip()
    if after[:1] == "," and after[1:].lstrip()[:1] in ("}", "]"):
        return error.pos, "remove the trailing comma"
    if before.endswith(",") and after[:1] in ("}", "]"):
        return len(before) - 1, "remove the trailing comma"
    if after.startswith(("//", "#", "/*")):
        return error.pos, 'there are no comments; a key that begins with "_", such as "_comment", is ignored'
    if after.startswith("'"):
        return error.pos, 'names and texts stand in double quotes, "'
    if after.startswith(("True", "False", "None")):
        return error.pos, "true, false and null are written in small letters"
    if not after:
        return error.pos, "the file ends too early"
    return error.pos, error.msg


def _section(content, source) -> dict:
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: expected a section of keys at the top, found {type(content).__name__}")
    return content


class _YamlLoader(yaml.SafeLoader):
    """The safe loader, with duplicate keys refused and 1e-3 read as a number, as YAML 1.2 does."""

    def construct_mapping(self, node, deep=False):
        """Build a mapping whose keys are names that differ from each other."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise self.fault(key, "a key has to be a name; put it in quotes")
            if key.value in seen:
                raise self.fault(key, f"key {key.value!r} is given twice in one section")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    @staticmethod
    def fault(node, problem: str) -> yaml.MarkedYAMLError:
        """The fault of one node, with its place."""
        return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_YamlLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+|\d+\.\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
