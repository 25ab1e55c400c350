"""``dp doc-train-input``: the keys of the input file, from the schema itself."""

from __future__ import annotations

from deepmd_tf.config.document import to_json, to_json_schema, to_rst
from deepmd_tf.errors import ConfigError
from deepmd_tf.train.schema import input_schema

NAME = "doc-train-input"
HELP = "print the documentation of the input file"
EXAMPLES = ("dp doc-train-input", "dp doc-train-input --out-type json_schema > input.schema.json")
FORMS = {"rst": to_rst, "json": to_json, "json_schema": to_json_schema}


def arguments(parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--out-type", choices=list(FORMS), default="rst",
        help="rst: text for people; json: the encoding of dargs; json_schema: for editors (default: rst)",
    )  # fmt: skip
    parser.add_argument("--multi-task", action="store_true", help="of other backends; refused here")


def run(args) -> None:
    """Print the documentation."""
    if args.multi_task:
        raise ConfigError("--multi-task: multi-task training is not supported", "Train one model per input file")
    print(FORMS[args.out_type](input_schema()))
