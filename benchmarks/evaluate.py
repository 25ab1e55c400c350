"""Runs in the environment of either program: times the evaluation of one model on one frame. Prints one JSON line."""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np


def replicated(system: Path, repeat: int):
    """The first frame of a system, ``repeat`` times along each axis: coord [1, N*3], cell [1, 9], types [N]."""
    first = sorted(system.glob("set.*"))[0]
    coord, cell = np.load(first / "coord.npy")[0].reshape(-1, 3), np.load(first / "box.npy")[0].reshape(3, 3)
    types = np.loadtxt(system / "type.raw", int, ndmin=1)
    shifts = [np.array(shift) @ cell for shift in itertools.product(range(repeat), repeat=3)]
    coord = np.concatenate([coord + shift for shift in shifts])
    return coord.reshape(1, -1), (cell * repeat).reshape(1, 9), np.tile(types, repeat**3)


def main() -> None:
    program, model, system, repeat, count = sys.argv[1:]
    if program == "deepmd_tf":
        from deepmd_tf.infer import DeepPot
    else:
        from deepmd.infer import DeepPot
    potential = DeepPot(model)
    frame = replicated(Path(system), int(repeat))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    energy, force = potential.eval(*frame)[:2]
    seconds = []
    for _ in range(int(count)):
        begin = time.perf_counter()
        potential.eval(*frame)
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    natoms = len(frame[2])
    figures = dict(
        natoms=natoms,
        microseconds=1e6 * min(seconds) / natoms,
        megabytes=peak / 1024,
        growth=(peak - before) / 1024,
        energy=float(energy.ravel()[0]),
        force=float(np.abs(force).sum()),
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
