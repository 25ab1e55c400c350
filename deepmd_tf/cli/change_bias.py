"""``dp change-bias``: a model with other energies per type, given or fitted to data."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import numpy as np

from deepmd_tf import keys
from deepmd_tf.errors import ConfigError, DataError

log = logging.getLogger(__name__)

NAME = "change-bias"
HELP = "write a model with other energies per type: given ones, or such that its energies fit data"
EXAMPLES = (
    "dp change-bias model.ckpt -s data -n 10 -m change",
    "dp change-bias frozen_model.pb -s data -o changed.pb",
    "dp change-bias frozen_model.pb -b -93.57 -187.1",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="frozen model (.pb), or checkpoint: folder or prefix")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("-s", "--system", default=".", help="folder or HDF5 file, searched for systems (default: .)")
    source.add_argument("-f", "--datafile", help="text file that names one system per line")
    source.add_argument(
        "-b", "--bias-value", type=float, nargs="+", metavar="ENERGY", help="one energy for each type of the model, eV"
    )
    parser.add_argument(
        "-n", "--numb-batch", type=int, default=0, help="frames of each system, drawn at random; 0 means all (default)"
    )
    parser.add_argument(
        "-m", "--mode", choices=("change", "set"), default="change",
        help="change: shift them by what the energies of the model are off; set: take those of the data alone "
        "(default: change)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", help="model file to write; .pb is added where left out (default: INPUT_updated.pb beside a "
        "model file, model.pb for a checkpoint, whose changed form goes into the folder INPUT_updated as well)",
    )  # fmt: skip
    parser.add_argument("--model-branch", help="not supported, a model has one branch")


def run(args: argparse.Namespace) -> None:
    """Change the energies per type; see :mod:`deepmd_tf.train.bias`."""
    source = Path(args.INPUT)
    output = _output(args, source)
    from deepmd_tf.export.checkpoint import find_checkpoint
    from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
    from deepmd_tf.export.rebias import BIAS, graph_with_bias, write_checkpoint_with_bias
    from deepmd_tf.infer.frozen import FrozenModel

    frozen = source.suffix == ".pb"
    prefix, graph_def = (source, None) if frozen else freeze_checkpoint(source)
    model = FrozenModel(prefix, graph_def)
    bias = _changed(args, model, model.constant(BIAS))
    size = write_graph(output, graph_with_bias(model.graph_def, bias))
    log.info("%s: written, %.1f MB", output, size / 1e6)
    if not frozen:
        home = source / "model.ckpt" if source.is_dir() else source
        target = home.with_name(f"{home.name}_updated") / "model.ckpt"
        log.info("%s: written", write_checkpoint_with_bias(find_checkpoint(prefix), target, bias))


def _output(args: argparse.Namespace, source: Path) -> Path:
    """Where the model goes; what can be told from the options alone is checked."""
    if args.model_branch is not None:
        raise ConfigError("--model-branch is not supported by dp change-bias of this program", "Leave it out")
    if args.numb_batch < 0:
        raise ConfigError(f"--numb-batch: expected 0 or more frames, found {args.numb_batch}")
    if args.output is None:
        return source.with_name(f"{source.stem}_updated.pb") if source.suffix == ".pb" else Path("model.pb")
    output = Path(args.output)
    output = output if output.suffix == ".pb" else output.with_name(output.name + ".pb")
    if output.exists() and source.exists() and os.path.samefile(source, output):
        raise ConfigError(f"--output {output}: is the input, which would be lost", "Name another file")
    return output


def _changed(args: argparse.Namespace, model, before: np.ndarray) -> np.ndarray:
    """The new energies per type, eV [ntypes]."""
    from deepmd_tf.infer.potential import DeepPot
    from deepmd_tf.train.bias import change_bias, show_bias

    if args.bias_value is not None:
        if len(args.bias_value) != model.ntypes:
            names = ", ".join(model.type_map)
            raise ConfigError(
                f"--bias-value: expected {model.ntypes} energies, of {names}, found {len(args.bias_value)}"
            )
        show_bias(model.type_map, before, args.bias_value)
        return np.array(args.bias_value)
    fitting = model.training_script.get("model", {}).get("fitting_net", {})
    potential = DeepPot(model)
    changed = change_bias(
        potential, _frames(args, potential), before, fitting.get("atom_ener") or (), fitting.get("rcond"),
        reset=args.mode == "set",
    )  # fmt: skip
    if not len(changed.errors):
        raise DataError(
            "no frame of the data has an energy", "Give systems with energy.npy, or energies by --bias-value"
        )
    changed.report()
    return changed.after


def _frames(args: argparse.Namespace, potential):
    """As many frames of each system as are asked for, with their energies."""
    from deepmd_tf.cli.test import listed
    from deepmd_tf.data.dataset import DataSet
    from deepmd_tf.data.requirement import DataRequirement
    from deepmd_tf.infer.accuracy import parameters

    systems = args.system if args.datafile is None else listed(Path(args.datafile))
    wanted = [DataRequirement(keys.ENERGY, 1, high_precision=True), *parameters(potential)]
    data = DataSet.open(systems, type_map=potential.get_type_map(), requirements=wanted, batch_size=1, seed=0)
    return data.sample(args.numb_batch or int(data.nbatches.max()))
