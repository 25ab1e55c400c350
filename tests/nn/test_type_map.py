"""Another list of types: rows go where their type goes, and a layer of types returns for a type what it did."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.type_map import TypeMapChange


def layer(matrix):
    """What a linear layer returns for the unit vector of each type: skip connections as networks have them."""
    n, width = matrix.shape
    x = np.eye(n)
    return x @ matrix + (x if width == n else np.hstack([x, x]) if width == 2 * n else 0)


def test_rows_follow_their_type():
    change = TypeMapChange(["O", "H", "C"], ["C", "N", "O"])
    values = np.arange(6.0).reshape(3, 2)
    assert np.array_equal(change.rows(values, -1.0), [[4, 5], [-1, -1], [0, 1]])
    assert np.array_equal(change.rows(values, [[7, 7], [8, 9], [7, 7]]), [[4, 5], [8, 9], [0, 1]])
    assert change.unknown == ["N"]


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("new", [["C", "O", "H"], ["H", "C"], ["N", "H", "O", "C"], ["H"]])
def test_old_types_keep_their_vectors(width, new):
    change = TypeMapChange(["O", "H", "C"], new)
    rng = np.random.default_rng(width)
    matrix, fresh = rng.normal(size=(3, width)), rng.uniform(size=(len(new), width))
    found = layer(change.type_matrix(matrix, fresh, linear=True))
    for k, name in enumerate(new):
        expected = layer(matrix)[change.old.index(name)] if name in change.old else fresh[k]
        np.testing.assert_allclose(found[k], expected, rtol=0, atol=1e-14)


def test_what_is_not_linear_cannot_take_up_a_skip():
    change = TypeMapChange(["O", "H"], ["O", "H", "C"])
    assert change.type_matrix(np.ones((2, 5)), 2.0, linear=False).shape == (3, 5)
    for width in (2, 3, 4, 6):
        with pytest.raises(ConfigError, match="not linear and adds its input"):
            change.type_matrix(np.ones((2, width)), 2.0, linear=False)


def test_pairs_are_renumbered():
    change = TypeMapChange(["O", "H", "C"], ["C", "N", "O"])
    assert change.pairs([[0, 2], (1, 2), [0, 0]]) == [(2, 0), (2, 2)]


def test_names_stand_once():
    with pytest.raises(ConfigError, match="twice in O, O"):
        TypeMapChange(["O", "O"], ["H"])
