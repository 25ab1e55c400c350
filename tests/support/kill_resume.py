"""Kill a training run again and again at random moments, resume it each time, and compare with an undisturbed run.

    python -m tests.support.kill_resume --kills 200

TensorFlow is imported once and every run is a fork of this process, so that most of a run's life is
steps and saves, not start-up.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.ops.library import op_module
from deepmd_tf.train.run import train
from tests.support.training import small_input, write_input

STEPS, SAVE_FREQ = 12000, 10
# Seconds from the start of a run to its death: in start-up, between saves, or inside one.
LIFE = (0.3, 3.0)


def main() -> None:
    """Run the experiment and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(experiment(Path(folder), args.kills, args.seed))


def experiment(folder: Path, kills: int, seed: int = 0, steps: int = STEPS) -> str:
    """Kill ``kills`` times, then finish; raise AssertionError at the first thing that is lost.

    Returns a line that says what was seen.
    """
    op_module()  # before the first fork, so that every child has it
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    data = small_input(folder, steps=steps, training={"disp_freq": 50, "save_freq": SAVE_FREQ, "max_ckpt_keep": 3})
    path = write_input(folder, data)
    assert wait(start(folder / "whole", path)) == 0
    rng, reached, inside = random.Random(seed), -1, 0
    for _ in range(kills):
        child = start(folder / "parts", path)
        time.sleep(rng.uniform(*LIFE))
        os.kill(child, signal.SIGKILL)
        wait(child)
        inside += (folder / "parts/.model.ckpt.saving").exists()
        reached = check_progress(folder / "parts", reached)
    assert wait(start(folder / "parts", path)) == 0
    compare(folder / "whole", folder / "parts")
    return (
        f"{kills} kills ({inside} inside a save), {kills} resumes, none lost, last kill at step {reached} of {steps}; "
        "final state equal bit for bit"
    )


def start(folder: Path, path: Path) -> int:
    """Fork a run that goes on from the newest checkpoint, or starts anew when there is none; return its pid."""
    child = os.fork()
    if child:
        return child
    try:
        os.chdir(folder)
        resume = "model.ckpt" if has_checkpoint(folder) else None
        code = train(path, restart=resume)
    except BaseException as error:
        print(f"run failed: {error!r}", flush=True)
        code = 99
    os._exit(code)


def wait(child: int) -> int:
    """Exit code of a child, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def has_checkpoint(folder: Path) -> bool:
    """Whether a complete set is there; one that was there stays there."""
    return any(folder.glob("model.ckpt-*.manifest.json"))


def check_progress(folder: Path, reached: int) -> int:
    """After a kill: a complete set is found, readable, and not older than the one before."""
    if reached < 0 and not has_checkpoint(folder):
        return reached
    step = int(find_checkpoint(folder / "model.ckpt").values()["global_step"])
    assert step >= reached, f"went back from step {reached} to {step}"
    return step


def compare(whole: Path, parts: Path) -> None:
    """Both runs end with equal weights, optimizer state, step and learning curve."""
    a, b = (find_checkpoint(folder / "model.ckpt").values() for folder in (whole, parts))
    assert a.keys() == b.keys()
    different = [name for name in a if not np.array_equal(a[name], b[name])]
    assert not different, f"differ: {different}"
    assert (whole / "lcurve.out").read_text() == (parts / "lcurve.out").read_text()


if __name__ == "__main__":
    main()
