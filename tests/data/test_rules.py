"""Batch sizes and probabilities, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.data.rules import BatchRule, probabilities
from deepmd_tf.errors import ConfigError


@pytest.mark.parametrize(
    ("rule", "sizes"),
    [
        (3, [3, 3, 3]),
        ([1, 2, 4], [1, 2, 4]),
        ("auto", [11, 1, 1]),
        ("auto:96", [32, 1, 1]),
        ("auto:97", [33, 2, 1]),
        ("max:96", [32, 1, 1]),
        ("max:95", [31, 1, 1]),
        ("filter:192", [64, 2, 1]),
        ("mixed:8", [1, 1, 1]),
    ],
)
def test_sizes(rule, sizes):
    assert BatchRule.parse(rule).sizes([3, 96, 192]).tolist() == sizes


def test_filter_drops_by_atoms():
    rule = BatchRule.parse("filter:96")
    assert [rule.keeps(n) for n in (3, 96, 97)] == [True, True, False]
    assert BatchRule.parse("max:96").keeps(97)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("atuo", r"no rule 'atuo'.*Did you mean 'auto'"),
        ("max", r"no rule 'max'.*'max:N'"),
        ("auto:x", r"'auto:x': expected an integer of 1 or more, found 'x'"),
        ("auto:0", r"expected an integer of 1 or more, found '0'"),
        (0, r"batch_size: expected an integer of 1 or more, found 0"),
        (1.5, r"found 1.5"),
        (True, r"found True"),
        ([1, -2, 1], r"batch_size\[1\]: .*found -2"),
        (None, r"found None"),
    ],
)
def test_rules_refused(rule, message):
    with pytest.raises(ConfigError, match=message):
        BatchRule.parse(rule)


def test_list_of_another_length():
    with pytest.raises(ConfigError, match=r"batch_size: expected one entry per system, 3, found 2"):
        BatchRule.parse([1, 2]).sizes([3, 3, 3])


@pytest.mark.parametrize(
    ("auto_prob", "sys_probs", "expected"),
    [
        ("prob_uniform", None, [1 / 6] * 6),
        ("prob_sys_size", None, [0.1, 0.1, 0.2, 0.3, 0.2, 0.1]),
        ("prob_sys_size;0:3:0.3;3:6:0.7", None, [0.075, 0.075, 0.15, 0.35, 0.7 / 3, 0.35 / 3]),
        ("prob_sys_size; 0:2:1; 4:5:3", None, [0.125, 0.125, 0, 0, 0.75, 0]),
        ("ignored", [0.5, 0, 0, 0.5, 0, 0], [0.5, 0, 0, 0.5, 0, 0]),
        ("prob_sys_size", [0.4, -1, -1, 0, -1, 0.1], [0.4, 0.125, 0.25, 0, 0.125, 0.1]),
    ],
)
def test_probabilities(auto_prob, sys_probs, expected):
    nbatches = [10, 10, 20, 30, 20, 10] if sys_probs is None else [1, 10, 20, 5, 10, 1]
    np.testing.assert_allclose(probabilities(nbatches, auto_prob, sys_probs), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("auto_prob", "sys_probs", "message"),
    [
        ("prob_sys", None, r"auto_prob: there is no style 'prob_sys'.*'prob_sys_size'"),
        ("prob_uniform;0:1:1", None, r"auto_prob: there is no style"),
        ("prob_sys_size;0:1", None, r"auto_prob: expected blocks 'start:stop:weight', found '0:1'"),
        ("prob_sys_size;0:4:1", None, r"auto_prob: block '0:4:1' leaves the 3 systems"),
        ("prob_sys_size;1:1:1", None, r"block '1:1:1' leaves"),
        ("prob_sys_size;0:2:1;1:3:1", None, r"block '1:3:1' overlaps"),
        ("prob_sys_size;0:2:-1", None, r"expected a weight of 0 or more"),
        ("prob_sys_size;0:2:nan", None, r"expected a weight of 0 or more"),
        ("prob_sys_size;0:2:0", None, r"expected a positive weight"),
        ("", [0.5, 0.5], r"sys_probs: expected one entry per system, 3, found 2"),
        ("", [0.5, 0.2, 0.1], r"sys_probs: expected a sum of 1, found 0.8"),
        ("", [0.8, 0.4, -1], r"sys_probs: expected non-negative entries of sum at most 1, found 1.2"),
        ("", [0.8, float("nan"), 0.2], r"sys_probs: expected finite numbers"),
    ],
)
def test_probabilities_refused(auto_prob, sys_probs, message):
    with pytest.raises(ConfigError, match=message):
        probabilities([1, 2, 3], auto_prob, sys_probs)
