"""``dp selfcheck``: a model file against its checkpoint, equations in NumPy, and differences of its own energy."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepmd_tf.errors import ConfigError

NAME = "selfcheck"
HELP = "check a model file: energies, forces and virials against its checkpoint, equations and finite differences"
EXAMPLES = (
    "dp selfcheck -m model.pb -c model.ckpt -s path/to/systems -n 3",
    "dp selfcheck -m compressed.pb -c model.pb -s path/to/systems",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-m", "--model", default="frozen_model", help="frozen model; .pb is added where it is left out")
    parser.add_argument(
        "-c", "--checkpoint", metavar="ORIGIN",
        help="what it was made from: a checkpoint (folder or prefix), or the model that was compressed",
    )  # fmt: skip
    _add_frames(parser, ("-n", "--numb-test"))


def run(args: argparse.Namespace) -> None:
    """Check; see :mod:`deepmd_tf.selfcheck`."""
    check_selfcheck(args)
    from deepmd_tf.selfcheck.run import check_file, failed, show

    path = Path(args.model)
    path = path if path.suffix or path.is_file() else path.with_name(path.name + ".pb")
    report = check_file(path, args.checkpoint, systems=args.system, nframes=args.numb_test)
    show(report)
    if report.failures:
        raise failed(str(path), report, "The file is left as it is; do not use it")


def add_selfcheck(parser: argparse.ArgumentParser, *, frames: bool = True) -> None:
    """Add the options of a command that checks what it writes; without ``frames`` only the one that forgoes it."""
    parser.add_argument(
        "--no-selfcheck", action="store_true", help="write the file without measuring whether it is right"
    )
    if frames:
        _add_frames(parser, ("--numb-test",))


def check_selfcheck(args: argparse.Namespace) -> None:
    """Refuse a number of frames that makes no sense."""
    if args.numb_test < 0:
        raise ConfigError(f"--numb-test: expected 0 or more frames, found {args.numb_test}")


def _add_frames(parser: argparse.ArgumentParser, number: tuple[str, ...]) -> None:
    parser.add_argument(
        "-s", "--system", action="append", metavar="PATH",
        help="data to check on; may be given again (default: the first training system that is found)",
    )  # fmt: skip
    parser.add_argument(
        *number, type=int, default=1, metavar="N", help="frames of each system; 0 means all (default: %(default)s)"
    )
