"""Models that this program trained and froze work in deepmd-kit's Python, in LAMMPS, and as its input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from tests.interop.interop_kit import NAMES, our_dp, structure, trained
from tests.interop.models import MODELS, PLAIN
from tests.interop.test_from_deepmd_kit import compare

# LAMMPS "metal" units, as its manual and source state them to these digits.
MVV2E, NKTV2P = 1.0364269e-4, 1.6021765e6
MASSES = np.array([15.999, 1.008])
STEP, STEPS = 0.0005, 20


@pytest.fixture(scope="module", params=MODELS)
def model(request, kit, tmp_path_factory):
    """A model file of this program, in a folder of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, trained(our_dp, MODELS[request.param].config, folder)


@pytest.fixture(scope="module", params=PLAIN)
def plain(request, kit, tmp_path_factory):
    """A float64 model file of this program without parameters, one for each kind of descriptor."""
    return trained(our_dp, MODELS[request.param].config, tmp_path_factory.mktemp("plain"))


def test_same_results_in_python(kit, model, tmp_path):
    name, path = model
    compare(kit, path, MODELS[name].tolerance, tmp_path)


def test_same_run_in_lammps(kit, plain, tmp_path):
    coords, cell, types = structure(1)
    velocities = np.random.default_rng(8).normal(scale=5.0, size=coords[0].shape)
    thermo, forces = lammps_run(kit, plain, coords[0], velocities, cell, types, tmp_path)
    expected, our_forces = our_run(DeepPot(plain), coords[0], velocities, cell, types)
    np.testing.assert_allclose(forces, our_forces, rtol=0, atol=1e-10 * np.abs(our_forces).max())
    np.testing.assert_allclose(thermo[0], expected[0], rtol=1e-10)
    np.testing.assert_allclose(thermo, expected, rtol=1e-8)
    assert np.ptp(expected[:, 1]) > 1e-5, "the atoms have to move for the comparison to say anything"


def test_fine_tuned_there_with_the_same_weights_runs_alike(kit, plain, tmp_path):
    """deepmd-kit starts training from our file and writes it again, with steps too small to change a weight."""
    config = json.loads((plain.parent / "input.json").read_text())
    config["learning_rate"].update(start_lr=1e-30, stop_lr=1e-31)
    config["training"]["training_data"]["systems"] = [str(plain.parent / "data")]
    (tmp_path / "input.json").write_text(json.dumps(config))
    kit.dp("train", "input.json", "--init-frz-model", str(plain), cwd=tmp_path)
    kit.dp("freeze", "-o", "theirs.pb", cwd=tmp_path)
    coords, cell, types = structure(1)
    velocities = np.random.default_rng(8).normal(scale=5.0, size=coords[0].shape)
    ours, _ = lammps_run(kit, plain, coords[0], velocities, cell, types, tmp_path)
    theirs, _ = lammps_run(kit, tmp_path / "theirs.pb", coords[0], velocities, cell, types, tmp_path)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_it_compresses_there(kit, plain, tmp_path):
    kit.dp("compress", "-i", str(plain), "-o", "compressed.pb", cwd=tmp_path)
    coords, cell, types = structure(3)
    cells = np.tile(cell.reshape(1, 9), (3, 1))
    frames = {"periodic": {"coords": coords.reshape(3, -1), "cells": cells, "types": types}}
    compressed = kit.evaluate(tmp_path / "compressed.pb", frames, tmp_path)["periodic"]
    ours = dict(zip(NAMES, DeepPot(plain).eval(coords, cells, types, atomic=True)))
    for name in NAMES:
        # The table of steps 0.01 interpolates; agreement shows that weights and statistics were found.
        np.testing.assert_allclose(compressed[name], ours[name], rtol=0, atol=1e-6 * np.abs(ours[name]).max())


def lammps_run(kit, model, coords, velocities, cell, types, folder):
    """Thermo rows (step, pe, ke, press) of all steps and the forces of the first."""
    atoms = "\n".join(
        f"{i + 1} {t + 1} {x:.17g} {y:.17g} {z:.17g}" for i, (t, (x, y, z)) in enumerate(zip(types, coords))
    )
    speeds = "\n".join(f"{i + 1} {x:.17g} {y:.17g} {z:.17g}" for i, (x, y, z) in enumerate(velocities))
    bounds = "\n".join(f"0 {length:.17g} {axis}lo {axis}hi" for axis, length in zip("xyz", np.diag(cell)))
    masses = "\n".join(f"{i + 1} {mass}" for i, mass in enumerate(MASSES))
    (folder / "data.lammps").write_text(
        f"# test\n\n{len(types)} atoms\n2 atom types\n{bounds}\n\n"
        f"Masses\n\n{masses}\n\nAtoms\n\n{atoms}\n\nVelocities\n\n{speeds}\n"
    )
    script = f"""
        units metal
        atom_style atomic
        read_data data.lammps
        pair_style deepmd {model}
        pair_coeff * *
        neighbor 1.0 bin
        timestep {STEP}
        fix 1 all nve
        thermo_style custom step pe ke press
        thermo_modify format float %.16g
        thermo 1
        dump 1 all custom 1000 forces.dump id fx fy fz
        dump_modify 1 sort id format float %.16g
        run {STEPS}
    """
    kit.lammps(script, folder)
    lines = (folder / "log.lammps").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"])
    thermo = np.array([line.split() for line in lines[start + 1 : start + 2 + STEPS]], dtype=float)
    dump = (folder / "forces.dump").read_text().split("ITEM: ATOMS id fx fy fz\n")[1].splitlines()
    return thermo, np.array([line.split()[1:] for line in dump[: len(types)]], dtype=float)


def our_run(potential, coords, velocities, cell, types):
    """The same run with velocity Verlet and our evaluation."""
    masses, volume = MASSES[types][:, None], np.linalg.det(cell)

    def evaluate():
        energy, forces, virial = (values[0] for values in potential.eval(coords[None], cell[None], types))
        return energy[0], forces, np.trace(virial.reshape(3, 3))

    energy, forces, virial = evaluate()
    first, rows = forces, []
    for step in range(STEPS + 1):
        if step:
            velocities = velocities + 0.5 * STEP * forces / (masses * MVV2E)
            coords = coords + STEP * velocities
            energy, forces, virial = evaluate()
            velocities = velocities + 0.5 * STEP * forces / (masses * MVV2E)
        kinetic = 0.5 * MVV2E * float((masses * velocities**2).sum())
        rows.append([step, energy, kinetic, (2 * kinetic + virial) / (3 * volume) * NKTV2P])
    return np.array(rows), first
