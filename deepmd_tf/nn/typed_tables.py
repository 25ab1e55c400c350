"""Features of networks that are told the types, looked up in one table for each pair of types.

Once the types are fixed such a network is a function of one number. A look-up is linear in the table, so what is linear
in the features, queries, keys and values say, is looked up as well, in a table that was multiplied instead of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmd_tf.nn.linear import side_by_side
from deepmd_tf.nn.typed import TypedEmbedding
from deepmd_tf.ops.linear import linear
from deepmd_tf.ops.table import table_rows
from deepmd_tf.tf1 import tf


class TypedNets:
    """A network of one number for each pair of types, with the interface of tables' makers.

    Parameters
    ----------
    embedding : TypedEmbedding
    pairs : iterable of (int, int)
        Types of centre and neighbour.

    Attributes
    ----------
    keys : list of (int, int)
        The pairs, in order; the centre is -1 where the network is not told it.
    """

    def __init__(self, embedding: TypedEmbedding, pairs):
        self._embedding = embedding
        self.keys = sorted({(-1, n) for _, n in pairs} if embedding.telling.one_side else set(pairs))

    @property
    def dtype(self) -> str:
        """TensorFlow dtype name of the weights."""
        return self._embedding.dtype

    @property
    def activation_function(self) -> str:
        """Name of the activation function."""
        return self._embedding.activation_function

    @property
    def width(self) -> int:
        """Number of features of a table: those of all terms side by side."""
        return self._embedding.width * self._embedding.terms

    def jets(self, x):
        """x [npairs, K] float64 -> value and two derivatives, [npairs, K, 3, width]."""
        return tf.concat(self._embedding.jets([(max(c, 0), n) for c, n in self.keys], x), axis=3)

    def split(self, table) -> list:
        """Tables of single terms from one of all: [3*nknots, width] -> [3*nknots, M] each."""
        return [table] if self._embedding.terms == 1 else tf.split(table, self._embedding.terms, axis=1)

    @property
    def numbers(self) -> np.ndarray:
        """Number of the network of each pair of types, [ntypes + 1, ntypes + 1] by centre; -1 where there is none."""
        count = self._embedding.ntypes + 1
        number = np.full((count, count), -1, np.int32)
        for k, (c, n) in enumerate(self.keys):
            number[c if c >= 0 else slice(None), n] = k
        return number

    def which(self, neighbor, center):
        """Number of the network of each row; -1 where there is none."""
        numbers = self.numbers
        return tf.gather(numbers.ravel(), center * len(numbers) + neighbor)


@dataclass(frozen=True)
class TabulatedFeatures:
    """Features of the rows of ``slots``, as :class:`~deepmd_tf.nn.typed.RowFeatures`, from tables.

    Attributes
    ----------
    tables : list of tensors [3*nknots, M] float64
        Of the terms of a sum: the second one, if there is one, is multiplied by the switch.
    grid : [nnets, 8] float64
    which : [nrows] int32
        Row of the grid.
    x : [nrows] float64
        Arguments.
    value : [nrows, M]
    outside : int64 scalar
        How many rows are beyond the knots of their net.
    """

    slots: object
    tables: list
    grid: object
    which: object
    x: object
    value: object
    outside: object

    @classmethod
    def look_up(cls, slots, tables: list, grid, which) -> TabulatedFeatures:
        """Features of the rows of ``slots`` from these tables."""
        # Once: the gradient of a slice is as large as what it was taken from.
        x = tf.cast(slots.rows[:, 0], tf.float64)
        value, outside = _sum(slots, tables, grid, which, x)
        return cls(slots, tables, grid, which, x, value, outside)

    def projected(self, layers):
        """Queries, keys and values of all rows, side by side."""
        matrix, bias = (tf.cast(weight, tf.float64) for weight in side_by_side(layers))
        first, *others = [linear(table, matrix, tf.zeros_like(bias)) for table in self.tables]
        # A constant has no derivatives.
        of_value = tf.tile([[1.0], [0.0], [0.0]], [tf.shape(first)[0] // 3, 1])
        first += tf.cast(of_value, tf.float64) * bias
        return _sum(self.slots, [first, *others], self.grid, self.which, self.x)[0]


def _sum(slots, tables: list, grid, which, x) -> tuple:
    """Look up in float64: a slope is a small difference of numbers that are nearly equal."""
    (first, outside), *others = [table_rows(x, which, table, grid) for table in tables]
    for term, _ in others:
        first += term * tf.cast(slots.switch, tf.float64)
    return tf.cast(first, slots.rows.dtype), outside
