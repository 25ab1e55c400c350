"""deepmd-kit's own training of quantised models, both steps, on a few frames of GeTe."""

from __future__ import annotations

import json
from pathlib import Path

RUNNER = Path(__file__).with_name("nvnmd_runner.py")
SIZES = {(0, 128): 3435708, (0, 256): 3447996, (1, 128): 1007872, (1, 256): 1010944}
# Unequal numbers, and with 256 neighbours more of them than 128 or 8 bits hold.
SEL = {(0, 128): [58, 61], (0, 256): [10, 240], (1, 128): 120, (1, 256): 250}


def script(version: int, max_nnei: int, data: Path, *, steps: int, rate: float) -> dict:
    """An input file of dp train-nvnmd."""
    section = {
        "version": version, "max_nnei": max_nnei, "net_size": 128, "sel": SEL[version, max_nnei], "rcut": 6.0,
        "rcut_smth": 0.5, "type_map": ["Ge", "Te"],
    }  # fmt: skip
    return {
        "nvnmd": section,
        "learning_rate": {"type": "exp", "start_lr": rate, "stop_lr": rate / 10, "decay_steps": 1},
        "loss": {"start_pref_e": 1, "limit_pref_e": 1, "start_pref_f": 1, "limit_pref_f": 1, "start_pref_v": 0,
                 "limit_pref_v": 0},
        "training": {
            "seed": 1, "stop_batch": steps, "disp_file": "lcurve.out", "disp_freq": steps, "save_freq": steps,
            "save_ckpt": "model.ckpt", "training_data": {"systems": [str(data)], "batch_size": 1},
        },
    }  # fmt: skip


def run(kit, version: int, cwd: Path, *arguments: str) -> None:
    """Run its dp; version 1 needs help, see the runner."""
    if version == 0:
        kit.dp(*arguments, cwd=cwd)
        return
    kit.python(RUNNER, *arguments, cwd=cwd)


def train(kit, version: int, max_nnei: int, data: Path, folder: Path) -> None:
    """Both steps, a few updates each."""
    for step, steps, rate in (("s1", 20, 1e-3), ("s2", 2, 1e-8)):
        content = script(version, max_nnei, data, steps=steps, rate=rate)
        (folder / f"{step}.json").write_text(json.dumps(content))
        run(kit, version, folder, "train-nvnmd", f"{step}.json", "-s", step)
