"""The schema and the field's parameter reference say the same of every key that both have."""

from __future__ import annotations

import pytest
from dargs import Argument

from deepmd_tf.config.arguments import type_name
from deepmd_tf.config.check import NO_DEFAULT
from deepmd_tf.config.make_reference import facts
from deepmd_tf.config.reference import alone, reference
from deepmd_tf.export.script import OWN_DESCRIPTOR_KEYS, OWN_KEYS
from deepmd_tf.train.schema import input_schema
from tests.support.plugins import added

# Sections that a run cannot do without; optional in the reference for the sake of multi-task inputs.
NEEDED_HERE = {"learning_rate", "training/training_data"}
# Types that take more than those of the reference.
WIDER = {"model[standard]/fitting_net[ener]/layer_name": {"list[str | null]"}}


def walk(argument: Argument, path: str):
    """Yield (path, argument) below ``argument``, with the choices in the path as in the reference."""
    for name, inner in argument.sub_fields.items():
        below = f"{path}/{name}" if path else name
        yield below, inner
        if below != alone(below):
            continue  # the sections in a hybrid's list are walked where they stand alone
        yield from walk(inner, below)
    for variant in argument.sub_variants.values():
        for name, choice in variant.choice_dict.items():
            yield from walk(choice, f"{path}[{name}]")


def flags(argument: Argument, path: str):
    """Yield (path, variant) of every choice."""
    for variant in argument.sub_variants.values():
        yield f"{path}/{variant.flag_name}", variant
    for below, inner in walk(argument, path):
        if below != alone(below):
            continue
        for variant in inner.sub_variants.values():
            yield f"{below}/{variant.flag_name}", variant


ROWS = reference().rows
# Those of plug-ins stand in no reference.
KEYS = {path: key for path, key in walk(input_schema(), "") if not any(f"[{name}]" in path for name in added())}
FLAGS = dict(flags(input_schema(), ""))


def words(text: str) -> set[str]:
    return {one.strip().replace("NoneType", "null").replace("None", "null") for one in split(text)}


def split(text: str) -> list[str]:
    """Alternatives of a type, not cut inside brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def test_own_keys_are_left_out_of_portable_files():
    own = {f"{section}/{key}" for section, keys in OWN_KEYS.items() for key in keys}
    own |= {f"model[standard]/descriptor[{kind}]/dialect" for kind in ("se_atten", "se_atten_v2")}
    assert set(KEYS) - set(ROWS) == own and OWN_DESCRIPTOR_KEYS == ("dialect",)


@pytest.mark.parametrize("path", sorted(set(KEYS) & set(ROWS)))
def test_key(path):
    argument, row = KEYS[path], ROWS[path]
    assert set(row.get("aliases", [])) == set(argument.alias)
    assert argument.optional == (row.get("optional", False) and path not in NEEDED_HERE)
    assert words(type_name(argument.dtype)) == WIDER.get(path, words(row["type"]))
    if "default" in row and argument.optional:
        assert argument.default == row["default"] and isinstance(argument.default, bool) == isinstance(
            row["default"], bool
        )
    elif not argument.sub_fields and not argument.sub_variants:
        assert argument.default is NO_DEFAULT


@pytest.mark.parametrize("path", sorted(FLAGS))
def test_choice(path):
    variant, row = FLAGS[path], ROWS[path]
    assert (variant.optional, variant.default_tag or None) == (row.get("optional", False), row.get("default"))
    own = {name: choice for name, choice in variant.choice_dict.items() if name not in added()}
    for name, choice in own.items():
        assert set(row["choices"][name]) == set(choice.alias)
        assert choice.doc, f"{path}[{name}]: its class has no docstring"


@pytest.mark.parametrize("path", sorted(KEYS))
def test_every_key_is_described(path):
    assert KEYS[path].doc


def test_facts_are_read_off_a_printed_reference():
    text = """
net:#
type: dict
argument path: net

Some text.

type:#
type: str (flag key), default: deep
argument path: net/type
possible choices: deep, flat

When type is set to deep (or its aliases d, dd):

width:#
type: int | list[int], optional, default: [1, 2], aliases: w, n_width
argument path: net[deep]/width

(Supported Backend: PyTorch) Some text.

table:#
type: dict[str, list[float | None]] | NoneType, optional, default: None
argument path: net/table
"""
    assert facts(text) == {
        "net": {"type": "dict"},
        "net/type": {"type": "str", "optional": True, "default": "deep", "choices": {"deep": ["d", "dd"], "flat": []}},
        "net[deep]/width": {
            "type": "int | list[int]", "optional": True, "default": [1, 2], "aliases": ["w", "n_width"],
            "backends": ["PyTorch"],
        },
        "net/table": {"type": "dict[str, list[float | None]] | NoneType", "optional": True, "default": None},
    }  # fmt: skip


def test_shipped_facts_hold_no_prose():
    allowed = {"type", "optional", "default", "aliases", "choices", "backends"}
    assert all(set(row) <= allowed for row in ROWS.values())
    assert max(len(str(value)) for row in ROWS.values() for key, value in row.items() if key != "choices") < 80
