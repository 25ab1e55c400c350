"""Compressed models of one program give the same numbers in the other, and both make the same tables.

A small model of each kind is trained and compressed, and evaluated by both programs on the frames of the other tests
of exchange. What a compressed model deviates from its original is not the matter here.
"""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.stored import stored_tables
from tests.interop.interop_kit import NAMES, our_dp, structure, trained
from tests.interop.models import COMPRESSED, COMPRESSED_HERE, COMPRESSED_IN_LAMMPS, MODELS
from tests.interop.test_from_deepmd_kit import cases
from tests.interop.test_to_deepmd_kit import lammps_run, our_run

TOLERANCE, SINGLE_TOLERANCE = 1e-9, 1e-5


@pytest.fixture(scope="module", params=(*COMPRESSED, *COMPRESSED_HERE))
def model(request, kit, tmp_path_factory):
    """Name and file of a model that this program froze."""
    return request.param, trained(our_dp, MODELS[request.param].config, tmp_path_factory.mktemp(request.param))


def compare(kit, path, name, folder):
    """Results of both programs; ours from the graph in the file, and from the one that is rebuilt in memory."""
    tolerance = SINGLE_TOLERANCE if "float32" in name else max(TOLERANCE, MODELS[name].tolerance)
    potentials = [DeepPot(path, as_stored=choice) for choice in (True, False)]
    frames = cases(potentials[0].get_dim_fparam(), potentials[0].get_dim_aparam())
    theirs = kit.evaluate(path, frames, folder)
    for case, frame in frames.items():
        arguments = (frame["coords"], frame["cells"], frame["types"])
        parameters = dict(fparam=frame["fparam"], aparam=frame["aparam"])
        for potential in potentials:
            for quantity, values in zip(NAMES, potential.eval(*arguments, atomic=True, **parameters)):
                # Three-body products in the small box lie far outside: fitting networks saturate, forces are rounding.
                atol = tolerance * max(np.abs(values).max(), 1e-4)
                np.testing.assert_allclose(
                    theirs[case][quantity], values, rtol=0, atol=atol, err_msg=f"{case} {quantity}"
                )


def test_compressed_here_runs_there(model, kit, tmp_path):
    name, path = model
    our_dp("compress", "-i", path, "-o", tmp_path / "small.pb", cwd=path.parent)
    compare(kit, tmp_path / "small.pb", name, tmp_path)
    if name in COMPRESSED_IN_LAMMPS:
        compare_in_lammps(kit, tmp_path / "small.pb", tmp_path)


def compare_in_lammps(kit, path, folder):
    """A short run of molecular dynamics, and the same with our evaluation."""
    coords, cell, types = structure(1)
    velocities = np.random.default_rng(8).normal(scale=5.0, size=coords[0].shape)
    theirs, forces = lammps_run(kit, path, coords[0], velocities, cell, types, folder)
    ours, first = our_run(DeepPot(path), coords[0], velocities, cell, types)
    np.testing.assert_allclose(forces, first, rtol=0, atol=TOLERANCE * np.abs(first).max())
    np.testing.assert_allclose(theirs[0], ours[0], rtol=TOLERANCE)
    np.testing.assert_allclose(theirs, ours, rtol=100 * TOLERANCE)  # what differs at first grows


def test_compressed_there_runs_here_and_has_the_same_tables(model, kit, tmp_path):
    name, path = model
    if name in COMPRESSED_HERE:
        pytest.skip("deepmd-kit does not compress it")
    kit.dp("compress", "-i", path, "-o", "theirs.pb", cwd=tmp_path)
    compare(kit, tmp_path / "theirs.pb", name, tmp_path)
    if MODELS[name].has_three_bodies:
        return  # Their three-body tables cover one type of centre, ours all.
    our_dp("compress", "-i", path, "-o", tmp_path / "ours.pb", cwd=path.parent)
    facts = [
        [
            (t.lower, t.upper, t.largest, t.fine, t.coarse, t.intervals, t.width)
            for t in stored_tables(FrozenModel(file))
        ]
        for file in (tmp_path / "ours.pb", tmp_path / "theirs.pb")
    ]
    np.testing.assert_allclose(*facts, rtol=1e-6)


@pytest.mark.parametrize("name", ["one_side", "attention", "attention_v2_none"])
def test_made_there_compressed_here(kit, name, tmp_path):
    path = trained(kit.dp, MODELS[name].config, tmp_path)
    our_dp("compress", "-i", path, "-o", "small.pb", "--system", "data", cwd=tmp_path)
    compare(kit, tmp_path / "small.pb", name, tmp_path)
    coords, cell, types = structure(3)
    full, small = (DeepPot(tmp_path / name).eval(coords, [cell] * 3, types) for name in (path.name, "small.pb"))
    assert np.abs(full[1] - small[1]).max() < 1e-7
