"""A frame in domains gives what it gives whole."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.domains import domains
from deepmd_tf.tf1 import tf
from tests.infer.conftest import RCUT, frames
from tests.support.numpy_model import atom_energies

CELL = np.array([[9.0, 0.0, 0.0], [3.0, 8.0, 0.0], [-1.0, 2.0, 14.0]])  # Å; thinner than two cutoffs in two directions


def liquid(natoms=60, seed=1):
    """Positions [N, 3], some outside of the cell, and types [N] in no order."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 1.5, (natoms, 3)) @ CELL, rng.integers(0, 2, natoms)


def pairs(coord, cell, rcut):
    """Number of neighbours of each atom, by a plain search of all images."""
    images = np.zeros((1, 3)) if cell is None else np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3), -1).reshape(-1, 3)
    difference = coord[None, :, None] - coord[:, None, None] + (images @ (np.eye(3) if cell is None else cell))
    return (np.linalg.norm(difference, axis=-1) < rcut).sum(axis=(1, 2)) - 1


@pytest.mark.parametrize("cell", [CELL, None], ids=["periodic", "open"])
@pytest.mark.parametrize("most", [1, 7, 25, 60])
def test_each_atom_has_one_domain_and_all_its_neighbors(cell, most):
    coord, _ = liquid()
    found, centers = np.zeros(len(coord), int), []
    for domain in domains(coord, cell, RCUT, most):
        assert domain.count <= most
        assert domain.count == len(domain.coord) or most < len(coord) or cell is not None
        own = domain.owner[: domain.count]
        distance = np.linalg.norm(domain.coord[: domain.count, None] - domain.coord, axis=-1)
        found[own] = (distance < RCUT).sum(axis=1) - 1
        centers += own.tolist()
        moved = domain.coord - coord[domain.owner]
        shift = moved if cell is None else moved @ np.linalg.inv(cell)
        np.testing.assert_allclose(shift, np.round(shift), atol=1e-10)
    assert sorted(centers) == list(range(len(coord)))
    np.testing.assert_array_equal(found, pairs(coord if cell is None else _wrapped(coord), cell, RCUT))


def _wrapped(coord):
    places = coord @ np.linalg.inv(CELL)
    return (places - np.floor(places)) @ CELL


def test_atoms_far_away_are_left_out():
    coord = np.arange(100.0)[:, None] * [1.0, 0.0, 0.0]
    for domain in domains(coord, None, RCUT, 10):
        assert domain.count == 10
        assert len(domain.coord) <= 10 + 2 * 4


@pytest.mark.parametrize("as_stored", [False, True])
@pytest.mark.parametrize("cell", [CELL, None], ids=["periodic", "open"])
def test_results_are_those_of_the_whole_frame(water, cell, as_stored):
    coord, types = liquid()
    types[5] = -1
    cells = None if cell is None else cell[None]
    whole, cut = (DeepPot(water.path, auto_batch_size=choice, as_stored=as_stored) for choice in (False, 16))
    cut._evaluator._batcher.domain = 16
    # Of the fused graph some domains stay within the tables and some do not, which is an interpolation apart.
    tolerance = 1e-12 if as_stored else 1e-10
    for ours, expected in zip(cut.eval(coord, cells, types, atomic=True), whole.eval(coord, cells, types, atomic=True)):
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    arguments = (coord, cells, types)
    np.testing.assert_allclose(
        cut.eval_descriptor(*arguments), whole.eval_descriptor(*arguments), rtol=0, atol=tolerance
    )


def test_parameters_go_with_their_atoms(with_parameters):
    coord, types = liquid()
    rng = np.random.default_rng(2)
    fparam, aparam = rng.normal(size=2), rng.normal(size=(len(types), 1))
    potential = DeepPot(with_parameters.path)
    potential._evaluator._batcher.domain = 16
    energies = potential.eval(coord, CELL[None], types, atomic=True, fparam=fparam, aparam=aparam)[3][0, :, 0]
    order = np.argsort(types, kind="stable")
    model, weights = with_parameters.model, with_parameters.weights
    expected = atom_energies(coord[order], types[order], CELL, model, weights, fparam, aparam[order])
    np.testing.assert_allclose(energies[order], expected, rtol=0, atol=1e-11)


def test_domains_shrink_when_memory_runs_out(water, monkeypatch):
    coords, cell, types = frames(1)
    potential = DeepPot(water.path)
    expected = potential.eval(coords, cell[None], types)
    run, sizes = potential._session.run, []

    def limited(names, feeds):
        sizes.append(int(feeds["t_natoms"][0]))
        if sizes[-1] > 3:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return run(names, feeds)

    monkeypatch.setattr(potential._session, "run", limited)
    found = potential.eval(coords, cell[None], types)
    assert sizes == [8, 4, 2, 2, 2, 2]
    for ours, whole in zip(found, expected):
        np.testing.assert_allclose(ours, whole, rtol=0, atol=1e-12)
