"""Document a schema: as text for people, and in two machine-readable forms for editors and other tools."""

from __future__ import annotations

import json

from dargs import Argument
from dargs.dargs import ArgumentEncoder
from dargs.json_schema import generate_json_schema

from deepmd_tf.config.arguments import type_name


def to_rst(schema: Argument) -> str:
    """The manual of the input in reStructuredText, one anchor per key."""
    _order(schema)
    title = "Keys of the input file"
    body = [section.gen_doc(make_anchor=True) for section in schema.sub_fields.values()]
    return "\n\n".join([f"{title}\n{'=' * len(title)}", *body])


def to_json(schema: Argument) -> str:
    """The sections of the schema in dargs' own JSON encoding, a list."""
    _order(schema)
    return json.dumps(list(schema.sub_fields.values()), cls=ArgumentEncoder)


def to_json_schema(schema: Argument) -> str:
    """The schema in the JSON Schema language (draft 2020-12)."""
    return json.dumps(_sorted_types(generate_json_schema(schema)), indent=2)


def _order(schema: Argument) -> None:
    """Give the types of each argument a set order; dargs keeps them in one that differs from run to run."""
    schema.dtype = tuple(sorted(schema.dtype, key=lambda one: type_name([one])))
    for argument in schema.sub_fields.values():
        _order(argument)
    for variant in schema.sub_variants.values():
        for choice in variant.choice_dict.values():
            _order(choice)


def _sorted_types(node):
    if isinstance(node, list):
        return [_sorted_types(one) for one in node]
    if isinstance(node, dict):
        node = {key: _sorted_types(one) for key, one in node.items()}
        # "type" is a list where it is JSON Schema's keyword, and a section where it is a key of an input.
        if isinstance(node.get("type"), list):
            node["type"] = sorted(node["type"])
    return node
