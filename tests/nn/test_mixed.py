"""Rows of neighbours of all types: which pairs of types networks are evaluated for."""

from __future__ import annotations

import numpy as np

from deepmd_tf.nn.mixed import AllSlots, FoundSlots
from deepmd_tf.tf1 import tf


def test_distinct_numbers_give_each_row_its_own():
    """Of 119 x 119 pairs of types, files evaluate all, as is their standard; what trains, those that occur."""
    which = np.random.default_rng(0).choice([3, 14160, 77], 40).astype(np.int32)
    for slots, count in ((AllSlots, 14161), (FoundSlots, len(set(which)))):
        with tf.Graph().as_default(), tf.Session() as session:
            numbers, at = session.run(slots.distinct(tf.constant(which), 14161))
        assert len(numbers) == count
        np.testing.assert_array_equal(numbers[at], which)
