"""Sums over neighbours with tables in the place of networks: the graph of a compressed model (contract G.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from deepmd_tf.nn.blockwise import sum_blocks, sum_pairs
from deepmd_tf.nn.compressed_typed import typed_features_of_tables, typed_sum_of_tables
from deepmd_tf.nn.context import PORTABLE, Primitives
from deepmd_tf.nn.table import TABLE, TABLE_INFO, Table
from deepmd_tf.ops.tabulate import tabulate_fusion_se_a, tabulate_fusion_se_r, tabulate_fusion_se_t
from deepmd_tf.tf1 import tf


def compressed(tables: Mapping[str, Table]) -> Primitives:
    """The portable primitives with the networks replaced by ``tables``, which are found by their names.

    Of a network that a table stands for no weight is asked for, so none is in the graph.
    """
    return replace(
        PORTABLE,
        two_body=partial(sum_blocks, partial(_two_body, tables)),
        radial=partial(sum_blocks, partial(_radial, tables)),
        three_body=partial(sum_pairs, partial(_three_body, tables)),
        typed_features=partial(typed_features_of_tables, _constant, tables),
        typed_sum=partial(typed_sum_of_tables, _constant, tables),
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
    return _constant(name + TABLE, tables[name].coefficients), _constant(name + TABLE_INFO, tables[name].info)


def _constant(name: str, value):
    with tf.name_scope(None):
        return tf.constant(value, name=name)
