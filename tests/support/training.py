"""Small training runs for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.systems import write_system


def small_input(
    folder: Path, *, steps: int = 6, training: dict | None = None, model: dict | None = None, **sections
) -> dict:
    """An input over random data that are written below ``folder``; a few hundred weights."""
    for name, seed in (("training", 0), ("validation", 9)):
        if not (folder / name).exists():
            write_system(folder / name, nframes=[4, 3], seed=seed)
    return {
        "model": {
            "type_map": ["O", "H"],
            "descriptor": {
                "type": "se_e2_a",
                "sel": [30, 20],
                "rcut": 4.0,
                "rcut_smth": 1.0,
                "neuron": [4, 8],
                "axis_neuron": 3,
                "seed": 1,
            },
            "fitting_net": {"neuron": [8, 8], "seed": 1},
            **(model or {}),
        },
        "learning_rate": {"start_lr": 1e-2, "stop_lr": 1e-4},
        "loss": {"start_pref_v": 0.1, "limit_pref_v": 1.0},
        "training": {
            "training_data": {"systems": str(folder / "training"), "batch_size": 2},
            "validation_data": {"systems": [str(folder / "validation")], "batch_size": 1, "numb_btch": 2},
            "numb_steps": steps,
            "seed": 5,
            "disp_freq": 2,
            "save_freq": 4,
            **(training or {}),
        },
        **sections,
    }


def write_input(folder: Path, content: dict, name: str = "input.json") -> Path:
    """Write the input; return its path."""
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def dp(*arguments, cwd, check: bool = True, env: dict | None = None) -> subprocess.CompletedProcess:
    """Run the ``dp`` program as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "deepmd_tf", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment(**(env or {})),
        timeout=300,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"dp {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
    return done


def environment(**more) -> dict:
    """Environment of a child process that imports this checkout."""
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": root, **more}
