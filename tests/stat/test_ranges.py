"""Ranges of tables, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.stat.ranges import angular_ranges, any_center, net_range, radial_ranges, switch


def test_switch():
    assert switch(0.4, 6.0, 0.5) == 1.0 and switch(7.0, 6.0, 0.5) == 0.0
    assert switch(3.25, 6.0, 0.5) == pytest.approx(0.5)  # half way
    assert switch(1.6, 6.0, 0.5) == pytest.approx(0.2**3 * (-6 * 0.04 + 15 * 0.2 - 10) + 1)


def statistics(*types, slots=3):
    """[ntypes, slots*4] from (mean, scale, scale of directions) per type."""
    mean = np.array([[m, 0, 0, 0] * slots for m, _, _ in types])
    return mean, np.array([[s, a, a, a] * slots for _, s, a in types])


def test_radial():
    # s(1.0) = 1 below the switch: (1 - 0.05)/0.1 = 9.5 -> 10 and -0.5 -> -1; (1 - 0)/0.3 = 3.33 -> 4 and 0.
    mean, scale = statistics((0.05, 0.1, 1.0), (0.0, 0.3, 1.0))
    assert radial_ranges(mean, scale, 1.0, 6.0, 2.0).tolist() == [[-1.0, 10.0], [0.0, 4.0]]
    assert radial_ranges(mean[:, ::4], scale[:, ::4], 1.0, 6.0, 2.0, width=1).tolist() == [[-1.0, 10.0], [0.0, 4.0]]


def test_the_switch_counts():
    mean, scale = statistics((0.0, 0.01, 1.0))
    s = switch(1.6, 6.0, 0.5) / 1.6
    assert radial_ranges(mean, scale, 1.6, 6.0, 0.5)[0, 1] == np.ceil(s / 0.01)


def test_slots_that_differ_are_all_covered():
    mean, scale = statistics((0.05, 0.1, 1.0))
    mean[0, 4], scale[0, 8] = 0.25, 0.05
    assert radial_ranges(mean, scale, 1.0, 6.0, 2.0).tolist() == [[-3.0, 19.0]]


def test_there_is_always_a_range():
    mean, scale = statistics((0.5, 1.0, 1.0))
    assert radial_ranges(mean, scale, 5.99999, 6.0, 2.0).tolist() == [[-1.0, 1.0]]
    assert angular_ranges(scale, 5.99999, 6.0, 2.0).tolist() == [[-1.0, 1.0]]


def test_angular():
    # (1/0.3)^2 = 11.1 -> 12; the smallest scale of the three directions counts.
    _, scale = statistics((0.0, 0.1, 0.3), (0.0, 0.1, 0.5))
    scale[1, 2] = 0.4
    assert angular_ranges(scale, 1.0, 6.0, 2.0).tolist() == [[-12.0, 12.0], [-7.0, 7.0]]


def test_range_of_a_network():
    ranges = np.array([[-1.0, 9.0], [-2.0, 4.0], [0.0, 12.0]])
    assert net_range(ranges, (1, 0)) == (-2.0, 4.0)
    assert net_range(ranges, (-1, 0)) == any_center(ranges) == (-2.0, 12.0)
    assert net_range(ranges, (-1, 0), [(2, 0)]) == (-2.0, 9.0)
    assert net_range(ranges, (-1, 2), [(1, 2)]) == (-1.0, 12.0)
    assert net_range(ranges, (-1, 0), [(0, 0), (0, 1), (2, 0)]) == (-2.0, 12.0)
