"""Neighbour slots from the statistics, and the sentence when given ones do not do."""

from __future__ import annotations

import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.stat.neighbor import NeighborStatistics, Place
from deepmd_tf.stat.sel import check_sel, is_auto, resolve_sel

WATER = NeighborStatistics(0.89, (38, 72), (Place("data_0", "set.000", 33, 67), Place("data_0", "set.000", 57, 142)))
MIXED = NeighborStatistics(0.89, (105,), (Place("data_0", "", 57, 142),))


@pytest.mark.parametrize(
    ("sel", "expected"),
    [
        ("auto", [44, 80]),  # int(1.1 * 38) = 41, int(1.1 * 72) = 79, up to multiples of 4
        ("auto:1.0", [40, 72]),
        ("auto:1.5", [60, 108]),
        ([46, 92], [46, 92]),
    ],
)
def test_slots(sel, expected):
    assert resolve_sel(sel, WATER.max_neighbors) == expected


def test_slots_of_all_types_together():
    assert resolve_sel("auto:1.1", MIXED.max_neighbors, mixed=True) == 116
    assert resolve_sel(120, MIXED.max_neighbors, mixed=True) == 120
    assert resolve_sel("auto", [0, 3]) == [0, 4]


@pytest.mark.parametrize("sel", ["atuo", "auto:", "auto:x", "auto:-1", "auto:inf", "12"])
def test_other_texts_are_refused(sel):
    assert is_auto(sel)
    with pytest.raises(ConfigError, match="expected numbers, 'auto' or 'auto:ratio'"):
        resolve_sel(sel, WATER.max_neighbors)


def test_shortfalls_name_type_numbers_and_worst_frame():
    assert check_sel([38, 72], WATER, ["O", "H"]) == []
    assert check_sel([0, 46], WATER, ["O", "H"]) == [
        "type H needs sel 72, has 46; worst: frame 57 of data_0/set.000, atom 142"
    ]
    assert check_sel([10, 72], WATER)[0].startswith("type 0 needs sel 38, has 10")
    assert check_sel(100, MIXED, ["O", "H"]) == [
        "all types together needs sel 105, has 100; worst: frame 57 of data_0, atom 142"
    ]
    with pytest.raises(ConfigError, match="sel: expected one entry per type, 2, found 1"):
        check_sel(100, WATER)
