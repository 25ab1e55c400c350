"""Sums over neighbours with tables in the place of networks: the graph of a compressed model (contract G.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from deepmd_tf.nn.blockwise import sum_blocks, sum_pairs
from deepmd_tf.nn.context import PORTABLE, Primitives
from deepmd_tf.ops.tabulate import tabulate_fusion_se_a, tabulate_fusion_se_r, tabulate_fusion_se_t
from deepmd_tf.tf1 import tf

# Of the names under which model files and checkpoints hold the table of a network.
TABLE, TABLE_INFO = "/table", "/table_info"


class Table(NamedTuple):
    """The polynomials that stand for one network.

    Attributes
    ----------
    coefficients : ndarray [intervals, 6*width]
        For each interval and feature the six coefficients in ascending order, of the distance from the left end.
    info : ndarray [6]
        Lower and upper end of the range, end of the table, stride inside and outside the range, frequency.
    """

    coefficients: np.ndarray
    info: np.ndarray


def tables_by_name(values: Mapping[str, np.ndarray]) -> dict[str, Table]:
    """The tables that a checkpoint holds, by the names of their networks; none in that of an ordinary training."""
    names = [name.removesuffix(TABLE) for name in values if name.endswith(TABLE)]
    return {name: Table(values[name + TABLE], values[name + TABLE_INFO]) for name in names}


def compressed(tables: Mapping[str, Table]) -> Primitives:
    """The portable primitives with the networks replaced by ``tables``, which are found by their names.

    No weight of a network is asked for, so none is in the graph.
    """
    return replace(
        PORTABLE,
        two_body=partial(sum_blocks, partial(_two_body, tables)),
        radial=partial(sum_blocks, partial(_radial, tables)),
        three_body=partial(sum_pairs, partial(_three_body, tables)),
    )


def _two_body(tables, nets, key, block):
    """Row times features of its first number, summed over the slots: -> [m, 4, M]."""
    table, info = _constants(tables, nets, key)
    s = tf.reshape(block.rows[:, :, 0], [-1, 1])  # [m*slots, 1]
    return tabulate_fusion_se_a(table, info, s, block.rows, width=nets.width)


def _radial(tables, nets, key, block):
    """Features, summed over the slots: -> [m, M]."""
    table, info = _constants(tables, nets, key)
    features = tabulate_fusion_se_r(table, info, block.rows[:, :, 0], width=nets.width)  # [m, slots, M]
    return tf.reduce_sum(features, axis=1)


def _three_body(tables, nets, key, angles):
    """Angle times features, summed over pairs of slots: -> [n, M]."""
    table, info = _constants(tables, nets, key)
    return tabulate_fusion_se_t(table, info, tf.reshape(angles, [-1, 1]), angles, width=nets.width)


def _constants(tables, nets, key):
    name = nets.name(key)
    with tf.name_scope(None):
        table = tf.constant(tables[name].coefficients, name=name + TABLE)
        return table, tf.constant(tables[name].info, name=name + TABLE_INFO)
