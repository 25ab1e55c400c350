"""``dp nvnmd-sim``: what a device with a model file answers to the frames of a data system, to the bit."""

from __future__ import annotations

import argparse
import io
import logging
import os
from pathlib import Path

import numpy as np

from deepmd_tf import keys
from deepmd_tf.cli.test import report
from deepmd_tf.data.find import find_systems
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.export.files import write_atomic
from deepmd_tf.infer.accuracy import Accuracy, accumulate, compare
from deepmd_tf.log import ROOT
from nvnmd.simulate.potential import SimulatedPot

log = logging.getLogger(f"{ROOT}.{__name__}")

NAME = "nvnmd-sim"
HELP = "simulate an NVNMD device to the bit: energies, forces and virials of a data system, and the use of registers"
EXAMPLES = (
    "dp nvnmd-sim model.pb -s path/to/system -n 10 -o out.npz",
    "dp nvnmd-sim model.pb -s data --type-map Ge Te",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="model file of the device")
    parser.add_argument("-s", "--system", required=True, help="one data system: a folder, or file.hdf5#/group")
    parser.add_argument("-n", "--numb-test", type=int, default=0, help="frames to simulate; 0 means all (default: 0)")
    parser.add_argument(
        "-o", "--output", help="write energy [frames], force [frames, atoms, 3], virial [frames, 9] and "
        "atom_ener [frames, atoms] to this .npz file",
    )  # fmt: skip
    parser.add_argument(
        "--type-map", nargs="+", metavar="NAME",
        help="names of the types of the model, whose file holds none (default: types have the numbers of the data)",
    )  # fmt: skip
    parser.add_argument(
        "--saturate",
        action="store_true",
        help="keep in each register the nearest number that fits (default: let all pass, as training does, and count)",
    )


def run(args: argparse.Namespace) -> None:
    """Simulate, print errors against labels and the table of registers, write the results."""
    _check(args)
    model = SimulatedPot(args.INPUT, saturate=args.saturate)
    ntypes = model.device.numbers.ntypes
    if args.type_map and len(args.type_map) != ntypes:
        raise ConfigError(f"--type-map: expected {ntypes} names for the types of {args.INPUT}, found {args.type_map}")
    system = _open(args)
    _check_types(system, ntypes)
    accuracy, parts = Accuracy(), []
    for compared in compare(model, system, nframes=args.numb_test):
        accumulate(accuracy, compared)
        parts.append(compared.predicted)
    if args.output:
        _write(args.output, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    log.info("%s: %d frames of %d atoms of %s", args.INPUT, accuracy.nframes, system.natoms, args.system)
    report(accuracy)
    error = model.device.empty_slot_error()
    if error is not None:
        log.info("contributions of empty slots: those of the file and of its tables differ by up to %.3g", error)
    for line in model.record.table():
        log.info("%s", line)


def _open(args: argparse.Namespace) -> System:
    path, *more = find_systems(args.system)
    if more:
        raise ConfigError(
            f"--system {args.system}: expected one data system, found {1 + len(more)} in it",
            f"The arrays of the output are of one system: give {path}, for example; dp nvnmd-report takes all of them",
        )
    return System.open(path, args.type_map)


def _check_types(system: System, ntypes: int) -> None:
    largest = system.atom_types.max(initial=-1)
    if largest >= ntypes:
        raise DataError.at(
            system.path, expected=f"types below {ntypes}, those of the model", found=str(largest),
            hint="Name the types of the model by --type-map",
        )  # fmt: skip


def _write(path: str, arrays: dict[str, np.ndarray]) -> None:
    arrays = dict(arrays, energy=arrays[keys.ENERGY][:, 0], atom_ener=arrays[keys.ATOM_ENER][:, :, 0])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomic(path, buffer.getvalue())


def _check(args: argparse.Namespace) -> None:
    """What can be told from the options alone."""
    if args.numb_test < 0:
        raise ConfigError(f"--numb-test: expected 0 or more frames, found {args.numb_test}")
    if not args.output:
        return
    target = Path(args.output)
    if os.path.abspath(target) == os.path.abspath(args.INPUT):
        raise ConfigError(f"--output {target}: is the model file, which would be lost", "Name another file")
    if not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}", "Create it first")
