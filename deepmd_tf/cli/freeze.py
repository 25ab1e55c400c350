"""``dp freeze``: a model file from a checkpoint."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from deepmd_tf.cli.selfcheck import add_selfcheck, check_selfcheck
from deepmd_tf.errors import ConfigError

log = logging.getLogger(__name__)

NAME = "freeze"
HELP = "write a model file from a checkpoint"
EXAMPLES = ("dp freeze", "dp freeze -c model.ckpt -o graph.pb")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-c", "--checkpoint-folder", "--checkpoint", default=".", metavar="CHECKPOINT",
        help="folder with checkpoints, or prefix of one (default: the newest in this folder)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", default="frozen_model", help="model file to write (default: %(default)s.pb)")
    parser.add_argument("-n", "--node-names", help="comma-separated nodes to keep, instead of all outputs")
    add_selfcheck(parser)
    parser.add_argument("-w", "--nvnmd-weight", help="not supported yet")
    parser.add_argument("--head", "--model-branch", help="not supported, one model has one head")


def run(args: argparse.Namespace) -> None:
    """Freeze; see :mod:`deepmd_tf.export.freeze`."""
    for option in ("nvnmd_weight", "head"):
        if getattr(args, option) is not None:
            raise ConfigError(
                f"--{option.replace('_', '-')} is not supported by dp freeze of this program", "Leave it out"
            )
    check_selfcheck(args)
    from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
    from deepmd_tf.selfcheck.run import write_checked

    output = Path(args.output)
    output = output if output.suffix == ".pb" else output.with_name(output.name + ".pb")
    nodes = args.node_names.split(",") if args.node_names else None
    prefix, graph_def = freeze_checkpoint(args.checkpoint_folder, nodes)
    if nodes is None and not args.no_selfcheck:
        size = write_checked(output, graph_def, prefix, systems=args.system, nframes=args.numb_test)
    else:
        size = write_graph(output, graph_def)
        log.warning(
            "%s is not checked: %s", output, "--no-selfcheck" if args.no_selfcheck else "other nodes than a model has"
        )
    log.info("%s: frozen from checkpoint %s, %d nodes, %.1f MB", output, prefix, len(graph_def.node), size / 1e6)
