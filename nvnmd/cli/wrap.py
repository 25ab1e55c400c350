"""``dp nvnmd-wrap``: the model file of the device from settings, weights and tables."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from deepmd_tf.errors import ConfigError
from deepmd_tf.log import ROOT
from nvnmd.config_file import read_config, write_config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.overflow import CHOICES, Overflow
from nvnmd.device_file.read import from_bytes
from nvnmd.device_file.write import to_bytes, write_model
from nvnmd.dictionaries import read_dictionary

# Below the logger of the host, which alone reaches the console.
log = logging.getLogger(f"{ROOT}.{__name__}")

NAME = "nvnmd-wrap"
HELP = "write the model file of an NVNMD device from settings, weights and tables"
EXAMPLES = (
    "dp nvnmd-wrap -c nvnmd_qnn/config.npy -w nvnmd_qnn/weight.npy -m nvnmd_cnn/map.npy -o model.pb",
    "dp nvnmd-wrap -c config.npy -w weight.npy -m map.npy -o model.pb --deployed",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-c", "--config", default="config.npy", help="settings (default: %(default)s); or .json")
    parser.add_argument("-w", "--weight", default="weight.npy", help="weights (default: %(default)s)")
    parser.add_argument("-m", "--map", default="map.npy", help="look-up tables (default: %(default)s)")
    parser.add_argument("-o", "--output", default="model.pb", help="model file to write (default: %(default)s)")
    parser.add_argument(
        "--deployed", action="store_true",
        help="as hardware in use takes it: version 0 with a header of 32 words and neighbour numbers of 8 bits, "
        "version 1 as SUB_VERSION 2 (default: as training programs write it)",
    )  # fmt: skip
    parser.add_argument(
        "--on-overflow", choices=CHOICES, default="error",
        help="numbers that the device cannot hold: end with an error, or take the nearest and count them "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--update-config", action="store_true", help="write the sizes of the sections into the file of settings as well"
    )


def run(args: argparse.Namespace) -> None:
    """Write the model file, after reading back what would stand in it."""
    _check(args)
    config = read_config(args.config)
    layout = config.layout
    if args.deployed:
        config = config.deployed()
        layout = config.layout.deployed()
    overflow = Overflow(args.on_overflow)
    model = encode(config, read_dictionary(args.weight), read_dictionary(args.map), layout, overflow)
    if from_bytes(to_bytes(model), args.output) != model:
        raise AssertionError(f"{args.output}: would not hold what is written")
    write_model(args.output, model)
    if args.update_config:
        write_config(args.config, read_config(args.config).with_sections(layout))
    kind = f"version {layout.version}, SUB_VERSION {layout.sub_version}, {layout.max_nnei} neighbours"
    log.info("%s: %s, %d types, %d bytes", args.output, kind, model.ntypes, layout.size)
    if not model.shifts:
        log.warning("%s: its header has no place for the energies of the types", args.output)
    if overflow.counts:
        log.warning("%s: %d numbers are saturated", args.output, sum(overflow.counts.values()))


def _check(args: argparse.Namespace) -> None:
    """What can be told from the names of the files alone."""
    target = Path(args.output)
    for option, source in (("--config", args.config), ("--weight", args.weight), ("--map", args.map)):
        same = target.exists() and os.path.exists(source) and os.path.samefile(source, target)
        if same or os.path.abspath(source) == os.path.abspath(target):
            raise ConfigError(f"--output {target}: is the file of {option}, which would be lost", "Name another file")
    if not target.parent.is_dir():
        raise ConfigError(f"--output {target}: there is no folder {target.parent}", "Create it first")
