"""Speed of the simulator of an NVNMD device: atom-steps per second, energies and forces with all bits.

One frame of a system at a time, as molecular dynamics asks for it. Of the repetitions the median counts, and the best;
processor time is that of all threads, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median

import numpy as np
from programs import table

from deepmd_tf import keys
from deepmd_tf.data.system import System
from nvnmd.simulate.device import Device


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", required=True, nargs="+", type=Path, help="model files of the device")
    options.add_argument("--system", required=True, help="system whose first frame is evaluated")
    options.add_argument("--threads", nargs="+", type=int, default=[1, os.cpu_count()])
    options.add_argument("--repeat", type=int, default=30)
    args = options.parse_args()
    system = System.open(args.system)
    data = system.load(0, np.arange(1))
    box = data[keys.BOX] if system.pbc else None
    rows = []
    for model in args.model:
        for threads in args.threads:
            device = Device(model, threads=threads)
            times = [seconds(device, data[keys.COORD], box, system.atom_types) for _ in range(args.repeat)]
            walls, processor = zip(*times)
            rates = [f"{system.natoms / each:.0f}" for each in (min(walls), median(walls))]
            work = f"{1e6 * median(processor) / system.natoms:.1f}"
            rows.append([str(model), str(system.natoms), str(threads), *rates, work])
    print(table(["model", "atoms", "threads", "atom-steps/s, best", "median", "processor µs/atom"], rows))


def seconds(device: Device, coord, box, types) -> tuple[float, float]:
    """By the clock, and of processors."""
    start = time.perf_counter(), time.process_time()
    device.evaluate(coord, box, types)
    return time.perf_counter() - start[0], time.process_time() - start[1]


if __name__ == "__main__":
    main()
