"""Look-up tables: functions and their derivatives, polynomials between knots, the special row of empty slots."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepmd_tf.errors import ModelFormatError
from nvnmd.mapping import feature_jet, hermite, mapping_tables, nearest_distance, switch_jet, type_embedding
from tests.nvnmd.trained import settings, weights

RCUT, RCUT_SMTH, NEAREST = 6.0, 2.0, 0.5


def switch(u: float) -> tuple[float, float]:
    """s and h of u = r², number by number."""
    r = math.sqrt(u)
    kept, x = min(max(r, NEAREST), RCUT), (min(max(r, RCUT_SMTH), RCUT) - RCUT_SMTH) / (RCUT - RCUT_SMTH)
    p = x**3 * (-6 * x**2 + 15 * x - 10) + 1
    return p / kept, p / kept**2


def features(values: dict, s: float, tag: str) -> np.ndarray:
    """The embedding network of one number, unit by unit."""
    x = [s]
    for layer in (1, 2, 3):
        matrix, bias = (values[f"filter_type_all.{kind}_{layer}{tag}"] for kind in ("matrix", "bias"))
        y = [math.tanh(sum(x[i] * matrix[i, j] for i in range(len(x))) + bias[j]) for j in range(len(bias))]
        x = [y[j] + (x[j % len(x)] if layer > 1 else 0.0) for j in range(len(y))]
    return np.array(x)


def at(table: np.ndarray, row: int, t: float) -> np.ndarray:
    """Channels of a table row [4C] at the distance t from the left end."""
    a, b, c, d = table[row].reshape(-1, 4).T
    return ((a * t + b) * t + c) * t + d


@pytest.mark.parametrize("u", [0.1, 0.9, 4.5, 20.0, 35.5, 50.0])
def test_switching_function_and_its_derivatives(u):
    found = np.stack(switch_jet(np.array([u]), NEAREST, RCUT, RCUT_SMTH))[:, :, 0]  # [2, 3]
    e = 1e-3 * u
    left, middle, right = (np.array(switch(v)) for v in (u - e, u, u + e))
    np.testing.assert_allclose(found[:, 0], middle, rtol=1e-14)
    np.testing.assert_allclose(found[:, 1], (right - left) / (2 * e), atol=1e-5)
    np.testing.assert_allclose(found[:, 2], (right - 2 * middle + left) / e**2, atol=1e-4)


@pytest.mark.parametrize("tag", ["_0", "_1"])
def test_features_and_their_derivatives(tag):
    values, e = weights(0), 1e-4
    for s in (-0.3, 0.0, 1.7, 9.0):
        found = feature_jet(values, np.array([s]), tag)[:, 0]
        left, middle, right = (features(values, s + shift, tag) for shift in (-e, 0, e))
        np.testing.assert_allclose(found[0], middle, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found[1], (right - left) / (2 * e), rtol=0, atol=1e-7)
        np.testing.assert_allclose(found[2], (right - 2 * middle + left) / e**2, rtol=0, atol=1e-6)


def test_polynomials_have_values_and_slopes_of_both_ends():
    rng, length = np.random.default_rng(1), 0.25
    values, slopes = rng.normal(size=(2, 6, 3))
    rows = hermite(values, slopes, length)
    assert rows.shape == (5, 3, 4)
    a, b, c, d = np.moveaxis(rows, -1, 0)
    np.testing.assert_array_equal(d, values[:-1])
    np.testing.assert_array_equal(c, slopes[:-1])
    np.testing.assert_allclose(((a * length + b) * length + c) * length + d, values[1:], atol=1e-13)
    np.testing.assert_allclose((3 * a * length + 2 * b) * length + c, slopes[1:], atol=1e-13)


@pytest.mark.parametrize("version", [0, 1])
def test_tables_follow_the_functions(version):
    config, values = settings(version), weights(version)
    tables = mapping_tables(config, values)
    ((_, end, length, first, last),) = tables["cfg_u2s"]
    assert (end, length, first, last) == (64.0, 0.125, 0, 512)
    mean, scale = (values["descrpt_attr.t_avg"][1, 0], values["descrpt_attr.t_std"][1]) if version == 0 else (0, (1, 1))
    for row in (4, 100, 287, 288, 511):
        u = (row + 0.5) * length
        s, h = switch(u)
        assert at(tables["s"][-1], row, length / 2) == pytest.approx((s - mean) / scale[0], rel=1e-4, abs=1e-3)
        assert at(tables["h"][-1], row, length / 2) == pytest.approx(h / scale[1], rel=1e-4, abs=1e-3)
        slope = (switch(u + 1e-4)[0] - switch(u - 1e-4)[0]) / 2e-4 / scale[0]
        assert at(tables["s_grad"][-1], row, length / 2) == pytest.approx(slope, rel=1e-3, abs=1e-3)
    fine, coarse = tables["cfg_s2g"]
    assert fine == [config.s_start, config.s_start + 1, 1 / 256, 0, 256]
    assert coarse == [config.s_start, config.s_start + 16, 1 / 16, 256, 512]
    for row, s, length in ((10, config.s_start + 10.5 / 256, 1 / 256), (300, config.s_start + 44.5 / 16, 1 / 16)):
        expected = features(values, s, "_1" if version == 0 else "")
        np.testing.assert_allclose(at(tables["g"][-1], row, length / 2), expected, atol=1e-7)
    assert len(tables["g"]) == (2 if version == 0 else 1)
    assert tables["g"][0].shape == (512, 128) and tables["s"][0].shape == (512, 4)


@pytest.mark.parametrize("version", [0, 1])
def test_neighbouring_polynomials_join(version):
    tables = mapping_tables(settings(version), weights(version))
    for name in ("s", "h", "s_grad", "h_grad"):
        for table in tables[name]:
            ends = np.array([at(table, row, 0.125) for row in range(511)])
            starts = np.array([at(table, row + 1, 0.0) for row in range(511)])
            np.testing.assert_allclose(ends, starts, rtol=0, atol=1e-12 * np.abs(table[:, 3]).max())
    for name in ("g", "g_grad"):
        for table in tables[name]:
            for rows, length in ((range(255), 1 / 256), (range(256, 511), 1 / 16)):
                for row in rows:
                    np.testing.assert_allclose(at(table, row, length), at(table, row + 1, 0.0), rtol=0, atol=1e-12)


def test_an_empty_slot_has_the_values_of_no_neighbour():
    values = weights(0)
    tables = mapping_tables(settings(0), values)
    for t in (0, 1):
        mean, scale = values["descrpt_attr.t_avg"][t, 0], values["descrpt_attr.t_std"][t, 0]
        assert tables["s"][t][0, 3] == -mean / scale
        assert (tables["s"][t][0, 2], tables["h"][t][0, 2], tables["h"][t][0, 3]) == (0, 0, 0)
        assert not tables["s_grad"][t][0, 2:].any() and not tables["h_grad"][t][0, 2:].any()
    assert mapping_tables(settings(1), weights(1))["s"][0][0, 3] == 0


def test_factors_of_pairs_of_types():
    values = weights(1)
    tables = mapping_tables(settings(1), values)
    vectors = tables["t_ebd"]
    assert vectors.shape == (3, 8) and not vectors[2].any()
    np.testing.assert_allclose(vectors[1], values["type_embed_net.matrix_1"][1] + values["type_embed_net.bias_1"])
    x = [*vectors[0], *vectors[2]]  # the neighbour, then the centre
    for layer in (1, 2, 3):
        matrix, bias = (values[f"filter_type_all.{kind}_{layer}_two_side_ebd"] for kind in ("matrix", "bias"))
        y = [math.tanh(sum(x[i] * matrix[i, j] for i in range(len(x))) + bias[j]) for j in range(len(bias))]
        x = [y[j] + (x[j % len(x)] if layer > 1 else 0.0) for j in range(len(y))]
    np.testing.assert_allclose(tables["gt"][2 * 3 + 0], np.array(x) + 1.0, atol=1e-13)
    np.testing.assert_array_equal(tables["dstd_inv"], 1 / values["descrpt_attr.t_std"][:, :4])


@pytest.mark.parametrize("ntypes, added", [(3, 0.0), (4, np.tile(np.eye(4), 2)), (8, np.eye(8))])
def test_vectors_of_types_whose_number_fits_the_layer(ntypes, added):
    """The layer of the unit vectors adds them, where they are as wide as it is or half of it."""
    rng = np.random.default_rng(0)
    values = {"type_embed_net.matrix_1": rng.normal(size=(ntypes, 8)), "type_embed_net.bias_1": rng.normal(size=8)}
    found = type_embedding(values, ntypes)
    np.testing.assert_allclose(found[:-1], sum(values.values()) + added, rtol=0, atol=1e-15)
    assert found.shape == (ntypes + 1, 8) and not found[-1].any()


def test_nearest_distance():
    assert nearest_distance(settings(0), {}) == 0.5
    assert nearest_distance(settings(0, dmin=0.4), {}) == pytest.approx(0.3)
    assert nearest_distance(settings(0, dmin=0.0), {"train_attr.min_nbor_dist": 0.3}) == pytest.approx(0.2)
    assert nearest_distance(settings(0, dmin=0.0), {"train_attr.min_nbor_dist": 0.0}) == 0.5


def test_a_missing_weight_is_named():
    values = weights(0)
    del values["filter_type_all.bias_2_1"]
    with pytest.raises(ModelFormatError, match=r"expected filter_type_all.bias_2_1, found neither"):
        mapping_tables(settings(0), values)
