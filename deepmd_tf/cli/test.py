"""``dp test``: errors of a frozen model on data systems."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import numpy as np

from deepmd_tf.data.find import find_systems
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError
from deepmd_tf.infer.accuracy import UNITS, Accuracy, accumulate, compare
from deepmd_tf.infer.detail import DetailFiles
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.train.run import load_config

NAME = "test"
HELP = "test the model on data: errors of energy, force and virial"
EXAMPLES = ("dp test -m frozen_model.pb -s path/to/systems -n 30",)

log = logging.getLogger(__name__)


def arguments(parser) -> None:
    """Declare the options."""
    parser.add_argument("-m", "--model", default="frozen_model", help="frozen model; .pb is added where it is left out")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("-s", "--system", default=".", help="folder or HDF5 file, searched for systems")
    source.add_argument("-f", "--datafile", help="text file that names one system per line")
    source.add_argument("--train-data", metavar="TRAIN_JSON", help="input file whose training data are tested")
    source.add_argument("--valid-data", metavar="VALID_JSON", help="input file whose validation data are tested")
    parser.add_argument("-S", "--set-prefix", help="of old versions; sets are called set.*")
    parser.add_argument("-n", "--numb-test", type=int, default=0, help="frames of each system; 0 means all")
    parser.add_argument("-r", "--rand-seed", type=int, help="seed of --shuffle-test")
    parser.add_argument("--shuffle-test", action="store_true", help="draw the frames at random")
    parser.add_argument(
        "-d", "--detail-file", metavar="PREFIX", help="write labels and predictions to PREFIX.e.out, ..."
    )
    parser.add_argument("-a", "--atomic", action="store_true", help="test the atomic energies as well")
    parser.add_argument(
        "--as-stored", action="store_true", help="run the graph of the file, not one rebuilt from faster operations"
    )
    parser.add_argument("--head", "--model-branch", help="of multi-task models, which this program has not")


def run(args) -> None:
    """Print the errors of each system and of all together."""
    _check(args)
    systems = _systems(args)
    model = DeepPot(_model_file(args.model), as_stored=args.as_stored)
    rng = np.random.default_rng(args.rand_seed) if args.shuffle_test else None
    total, tested = Accuracy(), 0
    with DetailFiles(args.detail_file) if args.detail_file else contextlib.nullcontext() as details:
        for path in systems:
            system = System.open(path, model.get_type_map())
            log.info("# ---------------output of dp test---------------")
            log.info("# testing system : %s", path)
            if details:
                details.begin(path)
            accuracy = Accuracy()
            for compared in compare(model, system, nframes=args.numb_test, rng=rng, atomic=args.atomic):
                accumulate(accuracy, compared)
                if details:
                    details.write(compared)
            log.info("# number of test data : %d", accuracy.nframes)
            report(accuracy)
            total.merge(accuracy)
            tested += 1
    log.info("# ----------weighted average of errors-----------")
    log.info("# number of systems : %d", tested)
    report(total)
    log.info("# -----------------------------------------------")


def report(accuracy: Accuracy) -> None:
    """Print mean absolute and root mean square errors, one line each."""
    if not accuracy.errors:
        log.warning("no energy, force or virial to compare with in the data")
    for name, errors in accuracy.errors.items():
        quantity, _, per_atom = name.partition("/")
        for metric, value in (("MAE", errors.mae), ("RMSE", errors.rmse)):
            label = f"{quantity:<6} {metric}{'/' + per_atom if per_atom else ''}"
            log.info("%-19s: %e %s", label, value, UNITS.get(name, "eV"))


def _check(args) -> None:
    if args.head:
        raise ConfigError(f"--head {args.head}: multi-task models are not supported", "Leave the option out")
    if args.set_prefix not in (None, "set"):
        raise ConfigError(f"--set-prefix {args.set_prefix}: sets are found as set.*", "Rename the folders")
    if args.numb_test < 0:
        raise ConfigError(f"--numb-test: expected 0 or more frames, found {args.numb_test}")
    if args.rand_seed is not None and args.rand_seed < 0:
        raise ConfigError(f"--rand-seed: expected 0 or more, found {args.rand_seed}")


def _model_file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix or path.is_file() else path.with_name(path.name + ".pb")


def _systems(args) -> list[str]:
    if args.datafile:
        return find_systems(listed(Path(args.datafile)))
    for option, file, section in (
        ("--train-data", args.train_data, "training_data"),
        ("--valid-data", args.valid_data, "validation_data"),
    ):
        if file:
            data = load_config(file)["training"][section]
            if data is None:
                raise ConfigError(f"{option} {file}: expected a section training/{section}, found none")
            return find_systems(data["systems"], data["rglob_patterns"])
    return find_systems(args.system)


def listed(path: Path) -> list[str]:
    """The systems that a text file names, one a line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--datafile {path}: cannot be read ({error})") from error
    return [line.strip() for line in lines if line.strip()]
