"""``dp show``: what a frozen model or a checkpoint holds."""

from __future__ import annotations

import logging
import math

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer.contents import Contents, read_contents
from deepmd_tf.selfcheck.report import Report

NAME = "show"
HELP = "show the type map, the parameters or the size of a model"
EXAMPLES = ("dp show frozen_model.pb type-map descriptor", "dp show model.ckpt size")

ATTRIBUTES = (
    "model-branch",
    "type-map",
    "descriptor",
    "fitting-net",
    "size",
    "observed-type",
    "serialization-tree",
    "selfcheck",
)

log = logging.getLogger(__name__)


def arguments(parser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="frozen model (.pb), or folder or prefix of a checkpoint")
    parser.add_argument(
        "ATTRIBUTES", nargs="+", choices=ATTRIBUTES, help="what to show", metavar="{" + ",".join(ATTRIBUTES) + "}"
    )


def run(args) -> None:
    """Print the attributes in the order asked for."""
    if "model-branch" in args.ATTRIBUTES:
        raise ConfigError(
            f"{args.INPUT}: model-branch: expected a multi-task model, found a single-task model",
            f"Ask for one of {', '.join(ATTRIBUTES[1:])}",
        )
    contents = read_contents(args.INPUT)
    log.info("This is a singletask model")
    for line in _compression(contents):
        log.info("%s", line)
    if contents.selfcheck is not None:
        log.info("%s", Report.from_json(contents.selfcheck).summary())
    for attribute in args.ATTRIBUTES:
        for line in _SHOWN[attribute](contents):
            log.info("%s", line)


def _compression(contents: Contents) -> list[str]:
    """How the model was compressed: the options as its input tells them, and the tables that are there."""
    if not contents.tables:
        return []
    config = contents.script.get("model", {}).get("compress", {}).get("table_config", [])
    asked = f" (extrapolation {config[0]:g}, step {config[1]:g})" if len(config) > 1 else ""
    total = sum(table.nbytes for table in contents.tables)
    lines = [f"It is compressed{asked}: {len(contents.tables)} tables, {total / 1e6:.1f} MB"]
    return lines + [
        f"  {table.name}: {table.lower:g} to {table.upper:g} by {table.fine:.4g}, then to {table.largest:g} by "
        f"{table.coarse:.4g}, {table.intervals} intervals of {table.width} features, {table.nbytes / 1e6:.1f} MB"
        for table in contents.tables
    ]


def _type_map(contents: Contents) -> list[str]:
    return [f"The type_map is {contents.type_map}"]


def _descriptor(contents: Contents) -> list[str]:
    return [f"The descriptor parameter is {contents.section('descriptor')}"]


def _fitting_net(contents: Contents) -> list[str]:
    return [f"The fitting_net parameter is {contents.section('fitting_net')}"]


def _size(contents: Contents) -> list[str]:
    sizes = {part: _count(contents.part(part)) for part in ("descriptor", "fitting_net")}
    lines = [f"Parameters of the {part}: {size:,}" for part, size in sizes.items()]
    return [*lines, f"Parameters in total: {sum(sizes.values()):,}"]


def _observed_type(contents: Contents) -> list[str]:
    if contents.observed is None:
        raise ModelFormatError("observed-type: the model does not record which types its training data hold")
    return [f"Number of observed types: {len(contents.observed)}", f"Observed types: {contents.observed}"]


def _selfcheck(contents: Contents) -> list[str]:
    if contents.selfcheck is None:
        raise ModelFormatError(
            "selfcheck: the model holds no figures of a self-check",
            "`dp freeze` and `dp compress` write them; `dp selfcheck` measures any model",
        )
    return Report.from_json(contents.selfcheck).lines()


def _serialization_tree(contents: Contents) -> list[str]:
    lines = [f"model (size={_count(contents.weights):,})"]
    for part in ("descriptor", "fitting_net"):
        weights = contents.part(part)
        kind = contents.script.get("model", {}).get(part, {}).get("type", "")
        lines.append(f"  {part} -> {kind} (size={_count(weights):,})")
        for scope in sorted({name.rpartition("/")[0] for name in weights}):
            inside = {
                name.rpartition("/")[2]: shape for name, shape in weights.items() if name.rpartition("/")[0] == scope
            }
            lines.append(f"    {scope} (size={_count(inside):,})")
            lines += [f"      {name} {list(shape)}" for name, shape in inside.items()]
    return lines


def _count(weights: dict) -> int:
    return sum(math.prod(shape) for shape in weights.values())


_SHOWN = {
    "type-map": _type_map,
    "descriptor": _descriptor,
    "fitting-net": _fitting_net,
    "size": _size,
    "observed-type": _observed_type,
    "serialization-tree": _serialization_tree,
    "selfcheck": _selfcheck,
}
