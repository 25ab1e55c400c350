"""``dp train-nvnmd``: train a quantised model, in two steps."""

from __future__ import annotations

import argparse

from deepmd_tf.cli.main import add_mpi_log
from deepmd_tf.errors import ConfigError

NAME = "train-nvnmd"
HELP = "train a model for an NVNMD device, in floating point (s1), then in its numbers (s2)"
EXAMPLES = (
    "dp train-nvnmd train_cnn.json -s s1",
    "dp train-nvnmd train_qnn.json -s s2",
    "dp train-nvnmd input.json -s all",
    "dp train-nvnmd train_cnn.json -s s1 --restart nvnmd_cnn/model.ckpt",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="input file, JSON or YAML, with a section nvnmd")
    parser.add_argument(
        "-s", "--step", choices=("s1", "s2", "all"), default="s1",
        help="s1: train in floating point and make the tables, in nvnmd_cnn; s2: train in the numbers of the device "
        "and write its model file, in nvnmd_qnn; all: both (default: %(default)s)",
    )  # fmt: skip
    start = parser.add_mutually_exclusive_group()
    start.add_argument("-i", "--init-model", help="start the step from the weights of this checkpoint")
    start.add_argument("-r", "--restart", help="go on with the run of this checkpoint")
    parser.add_argument(
        "--skip-neighbor-stat", action="store_true",
        help="do not look for the closest neighbours; the range of the tables is not checked then",
    )  # fmt: skip
    add_mpi_log(parser)


def run(args: argparse.Namespace) -> int:
    """Train; see :mod:`nvnmd.train`."""
    if args.step == "all" and (args.restart or args.init_model):
        option = "--restart" if args.restart else "--init-model"
        raise ConfigError(f"{option}: belongs to one step, found --step all", "Give --step s1 or --step s2")
    from deepmd_tf.train.parallel import world
    from nvnmd.train.plan import Plan
    from nvnmd.train.steps import both_steps, first_step, second_step

    plan = world().together(lambda: Plan.read(args.INPUT))
    options = {"skip_neighbor_stat": args.skip_neighbor_stat}
    if args.step == "all":
        return both_steps(plan, **options)
    step = {"s1": first_step, "s2": second_step}[args.step]
    return step(plan, init_model=args.init_model, restart=args.restart, **options)
