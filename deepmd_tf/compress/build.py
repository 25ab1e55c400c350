"""The graph of a compressed model."""

from __future__ import annotations

import json
import math

from deepmd_tf.compress.source import Original
from deepmd_tf.compress.table import OUTER, Spacing
from deepmd_tf.compress.tables import Plan, make_tables, plan_tables
from deepmd_tf.errors import ConfigError
from deepmd_tf.export import freeze
from deepmd_tf.export.script import MIN_NBOR_DIST, SCRIPT
from deepmd_tf.nn.compressed import compressed


def plan(original: Original, spacing: Spacing) -> list[Plan]:
    """The tables that the model will hold.

    Raises
    ------
    ModelFormatError, CheckpointError
        The model cannot be compressed; the text says why.
    ConfigError
        The tables do not fit into a model file, or are not of types although some are named.
    """
    plans = plan_tables(original.model, original.values, original.interface, original.nearest, spacing, original.types)
    of_types = any(one.of_types for one in plans)
    if original.types_named and not of_types:
        raise ConfigError(
            "--types: expected a model whose network is told the types beside s(r) (DPA-1, 'concat'), found another",
            "Leave it out",
        )
    # What is not table is at most as large as the original, whose embedding networks go.
    rest = original.frozen.graph_def.ByteSize()
    total = sum(one.nbytes for one in plans)
    if total + rest > freeze.SIZE_LIMIT:
        wider = spacing.step * total / max(freeze.SIZE_LIMIT - rest, 1)
        raise ConfigError(
            f"--step {spacing.step:g}: the tables would take {total / 1e6:.0f} MB, a model file can hold "
            f"{(freeze.SIZE_LIMIT - rest) / 1e6:.0f} MB of them",
            f"Take --step {_rounded_up(wider):g} or wider"
            + (", or name the types that your systems have by --types" if of_types else ""),
        )
    return plans


def compress(original: Original, spacing: Spacing):
    """The GraphDef of the compressed model; errors as :func:`plan`."""
    plan(original, spacing)
    model, values, interface = original.model, original.values, original.interface
    tables = make_tables(model, values, interface, original.nearest, spacing, original.types)
    attributes = {
        **original.attributes(),
        "model_type": ("compressed_model", "string"),
        SCRIPT: (json.dumps(script_with_compression(original, spacing), separators=(",", ":")), "string"),
        MIN_NBOR_DIST: (original.nearest, "float64"),
    }
    return freeze.inference_graph(model, values, interface, attributes, compressed(tables))


def script_with_compression(original: Original, spacing: Spacing) -> dict:
    """The input with the section ``model/compress`` by which the field tells how a model was compressed."""
    section = {
        "model_file": str(original.frozen.path),
        "min_nbor_dist": original.nearest,
        "table_config": [spacing.extrapolate, spacing.step, OUTER * spacing.step, spacing.frequency],
        "type": original.script["model"]["descriptor"]["type"],
    }
    return {**original.script, "model": {**original.script["model"], "compress": section}}


def _rounded_up(value: float) -> float:
    """The next number of two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit
