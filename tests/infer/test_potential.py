"""DeepPot: results of each kind of input against the NumPy model."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.infer import DeepPot
from tests.infer.conftest import ModelFile, frames, section, write_model
from tests.support.numpy_model import atom_energies


def expected_atom_energy(file: ModelFile, coord, types, cell, fparam=None, aparam=None) -> np.ndarray:
    """Atomic energies [N] of one frame with atoms in any order; virtual atoms have none."""
    order = np.argsort(types, kind="stable")
    order = order[types[order] >= 0]
    aparam = None if aparam is None else aparam[order]
    found = np.zeros(len(types))
    found[order] = atom_energies(coord[order], types[order], cell, file.model, file.weights, fparam, aparam)
    return found


@pytest.fixture(scope="module")
def potential(water):
    return DeepPot(water.path)


def test_periodic_frames(water, potential):
    coords, cell, types = frames()
    energy, force, virial, atom_energy, atom_virial = potential.eval(
        coords, np.tile(cell, (3, 1, 1)), types, atomic=True
    )
    shapes = [(3, 1), (3, 8, 3), (3, 9), (3, 8, 1), (3, 8, 9)]
    assert [a.shape for a in (energy, force, virial, atom_energy, atom_virial)] == shapes
    for k in range(3):
        expected = expected_atom_energy(water, coords[k], types, cell)
        np.testing.assert_allclose(atom_energy[k, :, 0], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(energy[k, 0], expected.sum(), rtol=0, atol=1e-11)
    np.testing.assert_allclose(atom_virial.sum(axis=1), virial, rtol=0, atol=1e-11)


def test_force_belongs_to_its_atom(potential):
    """Central differences of the energy, for an atom of either type."""
    coords, cell, types = frames(1)
    _, force, _ = potential.eval(coords, cell[None], types)
    for atom in (0, 1, 2, 7):
        for axis in range(3):
            shift = np.zeros((2, 8, 3))
            shift[:, atom, axis] = [1e-4, -1e-4]
            energy = potential.eval(coords + shift, np.tile(cell, (2, 1, 1)), types)[0][:, 0]
            assert force[0, atom, axis] == pytest.approx(-(energy[0] - energy[1]) / 2e-4, rel=1e-5, abs=1e-8)


def test_one_evaluation_gives_all_results(potential, monkeypatch):
    coords, cell, types = frames(1)
    run, runs = potential._session.run, []
    monkeypatch.setattr(potential._session, "run", lambda *arguments: runs.append(1) or run(*arguments))
    potential.eval(coords, cell[None], types, atomic=True)
    assert len(runs) == 1


def test_open_boundaries(water, potential):
    coords, cell, types = frames(1)
    energy = potential.eval(coords, None, types)[0]
    assert energy[0, 0] == pytest.approx(expected_atom_energy(water, coords[0], types, None).sum(), abs=1e-11)
    assert abs(energy - potential.eval(coords, cell[None], types)[0]) > 1e-6


def test_equal_inputs_of_other_shapes(potential):
    coords, cell, types = frames()
    cells = np.tile(cell, (3, 1, 1))
    plain = potential.eval(coords, cells, types)
    flat = potential.eval(coords.reshape(3, -1), cells.reshape(3, 9), types.tolist())
    for a, b in zip(plain, flat):
        np.testing.assert_array_equal(a, b)
    one = potential.eval(coords[0].ravel(), cell, types)
    np.testing.assert_allclose(one[1], plain[1][:1], rtol=0, atol=1e-12)


def test_virtual_atoms_have_no_part(water, potential):
    coords, cell, types = frames(1)
    without = np.array([0, 1, 2, 4, 5, 7])
    marked = types.copy()
    marked[[3, 6]] = -1
    found = potential.eval(coords, cell[None], marked, atomic=True)
    plain = potential.eval(coords[:, without], cell[None], types[without], atomic=True)
    np.testing.assert_array_equal(found[0], plain[0])
    for values, expected in ((found[1], plain[1]), (found[3], plain[3]), (found[4], plain[4])):
        np.testing.assert_array_equal(values[:, without], expected)
        assert not values[:, [3, 6]].any()


def test_types_per_frame(water, potential):
    coords, cell, types = frames(4)
    own = np.array([types, 1 - types, types[::-1], np.full(8, 1)])
    own[1, 2] = -1
    cells = np.tile(cell, (4, 1, 1))
    energy, force, _ = potential.eval(coords, cells, own, mixed_type=True)
    for k in range(4):
        expected = expected_atom_energy(water, coords[k], own[k], cell).sum()
        assert energy[k, 0] == pytest.approx(expected, abs=1e-11)
        alone = potential.eval(coords[k], cell, own[k])
        np.testing.assert_allclose(force[k], alone[1][0], rtol=0, atol=1e-12)


def test_parameters(with_parameters):
    potential = DeepPot(with_parameters.path)
    coords, cell, types = frames()
    cells = np.tile(cell, (3, 1, 1))
    rng = np.random.default_rng(2)
    fparam, aparam = rng.normal(size=(3, 2)), rng.normal(size=(3, 8, 1))
    energy = potential.eval(coords, cells, types, fparam=fparam, aparam=aparam)[0]
    for k in range(3):
        expected = expected_atom_energy(with_parameters, coords[k], types, cell, fparam[k], aparam[k]).sum()
        assert energy[k, 0] == pytest.approx(expected, abs=1e-11)
    shared = potential.eval(coords, cells, types, fparam=fparam[0], aparam=aparam[0])[0]
    repeated = potential.eval(
        coords, cells, types, fparam=np.tile(fparam[0], (3, 1)), aparam=np.tile(aparam[0], (3, 1, 1))
    )[0]
    np.testing.assert_array_equal(shared, repeated)
    assert potential.get_dim_fparam() == 2
    assert potential.get_dim_aparam() == 1


def test_nothing_to_evaluate(potential):
    coords, cell, _ = frames(2)
    cells = np.tile(cell, (2, 1, 1))
    energy, force, virial = potential.eval(coords, cells, np.full(8, -1))
    assert not energy.any() and not force.any() and not virial.any()
    assert energy.shape == (2, 1) and force.shape == (2, 8, 3) and virial.shape == (2, 9)
    energy, force, _ = potential.eval(coords[:0], cells[:0], np.zeros(8, int))
    assert energy.shape == (0, 1) and force.shape == (0, 8, 3)


def test_batches_change_nothing(water):
    coords, cell, types = frames(7)
    cells = np.tile(cell, (7, 1, 1))
    together = DeepPot(water.path, auto_batch_size=False).eval(coords, cells, types, atomic=True)
    split = DeepPot(water.path, auto_batch_size=16).eval(coords, cells, types, atomic=True)
    for a, b in zip(together, split):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_float32_interface(tmp_path):
    file = write_model(tmp_path / "low.pb", section(precision="float32", fitting={"precision": "float32"}), np.float32)
    coords, cell, types = frames(1)
    energy, force, _ = DeepPot(file.path).eval(coords, cell[None], types)
    assert energy.dtype == np.float64 and force.dtype == np.float32
    expected = expected_atom_energy(file, coords[0], types, cell).sum()
    assert energy[0, 0] == pytest.approx(expected, rel=1e-5)


def test_attributes(potential):
    assert potential.get_type_map() == ["O", "H"]
    assert potential.get_ntypes() == 2
    assert potential.get_rcut() == 4.0
    assert potential.get_sel_type() == []
    assert potential.get_model_def_script()["descriptor"]["type"] == "se_e2_a"
    assert not potential.has_efield and not potential.has_spin


def test_descriptor_is_in_the_order_of_the_atoms(potential):
    coords, cell, types = frames(1)
    order = np.random.default_rng(0).permutation(8)
    plain = potential.eval_descriptor(coords, cell[None], types)
    assert plain.shape == (1, 8, 24)
    np.testing.assert_allclose(
        potential.eval_descriptor(coords[:, order], cell[None], types[order]), plain[:, order], atol=1e-13
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coords": np.zeros((3, 23))}, ["coords", "8 atoms", "[3, 23]"]),
        ({"cells": np.zeros((2, 9))}, ["cells", "[3, 9]", "[2, 9]"]),
        ({"cells": np.zeros((3, 9))}, ["cells, frame 0", "no volume", "cells=None"]),
        ({"atom_types": [0, 1] * 3 + [0, 2]}, ["atom_types", "0 to 1", "found 2"]),
        ({"atom_types": [0, 1] * 3 + [0, -2]}, ["atom_types", "found -2"]),
        ({"atom_types": [0.5] * 8}, ["atom_types", "integers", "float64"]),
        ({"atom_types": np.zeros((3, 8), int)}, ["atom_types", "[natoms]", "mixed_type=True"]),
        ({"mixed_type": True}, ["atom_types", "mixed_type is set", "[8]"]),
        ({"coords": np.where(np.arange(72).reshape(3, 24) == 30, np.nan, 1.0)}, ["coords, frame 1, atom 2", "nan"]),
        ({"coords": "water"}, ["coords", "array of numbers", "str"]),
        ({"fparam": [1.0]}, ["fparam", "takes none", "1 values"]),
    ],
)
def test_refused_inputs(potential, change, words):
    coords, cell, types = frames()
    arguments = {"coords": coords, "cells": np.tile(cell, (3, 1, 1)), "atom_types": types, **change}
    with pytest.raises(DataError) as caught:
        potential.eval(**arguments)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("fparam", "aparam", "words"),
    [
        (None, np.zeros((3, 8, 1)), ["fparam", "needs 2 values per frame"]),
        (np.zeros(2), None, ["aparam", "needs 1 values per atom"]),
        (np.zeros((2, 2)), np.zeros((3, 8, 1)), ["fparam", "[3, 2]", "[2, 2]"]),
        (np.zeros(2), np.zeros((3, 7)), ["aparam", "[3, 8, 1]", "[3, 7]"]),
        (np.array([0.0, np.inf]), np.zeros(1), ["fparam, frame 0", "inf"]),
    ],
)
def test_refused_parameters(with_parameters, fparam, aparam, words):
    coords, cell, types = frames()
    with pytest.raises(DataError) as caught:
        DeepPot(with_parameters.path).eval(coords, np.tile(cell, (3, 1, 1)), types, fparam=fparam, aparam=aparam)
    for word in words:
        assert word in str(caught.value)
