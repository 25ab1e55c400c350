"""Embedding networks that are told the types: features of the rows of :mod:`deepmd_tf.nn.mixed`."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.nn.embedding import EmbeddingNet
from deepmd_tf.nn.jet import typed_jet
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class TypedEmbedding:
    r"""Features of a neighbour of type n of an atom of type c, with the vectors :math:`v_t` of the types.

    :math:`G = N(s, v_n, v_c)`, or, with a network of the types of its own, :math:`G = N(s)\,(1 + N'(v_n, v_c))`,
    where :math:`N'` is multiplied by the switch if ``smooth``.

    Attributes
    ----------
    vectors : [ntypes + 1, width]
        The last one is of empty slots.
    net : EmbeddingNet
        N.
    types_net : EmbeddingNet or None
        N', where there is one.
    one_side : bool
        Whether :math:`v_c` is left out.
    smooth : bool
        See above; read where there is N'.
    """

    vectors: object
    net: EmbeddingNet
    types_net: EmbeddingNet | None
    one_side: bool
    smooth: bool

    @property
    def terms(self) -> int:
        """Functions of s that a feature is the sum of; the second one is multiplied by the switch."""
        return 2 if self.types_net is not None and self.smooth else 1

    def rows(self, slots):
        """Features of each row, [nrows, M]."""
        s = slots.rows[:, :1]
        if self.types_net is None:
            return self.net(tf.concat([s, self._told(slots.neighbor, slots.center)], axis=1))
        count = self.vectors.shape.as_list()[0]
        which = slots.neighbor if self.one_side else slots.center * count + slots.neighbor
        pairs = [(c, n) for c in range(1 if self.one_side else count) for n in range(count)]
        factor = tf.gather(self._factor(pairs), which)
        features = self.net(s)
        return features * (factor * slots.switch if self.smooth else factor) + features

    def jets(self, pairs: list[tuple[int, int]], x) -> list:
        """Value and two derivatives by s of the features of some pairs of types, in float64.

        Parameters
        ----------
        pairs : list of (int, int)
            Types of centre and neighbour.
        x : [npairs, K] float64

        Returns
        -------
        list of tensors [npairs, K, 3, M]
            Of the terms of a sum: the second one, if there is one, is multiplied by the switch.
        """
        if self.types_net is None:
            neighbor, center = _sides(pairs)
            return [typed_jet(self.net.in_double(), x, tf.cast(self._told(neighbor, center), tf.float64))]
        jet = typed_jet(self.net.in_double(), x, tf.zeros([len(pairs), 0], tf.float64))
        factor = tf.cast(self._factor(pairs), tf.float64)[:, None, None, :]
        return [jet, jet * factor] if self.terms == 2 else [jet * (1.0 + factor)]

    def _told(self, neighbor, center):
        """What a network is told of pairs of types: the neighbour's vector first."""
        sides = [neighbor] if self.one_side else [neighbor, center]
        return tf.concat([tf.gather(self.vectors, side) for side in sides], axis=1)

    def _factor(self, pairs):
        """N' of pairs of types, [npairs, M]."""
        return self.types_net(self._told(*_sides(pairs)))


def _sides(pairs) -> tuple[list[int], list[int]]:
    return [n for _, n in pairs], [c for c, _ in pairs]


@dataclass(frozen=True)
class RowFeatures:
    """Features of the rows of ``slots`` as an array.

    Attributes
    ----------
    value : [nrows, M]
    """

    slots: object
    value: object

    def projected(self, layers):
        """Linear layers of the features, side by side as ``slots.attend`` takes them."""
        return self.slots.projected(layers, self.value)


def typed_exact(embedding: TypedEmbedding, slots, ranges) -> RowFeatures:
    """The networks evaluated in each row; ``ranges`` are for those who make tables of them."""
    return RowFeatures(slots, embedding.rows(slots))
