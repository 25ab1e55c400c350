"""Tabulated features with a factor: what the other forms do not have, the derivatives that the factor is part of."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.ops import table
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from tests.ops.test_table import BY_CENTER, SEL, draw, op

NAMES = ("rows", "factor", "table", "dx")


def loss(arrays, vectors, threads=0):
    """A loss of x that is not linear, its gradients, and their product with the vectors differentiated once more."""

    def build(vectors, **tensors):
        x, _ = op("factor", {k: v for k, v in tensors.items() if k != "dx"})
        value = tf.reduce_sum(tensors["dx"] * tf.sin(x))
        drows, dfactor, dtable = tf.gradients(value, [tensors[k] for k in ("rows", "factor", "table")])
        slope = tf.reduce_sum(drows * vectors["rows"]) + tf.reduce_sum(dfactor * vectors["factor"])
        return value, (drows, dfactor, dtable), slope, tf.gradients(slope, [tensors[k] for k in NAMES])

    feeds = arrays | {f"vector_{k}": v for k, v in vectors.items()}

    def unpacked(**tensors):
        return build({k: tensors[f"vector_{k}"] for k in vectors}, **{k: v for k, v in tensors.items() if k in arrays})

    return evaluate(unpacked, feeds, threads=threads)


def case(seed=1, **settings):
    arrays = draw("factor", seed=seed, **settings)
    rng = np.random.default_rng(seed + 100)
    arrays["dx"] = rng.normal(size=(len(arrays["center"]), 4, arrays["table"].shape[1])).astype(arrays["rows"].dtype)
    vectors = {k: rng.normal(size=arrays[k].shape).astype(arrays["rows"].dtype) for k in ("rows", "factor")}
    return arrays, vectors


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("width", [2, 19])
def test_first_and_second_derivatives_along_random_directions(width, wide):
    arrays, vectors = case(width=width, wide=wide)
    _, firsts, _, seconds = loss(arrays, vectors)
    rng = np.random.default_rng(5)
    for name, first, second in zip(NAMES, (*firsts, None), seconds):
        for sparse in (1.0, 0.05):  # in many directions at once, and in few
            vector = rng.normal(size=arrays[name].shape) * (rng.random(arrays[name].shape) < sparse)
            up, down = (loss(arrays | {name: arrays[name] + sign * 1e-6 * vector}, vectors) for sign in (1, -1))
            if first is not None:
                slope = (up[0] - down[0]) / 2e-6
                np.testing.assert_allclose((first * vector).sum(), slope, rtol=1e-6, atol=1e-6)
            slope = (up[2] - down[2]) / 2e-6
            np.testing.assert_allclose((second * vector).sum(), slope, rtol=1e-6, atol=1e-5)


def test_skipped_slots_get_no_derivative():
    arrays, vectors = case()
    _, (drows, dfactor, _), _, (second_rows, second_factor, _, _) = loss(arrays, vectors)
    center, nnei = arrays["center"], sum(SEL)
    kind = np.repeat([0, 1], SEL)
    used = arrays["nlist"].reshape(len(center), nnei) >= 0
    used &= (center >= 0)[:, None] & (np.array(BY_CENTER).reshape(2, 2)[np.maximum(center, 0)][:, kind] >= 0)
    assert 0 < used.sum() < used.size
    for values in (drows, dfactor, second_rows, second_factor):
        np.testing.assert_array_equal((values.reshape(*used.shape, -1) != 0).any(axis=2), used)


def test_without_a_factor_it_is_the_sum_over_real_neighbours():
    arrays = draw("factor", width=11)
    arrays["factor"][:] = 0
    plain = {k: v for k, v in arrays.items() if k != "factor"} | dict(empty=np.zeros((2, 8)))
    full = {k: v for k, v in plain.items() if k != "nlist"}
    nlist = np.zeros_like(arrays["nlist"])  # no empty slot, which the other sum would add
    settings = dict(sel=SEL, nets=BY_CENTER)
    with_factor = evaluate(lambda **t: table.table_factor(**t, **settings), arrays | dict(nlist=nlist))
    without = evaluate(lambda **t: table.table_two_body(**t, **settings), full | dict(nlist=nlist))
    np.testing.assert_allclose(with_factor[0], without[0], rtol=0, atol=1e-12)
    assert with_factor[1] == without[1]


def test_one_type_of_slots_for_all_neighbours():
    """A list that is ordered by distance alone."""
    arrays = draw("factor", width=6)
    arrays["center"] = np.minimum(arrays["center"], 0)
    mixed = evaluate(lambda **t: table.table_factor(**t, sel=[12], nets=[1]), arrays)
    typed = evaluate(lambda **t: table.table_factor(**t, sel=SEL, nets=[1] * 4), arrays)
    np.testing.assert_allclose(mixed[0], typed[0], rtol=0, atol=1e-12)
    assert mixed[1] == typed[1]


def test_derivatives_in_float32_and_with_threads():
    arrays, vectors = case(width=24, natoms=100, dtype=np.float32)
    one, four = (loss(arrays, vectors, threads=threads) for threads in (1, 4))
    double = loss(
        {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in arrays.items()},
        {k: v.astype(np.float64) for k, v in vectors.items()},
    )
    flat = [tf.nest.flatten(values[1] + tuple(values[3])) for values in (one, four, double)]
    for first, second, expected in zip(*flat):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_a_factor_of_another_shape_is_named():
    arrays = draw("factor") | dict(factor=np.zeros((95, 5)))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"factor: expected shape .96,5., found .95,5."):
        evaluate(lambda factor, **t: op("factor", t | dict(factor=tf.placeholder_with_default(factor, None))), arrays)
    with pytest.raises(ValueError, match="must be equal"):
        evaluate(lambda **t: op("factor", t), arrays)
