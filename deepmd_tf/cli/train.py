"""``dp train``: train a model."""

from __future__ import annotations

import argparse

from deepmd_tf.cli.main import add_mpi_log
from deepmd_tf.errors import ConfigError

NAME = "train"
HELP = "train a model"
EXAMPLES = (
    "dp train input.json",
    "dp train input.json --restart model.ckpt",
    "dp train input.json --init-model model.ckpt",
    "dp train input.json --finetune pretrained.pb",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="input file, JSON or YAML")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("-i", "--init-model", help="start from the weights of this checkpoint, at step 0")
    start.add_argument("-r", "--restart", help="go on with the run of this checkpoint")
    start.add_argument("-f", "--init-frz-model", help="start from the weights of this frozen model, at step 0")
    start.add_argument(
        "-t", "--finetune", metavar="PRETRAINED",
        help="start from this frozen model, for the types of INPUT and with the energies per type that its data need",
    )  # fmt: skip
    parser.add_argument(
        "--use-pretrain-script", action="store_true",
        help="take the model section from the checkpoint or frozen model, not from INPUT; with --finetune not type_map",
    )  # fmt: skip
    parser.add_argument("-o", "--output", default="out.json", help="where the complete input is written (%(default)s)")
    parser.add_argument(
        "--skip-neighbor-stat", action="store_true",
        help="do not look for the closest neighbours and the largest numbers of neighbours; then sel cannot be auto",
    )  # fmt: skip
    parser.add_argument("--model-branch", default="", help="not supported: a model has one branch")
    parser.add_argument("--force-load", action="store_true", help="not supported: a checkpoint fits or is refused")
    add_mpi_log(parser)


def run(args: argparse.Namespace) -> int:
    """Train; see :mod:`deepmd_tf.train`."""
    for given, option in ((args.model_branch, "--model-branch"), (args.force_load, "--force-load")):
        if given:
            raise ConfigError(
                f"{option} is not supported by this program",
                "Use --finetune, --init-model or --init-frz-model to start from a model",
            )
    from deepmd_tf.train.run import train

    return train(
        args.INPUT, restart=args.restart, init_model=args.init_model, init_frz_model=args.init_frz_model,
        finetune=args.finetune, use_pretrain_script=args.use_pretrain_script, output=args.output,
        skip_neighbor_stat=args.skip_neighbor_stat,
    )  # fmt: skip
