"""Neighbour statistics against the NumPy reference."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import DataError
from deepmd_tf.ops import core, reference
from tests.ops.cases import CASES, RCUT, make


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_reference(name, mixed):
    case = CASES[name]
    expected = reference.neighbor_stat(*case[:3], rcut=RCUT, ntypes=2, mixed=mixed)
    for target in core.targets():
        found = core.neighbor_stat(*case[:3], rcut=RCUT, ntypes=2, mixed=mixed, target=target, threads=2)
        np.testing.assert_allclose(found.min_distance, expected.min_distance, rtol=1e-12)
        assert found.min_pair[0] == expected.min_pair[0]
        assert sorted(found.min_pair) == sorted(expected.min_pair)
        np.testing.assert_array_equal(found.max_neighbors, expected.max_neighbors)
        np.testing.assert_array_equal(found.worst, expected.worst)


def test_names_the_pair_the_frame_and_the_atom():
    coord = np.array([[0.0, 0, 0, 2, 0, 0, 0, 3, 0], [0, 0, 0, 2, 0, 0, 2, 0, 0.5]])
    found = core.neighbor_stat(coord, np.array([[0, 1, 1]] * 2), None, rcut=2.5, ntypes=3)
    assert found.min_distance == 0.5
    assert found.min_pair == (1, 1, 2)
    assert found.max_neighbors.tolist() == [1, 2, 0]
    assert found.worst.tolist() == [[0, 1], [1, 0], [-1, -1]]


def test_no_pair():
    found = core.neighbor_stat(np.zeros((1, 3)), np.zeros((1, 1)), None, rcut=2.5, ntypes=1)
    assert found.min_distance == np.inf
    assert found.min_pair == (-1, -1, -1)


def test_two_atoms_at_one_place_have_distance_zero():
    found = core.neighbor_stat(np.ones((1, 6)), np.zeros((1, 2)), None, rcut=2.5, ntypes=1)
    assert found.min_distance == 0.0


def test_threads_change_nothing():
    case = make(natoms=40, frames=7)
    one, four = (core.neighbor_stat(*case[:3], rcut=RCUT, ntypes=2, threads=n) for n in (1, 4))
    assert one[:2] == four[:2]
    np.testing.assert_array_equal(one.worst, four.worst)


def test_bad_type_is_named():
    with pytest.raises(DataError, match="frame 0, atom 1: expected a type below 1, found 2"):
        core.neighbor_stat(np.zeros((1, 6)), np.array([[0, 2]]), None, rcut=2.0, ntypes=1)
