"""``dp compress``: tables in the place of the embedding networks of a frozen model."""

from __future__ import annotations

import argparse
import logging
import math
import os
from pathlib import Path

from deepmd_tf.cli.main import add_mpi_log
from deepmd_tf.cli.selfcheck import add_selfcheck
from deepmd_tf.errors import ConfigError, DataError

log = logging.getLogger(__name__)

NAME = "compress"
HELP = "write a compressed model: tables in the place of its embedding networks"
EXAMPLES = (
    "dp compress -i frozen_model.pb -o compressed.pb",
    "dp compress -i frozen_model.pb -o compressed.pb --system path/to/systems --tol 1e-7",
    "dp compress -i frozen_model.pb --dry-run",
)
# Frames of each system, and systems, that are measured where the user names none.
FRAMES, SYSTEMS = 10, 8


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-i", "--input", default="frozen_model", help="frozen model; .pb is added where it is left out")
    parser.add_argument("-o", "--output", default="frozen_model_compressed", help="model file to write, likewise")
    width = parser.add_mutually_exclusive_group()
    width.add_argument(
        "-s", "--step", type=float, default=0.01,
        help="width of the intervals in the range of the training data; 10 times wider outside (default: %(default)s)",
    )  # fmt: skip
    width.add_argument(
        "--tol", type=float, metavar="FORCE_TOL",
        help="take the widest step with which no force component, on the frames measured, differs by more, eV/Å",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--extrapolate", type=float, default=5,
        help="the tables reach to so many times the end of that range (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--frequency", type=int, default=-1, help="number stored in the model, which no program looks at"
    )
    parser.add_argument(
        "-c", "--checkpoint-folder", help="accepted for scripts that give it: the one file written is the output"
    )
    parser.add_argument(
        "-t", "--training-script", metavar="INPUT_JSON", help="input file of the training, where the model lacks it"
    )
    parser.add_argument(
        "--types", nargs="+", metavar="NAME",
        help="types of atoms that you will have, where a model (DPA-1, 'concat') has a table for each of their pairs; "
        "its network serves the others (default: those of the training data, if the model tells them)",
    )  # fmt: skip
    parser.add_argument(
        "--system", metavar="PATH", help="data to measure the errors on (default: those of the training, if found)"
    )
    parser.add_argument(
        "-n", "--numb-test", type=int, default=FRAMES, help="frames of each system; 0 means all (default: %(default)s)"
    )
    add_selfcheck(parser, frames=False)
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, or why it cannot be")
    parser.add_argument("--head", "--model-branch", help="not supported, one model has one head")
    add_mpi_log(parser)


def run(args: argparse.Namespace) -> None:
    """Compress; see :mod:`deepmd_tf.compress`."""
    source, target = _model_file(args.input), _model_file(args.output)
    _check(args, source, target)
    from deepmd_tf.compress import build, report
    from deepmd_tf.compress.source import open_original
    from deepmd_tf.compress.table import Spacing
    from deepmd_tf.export.freeze import write_graph
    from deepmd_tf.selfcheck.run import write_checked

    extrapolate = int(args.extrapolate) if args.extrapolate == int(args.extrapolate) else args.extrapolate
    spacing = Spacing(args.step, extrapolate, args.frequency)
    if args.checkpoint_folder is not None:
        log.info("--checkpoint-folder %s: not written, the graph is built in memory", args.checkpoint_folder)
    original = open_original(source, args.training_script, args.types)
    if args.dry_run:
        log.info("%s can be compressed; nothing is written", source)
        report.describe(original, build.plan(original, spacing), spacing)
        return
    systems = _systems(args, original)
    judge = report.Judge.open(original, systems, args.numb_test)
    if args.tol is not None:
        spacing, graph_def = report.widest_step(original, judge, spacing, args.tol)
    else:
        graph_def = build.compress(original, spacing)
    plans = build.plan(original, spacing)
    report.describe(original, plans, spacing)
    judge.report(graph_def, plans)
    if args.no_selfcheck:
        size = write_graph(target, graph_def)
        log.warning("%s is not checked: --no-selfcheck", target)
    else:
        # Frames of the training first: others may lie beyond the tables, where models are meant to differ.
        size = write_checked(target, graph_def, source, fallback=systems[:1], tolerance=args.tol or 0.0)
    before = source.stat().st_size
    log.info("%s: compressed from %s, %.1f MB (before: %.1f MB)", target, source, size / 1e6, before / 1e6)


def _check(args: argparse.Namespace, source: Path, target: Path) -> None:
    """What can be told from the options and the names of the files alone."""
    if args.head is not None:
        raise ConfigError("--head is not supported by dp compress of this program", "Leave it out")
    positive = {"--step": args.step, "--tol": 1.0 if args.tol is None else args.tol}
    for option, value in positive.items():
        if not 0 < value < math.inf:
            raise ConfigError(f"{option}: expected a number above 0, found {value:g}")
    if not 1 < args.extrapolate < math.inf:
        raise ConfigError(f"--extrapolate: expected a number above 1, found {args.extrapolate:g}")
    if args.numb_test < 0:
        raise ConfigError(f"--numb-test: expected 0 or more frames, found {args.numb_test}")
    same = target.exists() and source.exists() and os.path.samefile(source, target)
    if same or os.path.abspath(source) == os.path.abspath(target):
        raise ConfigError(
            f"--output {target}: is the input, which would be lost", "Name another file; nothing has been written"
        )
    if not args.dry_run and not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}", "Create it first")


def _systems(args: argparse.Namespace, original) -> list[str]:
    """Paths of the systems to measure on; those of the training only as far as they are there."""
    from deepmd_tf.data.find import find_systems

    if args.system is not None:
        return find_systems(args.system)
    data = original.script.get("training", {}).get("training_data")
    try:
        if not data:
            raise DataError("the model does not tell its training data")
        found = find_systems(data["systems"], data.get("rglob_patterns"))
    except DataError as error:
        if args.tol is not None:
            raise ConfigError(f"--tol needs frames: {error.message}", "Name some by --system") from error
        log.warning("errors are not measured, there are no frames: %s", error.message)
        return []
    # Spread over the list, which is often ordered by composition.
    return found[:: -(-len(found) // SYSTEMS)]


def _model_file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix or path.is_file() else path.with_name(path.name + ".pb")
