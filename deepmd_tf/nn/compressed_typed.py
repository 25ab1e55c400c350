"""Features of networks that are told the types, looked up in tables: compressed models with all neighbours in one list.

``constant(name, value)`` puts an array into the graph: under its name in files, under any in other graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deepmd_tf.nn.table import FACTORS, TABLE, TABLE_INFO
from deepmd_tf.nn.typed import RowFeatures
from deepmd_tf.ops.tabulate import tabulate_fusion_se_atten, tabulate_fusion_se_r
from deepmd_tf.tf1 import tf


def typed_features_of_tables(constant: Callable, tables: Mapping, nets, slots):
    """Features of the rows of ``slots``, as :class:`~deepmd_tf.nn.typed.RowFeatures`.

    With ``strip``, there is one table, and the factors of the types are a constant. Otherwise each pair of types has a
    table of its own, and the network serves those that have none.

    Parameters
    ----------
    constant : callable
    tables : mapping of str to Table
        By the names of the functions that they stand for.
    nets : TypedEmbedding
    slots : AllSlots or FoundSlots
    """
    return RowFeatures(slots, _rows(constant, tables, nets, slots))


def typed_sum_of_tables(constant: Callable, tables: Mapping, nets, slots):
    """Sum over all slots of an atom of row times features, [n, 4, M]; one operation with ``strip`` (contract G.5)."""
    if not nets.telling.strip:
        return slots.outer(_rows(constant, tables, nets, slots))
    (key,) = nets.keys
    rows = tf.reshape(slots.rows, [-1, sum(nets.spec.sel), 4])
    factor = _factor(constant, tables, nets, key, slots)
    table, info = _table(constant, tables, nets, key)
    # Empty slots are looked up once for all, where they are alike and stand at the end.
    is_sorted = nets.alike and not nets.spec.exclude_types
    with tf.name_scope(None):
        return tabulate_fusion_se_atten(
            table, info, slots.rows[:, :1], rows, factor, width=nets.width, is_sorted=is_sorted,
            name=f"{nets.scope}/TabulateFusionSeAtten",
        )  # fmt: skip


def _rows(constant, tables, nets, slots):
    """Features as an array, [nrows, M]."""
    s = slots.rows[:, :1]
    if not nets.telling.strip:
        return _routed(constant, tables, nets, slots, s)
    (key,) = nets.keys
    features = _features(constant, tables, nets, key, s)
    return features * _factor(constant, tables, nets, key, slots) + features


def _routed(constant, tables, nets, slots, s):
    """Each row looked up in the table of its pair of types; zeros where no feature matters."""
    keys = [key for key in nets.keys if nets.name(key) in tables]
    network, nowhere = len(keys), len(keys) + 1
    places = {None: nowhere, **{key: place for place, key in enumerate(keys)}}
    count = nets.ntypes + 1
    route = np.array([places.get(nets.key(c, n), network) for c in range(nets.ntypes) for n in range(count)], np.int32)
    place = tf.gather(route, slots.center * count + slots.neighbor)
    parts = lambda x: tf.dynamic_partition(x, place, nowhere + 1)[:nowhere]  # noqa: E731
    numbers, at = parts(s), parts(tf.range(tf.size(place)))
    features = [_features(constant, tables, nets, key, x) for key, x in zip(keys, numbers)]
    if network in route:
        neighbor, center = (tf.gather(x, at[network]) for x in (slots.neighbor, slots.center))
        features.append(nets.of(numbers[network], neighbor, center))
    if not features:
        return tf.zeros([tf.size(place), nets.width], s.dtype)
    at = tf.concat(at[: len(features)], axis=0)
    return tf.scatter_nd(at[:, None], tf.concat(features, axis=0), [tf.size(place), nets.width])


def _features(constant, tables, nets, key, s):
    """Of the numbers s [m, 1]: [m, M]."""
    table, info = _table(constant, tables, nets, key)
    with tf.name_scope(None):
        found = tabulate_fusion_se_r(table, info, s, width=nets.width, name=f"{nets.name(key)}/TabulateFusionSeR")
    return tf.reshape(found, [-1, nets.width])


def _table(constant, tables, nets, key):
    name = nets.name(key)
    return constant(name + TABLE, tables[name].coefficients), constant(name + TABLE_INFO, tables[name].info)


def _factor(constant, tables, nets, key, slots):
    name = nets.name(key)
    return nets.factor(constant(name + FACTORS, tables[name].factors), slots)
