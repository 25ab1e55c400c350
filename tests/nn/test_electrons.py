"""Electron configurations: numbers of electrons, ground states from the literature, names that are no elements."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.electrons import SUBSHELLS, SYMBOLS, electron_configuration, occupations

CAPACITY = {"s": 2, "p": 6, "d": 10, "f": 14}
# Subshells outside the noble gas before the element.
GROUND_STATES = {
    "H": "1s1",
    "O": "1s2 2s2 2p4",
    "Ca": "1s2 2s2 2p6 3s2 3p6 4s2",
    "Fe": "1s2 2s2 2p6 3s2 3p6 3d6 4s2",
    "Cr": "1s2 2s2 2p6 3s2 3p6 3d5 4s1",
    "Cu": "1s2 2s2 2p6 3s2 3p6 3d10 4s1",
    "Pd": "1s2 2s2 2p6 3s2 3p6 3d10 4s2 4p6 4d10",
    "Gd": "1s2 2s2 2p6 3s2 3p6 3d10 4s2 4p6 4d10 4f7 5s2 5p6 5d1 6s2",
    "Au": "1s2 2s2 2p6 3s2 3p6 3d10 4s2 4p6 4d10 4f14 5s2 5p6 5d10 6s1",
    "Lr": "1s2 2s2 2p6 3s2 3p6 3d10 4s2 4p6 4d10 4f14 5s2 5p6 5d10 5f14 6s2 6p6 6d1 7s2",
}


def test_every_element_has_as_many_electrons_as_protons():
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 118
    vectors = electron_configuration(SYMBOLS)
    assert vectors.shape == (118, 118) and vectors.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-15)
    electrons = np.count_nonzero(vectors > 0, axis=1)
    assert np.array_equal(electrons, np.arange(1, 119))
    assert len(np.unique(vectors, axis=0)) == 118
    for symbol in SYMBOLS:
        assert all(0 <= n <= CAPACITY[shell[1]] for shell, n in occupations(symbol).items()), symbol


@pytest.mark.parametrize("symbol", GROUND_STATES)
def test_known_ground_states(symbol):
    found = " ".join(f"{shell}{n}" for shell, n in occupations(symbol).items() if n)
    assert found == GROUND_STATES[symbol]


def test_orbitals_with_two_electrons_stand_first():
    # Oxygen: 1s 2s full, 2p with one pair and two single electrons.
    signs = (electron_configuration(["O"])[0] * np.sqrt(118)).reshape(-1, 2)
    assert np.allclose(signs[:5], [[1, 1], [1, 1], [1, 1], [-1, 1], [-1, 1]])
    assert np.allclose(signs[5:], -1) and len(signs) == 59 and SUBSHELLS[2] == "2p"


@pytest.mark.parametrize(("found", "meant"), [("OW", "'O'"), ("CL", "'Cl'"), ("Fx", "'F'")])
def test_other_names_are_refused(found, meant):
    with pytest.raises(ConfigError, match=f"model/type_map.*'{found}'.*{meant}"):
        electron_configuration(["H", found])


def test_no_symbols_give_no_rows():
    assert electron_configuration([]).shape == (0, 118)
