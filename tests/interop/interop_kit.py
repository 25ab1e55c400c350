"""deepmd-kit as another program, and small models and systems to compare it on."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path

import numpy as np

from tests.support.programs import OURS, Programs

RUNNER = Path(__file__).with_name("kit_runner.py")
NAMES = ("energy", "force", "virial", "atom_energy", "atom_virial")

INPUT = {
    "model": {
        "type_map": ["O", "H"],
        "descriptor": {
            "type": "se_e2_a",
            "sel": [40, 60],
            "rcut": 4.0,
            "rcut_smth": 0.5,
            "neuron": [4, 8],
            "axis_neuron": 3,
            "type_one_side": True,
            "seed": 1,
        },
        "fitting_net": {"type": "ener", "neuron": [8, 8], "resnet_dt": True, "seed": 1},
    },
    "learning_rate": {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-5, "decay_steps": 1},
    "loss": {"type": "ener", "start_pref_e": 1, "limit_pref_e": 1, "start_pref_f": 1, "limit_pref_f": 1},
    "training": {"training_data": {"systems": ["data"], "batch_size": 2}, "numb_steps": 3, "disp_freq": 1, "seed": 1},
}


def variant(*, descriptor=None, fitting=None) -> dict:
    """The input with keys of the descriptor and the fitting net replaced."""
    config = copy.deepcopy(INPUT)
    config["model"]["descriptor"].update(descriptor or {})
    config["model"]["fitting_net"].update(fitting or {})
    return config


def with_descriptor(section: dict, fitting: dict | None = None, **model) -> dict:
    """The input with another descriptor, keys of the fitting net replaced, and more sections of the model."""
    config = variant(fitting=fitting)
    config["model"].update(copy.deepcopy({"descriptor": section, **model}))
    return config


class Kit:
    """deepmd-kit in the environment with the given prefix."""

    def __init__(self, prefix: Path):
        self.bin = prefix / "bin"
        self.env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "DP_BACKEND")}
        modules = ["deepmd.infer", "deepmd.tf.entrypoints", "deepmd.tf.infer"]
        self._programs = Programs(self.bin / "python", modules, self.env)

    def dp(self, *arguments, cwd) -> str:
        """Run its ``dp`` program."""
        return self.python("-m", "deepmd", "--tf", *arguments, cwd=cwd)

    def python(self, *arguments, cwd) -> str:
        """Run its Python with these arguments; return what was printed."""
        return self._programs.run(*arguments, cwd=cwd)

    def compute(self, script: Path, *arguments, given: dict, cwd: Path) -> dict:
        """Arrays that a script in its Python makes of arrays; after ``arguments`` it is told the files of both."""
        np.savez(cwd / "given.npz", **given)
        self.python(script, *arguments, "given.npz", "found.npz", cwd=cwd)
        with np.load(cwd / "found.npz", allow_pickle=False) as found:
            return dict(found)

    def lammps(self, script: str, cwd: Path) -> str:
        """Run LAMMPS on a script."""
        (cwd / "in.lammps").write_text(script)
        return _run([self.bin / "lmp", "-in", "in.lammps", "-log", "log.lammps"], cwd, self.env)

    def evaluate(self, model: Path, cases: dict, cwd: Path) -> dict:
        """Results of its Python interface by case and name."""
        arrays = {f"{case}/{key}": value for case, one in cases.items() for key, value in one.items()}
        given = {key: value for key, value in arrays.items() if value is not None}
        found = self.compute(RUNNER, model, given=given, cwd=cwd)
        return {case: {name: found[f"{case}/{name}"] for name in NAMES} for case in cases}


def our_dp(*arguments, cwd) -> str:
    """Run this checkout's ``dp`` program."""
    return OURS.run("-m", "deepmd_tf", *arguments, cwd=cwd)


def trained(dp, config: dict, folder: Path) -> Path:
    """Let the program ``dp`` train a few steps and freeze; return the model file."""
    config = copy.deepcopy(config)
    fitting = config["model"]["fitting_net"]
    write_system(folder / "data", fparam=fitting.get("numb_fparam", 0), aparam=fitting.get("numb_aparam", 0))
    (folder / "input.json").write_text(json.dumps(config))
    dp("train", "input.json", cwd=folder)
    dp("freeze", "-o", "frozen.pb", cwd=folder)
    return folder / "frozen.pb"


def write_system(folder: Path, *, nframes=6, fparam=0, aparam=0) -> None:
    """A data system of water-like disorder with made-up labels; what is learned does not matter here."""
    rng = np.random.default_rng(11)
    coords, cell, types = structure(nframes)
    natoms = len(types)
    (folder / "set.000").mkdir(parents=True)
    np.savetxt(folder / "type.raw", types, fmt="%d")
    (folder / "type_map.raw").write_text("O\nH\n")
    arrays = {
        "coord": coords.reshape(nframes, -1),
        "box": np.tile(cell.reshape(-1), (nframes, 1)),
        "energy": rng.normal(size=(nframes, 1)) - 5 * natoms,
        "force": rng.normal(size=(nframes, 3 * natoms)),
        "virial": rng.normal(size=(nframes, 9)),
    }
    if fparam:
        arrays["fparam"] = rng.normal(size=(nframes, fparam))
    if aparam:
        arrays["aparam"] = rng.normal(size=(nframes, natoms * aparam))
    for name, values in arrays.items():
        np.save(folder / "set.000" / f"{name}.npy", values)


def structure(nframes=4, cell=None):
    """Positions [nf, N, 3] on a shaken lattice, cell [3, 3], types [N] not in order."""
    rng = np.random.default_rng(3)
    cell = np.diag([6.0, 6.2, 7.5]) if cell is None else cell
    sites = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1, 2], indexing="ij"), axis=-1).reshape(-1, 3) / [2, 2, 3]
    coords = sites @ cell + rng.normal(scale=0.25, size=(nframes, len(sites), 3))
    return coords, cell, np.array([0, 1, 1] * 4, dtype=np.int32)


def _run(command, cwd, env) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout
