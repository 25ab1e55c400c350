"""Training graphs sum over the neighbours that are there, portable ones over all slots; both give the same."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.tf1 import tf
from tests.descriptor.test_se_e2_a import VARIANTS, section
from tests.suites.physics import CUBIC, TRICLINIC, cluster, crystal
from tests.support.graphs import ModelUnderTest


def both(keys: dict, weights: dict | None = None) -> tuple[ModelUnderTest, ModelUnderTest]:
    """The same model with both sets of primitives."""
    portable = ModelUnderTest(section(keys), weights=weights)
    return portable, ModelUnderTest(section(keys), weights=portable.weights, primitives=FOUND)


def assert_equal(portable, training, coord, atype, cell=None):
    a, b = portable(coord, atype, cell), training(coord, atype, cell)
    for key in a:
        assert np.allclose(b[key], a[key], rtol=0, atol=1e-12 * max(1.0, np.abs(a[key]).max())), key


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("cell", [None, CUBIC, TRICLINIC], ids=["open", "cubic", "triclinic"])
def test_equal_in_all_variants(name, cell):
    coord, atype = cluster() if cell is None else crystal(cell)
    assert_equal(*both(VARIANTS[name]), coord, atype, cell)


@pytest.mark.parametrize("one_side", [True, False])
def test_full_lists_and_lists_cut_off(one_side):
    # Five slots a type: some atoms fill them, some have more neighbours than slots.
    coord, atype = crystal(CUBIC)
    assert_equal(*both({"sel": [5, 5], "type_one_side": one_side}), coord, atype, CUBIC)


def test_no_neighbours_at_all_and_virtual_atoms():
    portable, training = both({"type_one_side": True})
    assert_equal(portable, training, np.array([[0.0, 0, 0], [20.0, 0, 0]]), np.array([0, 1]))
    coord, atype = cluster()
    assert_equal(portable, training, np.vstack([coord, [[0.5, 0.5, 0.5]]]), np.append(atype, -1))


def test_empty_slots_that_differ_are_summed_one_by_one():
    portable, _ = both({"type_one_side": True})
    weights = dict(portable.weights)
    weights["descrpt_attr/t_avg"] = weights["descrpt_attr/t_avg"] + np.random.default_rng(0).normal(
        0, 0.05, (2, 4 * 84)
    )
    coord, atype = cluster()
    assert_equal(*both({"type_one_side": True}, weights), coord, atype)


@pytest.mark.parametrize("one_side", [True, False])
def test_gradients_by_the_weights_are_equal(one_side):
    """Of a loss of forces: the second order, which training uses."""
    coord, atype = crystal(TRICLINIC)
    found = []
    weights = None
    for primitives in (PORTABLE, FOUND):
        model = ModelUnderTest(section({"type_one_side": one_side}), weights=weights, primitives=primitives)
        weights = model.weights
        name = "filter_type_all" if one_side else "filter_type_0"
        with model.session.graph.as_default():
            loss = tf.reduce_sum(tf.square(model.output.force)) + tf.reduce_sum(tf.square(model.output.virial))
            wanted = [model.store.tensors[f"{name}/{kind}_{k}_1"] for kind in ("matrix", "bias") for k in (1, 2)]
            gradients = tf.gradients(loss, wanted)
        found.append(model.session.run(gradients, model.feeds(coord, atype, TRICLINIC)))
    for a, b in zip(*found):
        assert np.abs(a).max() > 1e-9
        assert np.allclose(a, b, rtol=0, atol=1e-11 * np.abs(a).max())
