"""``dp nvnmd-report``: one page on what is lost on the way from the floating-point network to the device."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from deepmd_tf.data.find import find_systems
from deepmd_tf.errors import ConfigError
from deepmd_tf.log import ROOT
from nvnmd.report.blocks import WRITERS, picture_files
from nvnmd.report.collect import evaluate
from nvnmd.report.curves import learning_curves
from nvnmd.report.models import OPTIONS, open_models
from nvnmd.report.page import PICTURES, Report, blocks, summary

log = logging.getLogger(f"{ROOT}.{__name__}")

NAME = "nvnmd-report"
HELP = "compare the networks of both steps and the simulated device with data, on one page"
EXAMPLES = (
    "dp nvnmd-report -s path/to/systems",
    "dp nvnmd-report -s path/to/systems -n 20 --float frozen_model.pb -o report.md",
    "dp nvnmd-report -s path/to/systems --device model.pb --type-map Ge Te",
)

# Files by option, where the two steps of the training leave them.
USUAL = {"cnn": "nvnmd_cnn/frozen_model.pb", "qnn": "nvnmd_qnn/frozen_model.pb", "device": "nvnmd_qnn/model.pb"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-s", "--system", required=True, help="folder or HDF5 file, searched for systems")
    parser.add_argument(
        "-n", "--numb-frames", type=int, default=0, metavar="FRAMES",
        help="first frames of each system; 0 means all (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--float", metavar="MODEL", help="any other frozen model to compare with")
    parser.add_argument("--cnn", metavar="MODEL", help=f"frozen model of step s1 (default: {USUAL['cnn']})")
    parser.add_argument("--qnn", metavar="MODEL", help=f"frozen model of step s2 (default: {USUAL['qnn']})")
    parser.add_argument("--device", metavar="FILE", help=f"model file of the device (default: {USUAL['device']})")
    parser.add_argument(
        "--type-map", nargs="+", metavar="NAME",
        help="names of the types of the device (default: those of the network of s2 or s1, else the order of the data)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", default="report.html",
        help="page to write: .html holds its pictures, .md has them beside it (default: %(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Evaluate the models and write the page."""
    paths, missing = _models(args)
    _check(args, paths)
    systems = find_systems(args.system)
    models = open_models(paths, systems, args.type_map)
    evaluation = evaluate(models, systems, args.numb_frames)
    report = Report(systems, models, evaluation, missing, learning_curves(models))
    output = Path(args.output)
    WRITERS[output.suffix](output, blocks(report))
    for line in summary(report):
        log.info("%s", line.replace("*", "").replace("`", ""))
    log.info("%s: written", output)


def _models(args: argparse.Namespace) -> tuple[dict[str, Path], list[str]]:
    """Files by kind of model, and the usual ones that are not there."""
    paths, missing = {}, []
    for kind, option in OPTIONS.items():
        name = option.removeprefix("--")
        given = getattr(args, name)
        path = Path(given or USUAL.get(name, ""))
        if path.is_file():
            paths[kind] = path
        elif given:
            raise ConfigError(f"{option} {given}: there is no such file")
        elif name in USUAL:
            missing.append(USUAL[name])
    if not paths:
        raise ConfigError(
            f"no model: none of {', '.join(missing)} is there",
            "Start the command in the folder of the training, or name a model: --float, --cnn, --qnn or --device",
        )
    return paths, missing


def _check(args: argparse.Namespace, paths: dict[str, Path]) -> None:
    """What can be told from numbers and names of files alone."""
    if args.numb_frames < 0:
        raise ConfigError(f"--numb-frames: expected 0 or more, found {args.numb_frames}")
    target = Path(args.output)
    if target.suffix not in WRITERS:
        raise ConfigError(f"--output {target}: expected a name that ends with {' or '.join(WRITERS)}")
    if not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}", "Create it first")
    if target.is_dir():
        raise ConfigError(f"--output {target}: is a folder", "Name another file")
    written = [target, *(picture_files(target, PICTURES) if target.suffix == ".md" else [])]
    inputs = [*paths.values(), Path(args.system)]
    for path in written:
        for source in inputs:
            if path.exists() and source.exists() and os.path.samefile(path, source):
                raise ConfigError(f"--output {target}: would overwrite {source}", "Name another file")
