"""Make ``reference.json``: the facts of the field's input parameters, without their texts.

``python -m deepmd_tf.config.make_reference training-parameters.txt`` reads the printed parameter
reference of deepmd-kit and writes path, type, whether optional, default, aliases, choices and backends.
Descriptions are left out on purpose: they are another project's prose.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("reference.json")
HEAD = re.compile(
    r"type: (?P<type>.+?)(?P<flag> \(flag key\))?"
    r"(?P<optional>, optional)?(?:, default: (?P<default>.*?))?(?:, alias(?:es)?: (?P<alias>.*))?$"
)
CHOICE = re.compile(r"When type is set to (?P<name>\S+?)(?: \(or its alias(?:es)? (?P<alias>.*)\))?:$")
BACKEND = re.compile(r"\(Supported Backends?: ([^)]*)\)")
PATH = "argument path: "
# Keys that deepmd-kit 3.2.0 writes into its out.json and the printed reference leaves out.
LATER = {
    "model[standard]/bridging_method": {"type": "str", "optional": True, "default": "None"},
    "model[standard]/bridging_r_inner": {"type": "float", "optional": True, "default": 0.5},
    "model[standard]/bridging_r_outer": {"type": "float", "optional": True, "default": 0.8},
    "training/stat_file_mode": {"type": "str", "optional": True, "default": "update"},
    "training/save_dir": {"type": "NoneType | str", "optional": True, "default": None},
    "training/ckpt_keep_ratio": {"type": "NoneType | float", "optional": True, "default": None},
    "training/neighbor_graph_method": {"type": "str", "optional": True, "default": "auto"},
    "training/enable_tf32": {"type": "bool", "optional": True, "default": False},
    "validating/save_best_dir": {"type": "NoneType | str", "optional": True, "default": None},
    "validating/tf32_infer": {"type": "bool", "optional": True, "default": False},
    "validating/amp_infer": {"type": "bool", "optional": True, "default": False},
}


def facts(text: str) -> dict[str, dict]:
    """Return the facts of every parameter in ``text``, by argument path."""
    lines = text.splitlines()
    rows = {}
    for n, line in enumerate(lines):
        if line.startswith(PATH):
            rows[line.removeprefix(PATH).strip()] = _row(lines, n)
    _add_choices(lines, rows)
    return rows


def _row(lines: list[str], n: int) -> dict:
    head = HEAD.match(lines[n - 1])
    row: dict = {"type": head["type"]}
    if head["optional"] or head["default"] is not None:
        row["optional"] = True
    if head["default"] is not None:
        row["default"] = _value(head["default"])
    if head["alias"]:
        row["aliases"] = head["alias"].split(", ")
    if head["flag"]:
        named = lines[n + 1].removeprefix("possible choices: ")
        row["choices"] = {} if named == lines[n + 1] else {name: [] for name in named.split(", ")}
    backend = BACKEND.search(" ".join(lines[n + 1 : n + 3]))
    if backend:
        row["backends"] = backend[1].split(", ")
    return row


def _add_choices(lines: list[str], rows: dict[str, dict]) -> None:
    """A choice is named by the paths below it, its aliases by the headline above them."""
    for path in list(rows):
        for tag in re.finditer(r"\[(\w+)\]", path):
            flag = rows.get(f"{path[: tag.start()]}/type")
            if flag is not None:
                flag["choices"].setdefault(tag[1], [])
    for n, line in enumerate(lines):
        choice = CHOICE.match(line)
        if choice and choice["alias"]:
            below = next(later for later in lines[n:] if later.startswith(PATH)).removeprefix(PATH)
            flag = below[: below.rindex(f"[{choice['name']}]")] + "/type"
            rows[flag]["choices"][choice["name"]] = choice["alias"].split(", ")


def _value(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main(source: str) -> None:
    """Write ``reference.json`` from the file ``source``, one parameter a line."""
    rows = {**facts(Path(source).read_text(encoding="utf-8")), **LATER}
    body = ",\n".join(f"{json.dumps(path)}: {json.dumps(row)}" for path, row in rows.items())
    TARGET.write_text(f"{{\n{body}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
