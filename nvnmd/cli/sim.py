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
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.export.files import write_atomic
from deepmd_tf.infer.accuracy import Accuracy, Compared, accumulate, chosen_frames
from deepmd_tf.log import ROOT
from nvnmd.simulate.device import Device
from nvnmd.simulate.registers import Record

log = logging.getLogger(f"{ROOT}.{__name__}")

NAME = "nvnmd-sim"
HELP = "simulate an NVNMD device to the bit: energies, forces and virials of a data system, and the use of registers"
EXAMPLES = (
    "dp nvnmd-sim model.pb -s path/to/system -n 10 -o out.npz",
    "dp nvnmd-sim model.pb -s data --type-map Ge Te",
)

LABELS = (
    DataRequirement(keys.ENERGY, 1, high_precision=True),
    DataRequirement(keys.FORCE, 3, atomic=True),
    DataRequirement(keys.VIRIAL, 9),
    DataRequirement(keys.ATOM_ENER, 1, atomic=True),
)
_FRAMES_AT_ONCE = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="model file of the device")
    parser.add_argument("-s", "--system", required=True, help="data system: a folder, or file.hdf5#/group")
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
    device = Device(args.INPUT, saturate=args.saturate)
    ntypes = device.numbers.ntypes
    if args.type_map and len(args.type_map) != ntypes:
        raise ConfigError(f"--type-map: expected {ntypes} names for the types of {args.INPUT}, found {args.type_map}")
    system = System.open(args.system, args.type_map)
    accuracy, record, parts = Accuracy(), None, []
    for compared, seen in _frames(device, system, args.numb_test):
        accumulate(accuracy, compared)
        parts.append(compared.predicted)
        record = seen if record is None else record.merged(seen)
    if args.output:
        _write(args.output, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    log.info("%s: %d frames of %d atoms of %s", args.INPUT, accuracy.nframes, system.natoms, args.system)
    report(accuracy)
    error = device.empty_slot_error()
    if error is not None:
        log.info("contributions of empty slots: those of the file and of its tables differ by up to %.3g", error)
    for line in record.table():
        log.info("%s", line)


def _frames(device: Device, system: System, nframes: int):
    """Yield (labels and results in the order of the files, registers) of some frames at a time."""
    in_file = np.argsort([system.file_atom(atom) for atom in range(system.natoms)])
    for set_index, frames in chosen_frames(system, nframes):
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            data = system.load(set_index, frames[start : start + _FRAMES_AT_ONCE], LABELS)
            if data[keys.TYPE].max() >= device.numbers.ntypes:
                raise DataError.at(
                    system.path, expected=f"types below {device.numbers.ntypes}, those of the model",
                    found=str(data[keys.TYPE].max()), hint="Name the types of the model by --type-map",
                )  # fmt: skip
            yield _compare(device, system.pbc, data, in_file)


def _compare(device: Device, periodic: bool, data: dict, in_file: np.ndarray) -> tuple[Compared, Record]:
    count, natoms = len(data[keys.COORD]), len(in_file)
    found = device.evaluate(data[keys.COORD], data[keys.BOX] if periodic else None, np.array(data[keys.TYPE]))
    shapes = {keys.ENERGY: (1,), keys.FORCE: (natoms, 3), keys.VIRIAL: (9,), keys.ATOM_ENER: (natoms, 1)}
    arrays = dict(zip(shapes, (found.energy, found.force, found.virial, found.atom_energy)))

    def as_in_file(name: str, values: np.ndarray) -> np.ndarray:
        values = values.reshape(count, *shapes[name])
        return values[:, in_file] if name in (keys.FORCE, keys.ATOM_ENER) else values

    compared = Compared(
        labels={name: as_in_file(name, data[name]) for name in shapes if data[keys.find(name)]},
        predicted={name: as_in_file(name, values) for name, values in arrays.items()},
        real=data[keys.TYPE][:, in_file] >= 0,
        volume=np.abs(np.linalg.det(data[keys.BOX].reshape(-1, 3, 3)))[:, None] if periodic else None,
    )
    return compared, found.record


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
