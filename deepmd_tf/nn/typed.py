"""Embedding networks that are told the types: features of the rows of :mod:`deepmd_tf.nn.mixed`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmd_tf.nn.embedding import EmbeddingNet, embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.jet import typed_jet
from deepmd_tf.nn.nets import ALL
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Telling:
    """How networks are told the types.

    Attributes
    ----------
    strip : bool
        By factors of the features, from a network of their own; otherwise as inputs beside s(r).
    one_side : bool
        The type of the neighbour alone.
    smooth : bool
        Factors vanish smoothly at the cutoff.
    """

    strip: bool
    one_side: bool
    smooth: bool


class TypedEmbedding:
    r"""Features of a neighbour of type n of an atom of type c, with the vectors :math:`v_t` of the types.

    :math:`G = N(s, v_n, v_c)`, or, with ``strip``, :math:`G = N(s)\,(1 + N'(v_n, v_c))`, where :math:`N'` is
    multiplied by the switch if ``smooth``; without :math:`v_c` if ``one_side``. The weights of a network are made when
    it is first asked for.

    For a fixed pair of types, these are functions of one number, s: the key of a pair is (centre, neighbour), where the
    neighbour ``ntypes`` stands for an empty slot; -1 stands for all types that N is the same function for.

    Parameters
    ----------
    ctx : BuildContext
        Where the weights come from; ``type_vectors`` given.
    scope, spec : str, EnvSpec
        Of the environment matrix, where mean and scale of its rows are found.
    telling : Telling
    settings : dict
        Keywords of :func:`~deepmd_tf.nn.embedding.embedding_net`: neuron, activation_function, dtype, resnet_dt,
        trainable.
    seed : int or None

    Attributes
    ----------
    spec : EnvSpec
    telling : Telling
    vectors : [ntypes + 1, w]
        The last one is of empty slots.
    mean, scale : ndarray [ntypes, nnei*4]
        By which the environment matrix is normalised.
    scope : str
        Of the weights, and of operations that are known by name.
    width : int
        M, number of features.
    dtype, activation_function : str
        Of the networks.
    """

    def __init__(self, ctx, scope: str, spec: EnvSpec, telling: Telling, settings: dict, seed: int | None):
        self.spec, self.telling, self.scope = spec, telling, f"filter_type_all{ctx.suffix}"
        self.mean, self.scale = (np.asarray(ctx.weights.values[f"{scope}/{name}"]) for name in ("t_avg", "t_std"))
        self.vectors = tf.cast(ctx.type_vectors, tf.as_dtype(settings["dtype"]))
        self.width, self.dtype = settings["neuron"][-1], settings["dtype"]
        self.activation_function = settings["activation_function"]
        self._ctx, self._settings, self._seeds, self._nets = ctx, settings, Seeds(seed), {}

    @property
    def ntypes(self) -> int:
        """Number of types, and the type of an empty slot."""
        return self.spec.ntypes

    @property
    def terms(self) -> int:
        """Functions of s that a feature is the sum of; the second one is multiplied by the switch."""
        return 2 if self.telling.strip and self.telling.smooth else 1

    @property
    def alike(self) -> bool:
        """Whether mean and scale are the same in all slots."""
        by_slot = (x.reshape(self.ntypes, -1, 4) for x in (self.mean, self.scale))
        return all((x == x[:, :1]).all() for x in by_slot)

    @property
    def keys(self) -> list[tuple[int, int]]:
        """The different functions N of s, in canonical order."""
        if self.telling.strip:
            return [(ALL, ALL)]
        pairs = np.ndindex(self.ntypes, self.ntypes + 1)
        return sorted({key for pair in pairs if (key := self.key(*pair)) is not None})

    def key(self, center: int, neighbor: int) -> tuple[int, int] | None:
        """That of a pair of types; None where the rows of such pairs are zeros, so that no feature of them matters."""
        if not self.mean.any() and (neighbor == self.ntypes or self._excludes(center, neighbor)):
            return None
        return (ALL, ALL) if self.telling.strip else (ALL if self.telling.one_side else center, neighbor)

    def name(self, key: tuple[int, int]) -> str:
        """A name of the function that is unique in the model."""
        center, neighbor = ("all" if t == ALL else str(t) for t in key)
        return f"filter_type_{center}{self._ctx.suffix}/_{neighbor}"

    def net(self, key: tuple[int, int] = (ALL, ALL)) -> EmbeddingNet:
        """The network N behind a key, which is the same for all; the first call makes its weights."""
        return self._net("", 1 if self.telling.strip else 1 + self._told)

    def rows(self, slots):
        """Features of each row, [nrows, M]."""
        features = self.of(slots.rows[:, :1], slots.neighbor, slots.center)
        return features * self._own_factor(slots) + features if self.telling.strip else features

    def of(self, s, neighbor, center):
        """N of rows: s [nrows, 1] and types [nrows] -> [nrows, M]."""
        return self.net()(s if self.telling.strip else tf.concat([s, self._tell(neighbor, center)], axis=1))

    def factors(self):
        """N' of all types: [(ntypes + 1)^2, M], row c * (ntypes + 1) + n, or of neighbours alone, [ntypes + 1, M]."""
        count = self.ntypes + 1
        return self._factors(np.arange(count if self.telling.one_side else count**2))

    def factors_by_center(self):
        """N' of the types that there are: [ntypes, ntypes, M], row c, n."""
        pairs = np.ndindex(self.ntypes, self.ntypes)
        return tf.reshape(self._factors_of(list(pairs)), [self.ntypes, self.ntypes, self.width])

    def factor(self, factors, slots):
        """Those of the rows of ``slots`` out of those of all types, with the switch: [nrows, M]."""
        which, _ = self._numbers(slots, factors.shape.as_list()[0] == self.ntypes + 1)
        return self._switched(tf.gather(factors, which), slots)

    def _own_factor(self, slots):
        """N' of the types that occur in ``slots``, for its rows, with the switch: [nrows, M]."""
        numbers, which = slots.distinct(*self._numbers(slots, self.telling.one_side))
        return self._switched(tf.gather(self._factors(numbers), which), slots)

    def _numbers(self, slots, one_side: bool) -> tuple:
        """Numbers of the types of rows, and how many numbers there are."""
        count = self.ntypes + 1
        return (slots.neighbor, count) if one_side else (slots.center * count + slots.neighbor, count**2)

    def _switched(self, factor, slots):
        return factor * slots.switch if self.telling.smooth else factor

    def jet(self, key: tuple[int, int], x):
        """N behind a key at x [K], with two derivatives, in float64 whatever its precision: [K, 3, M]."""
        net = self.net(key).in_double()
        told = tf.zeros([1, 0], tf.float64) if self.telling.strip else self._told_of([key])
        return typed_jet(net, x[None], told)[0]

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
        net = self.net().in_double()
        if not self.telling.strip:
            return [typed_jet(net, x, self._told_of(pairs))]
        jet = typed_jet(net, x, tf.zeros([len(pairs), 0], tf.float64))
        factor = tf.cast(self._factors_of(pairs), tf.float64)[:, None, None, :]
        return [jet, jet * factor] if self.terms == 2 else [jet * (1.0 + factor)]

    @property
    def _told(self) -> int:
        """Numbers that tell the types."""
        return self.vectors.shape.as_list()[1] * (1 if self.telling.one_side else 2)

    def _tell(self, neighbor, center):
        """What a network is told of pairs of types: the neighbour's vector first."""
        sides = [neighbor] if self.telling.one_side else [neighbor, center]
        return tf.concat([tf.gather(self.vectors, side) for side in sides], axis=1)

    def _told_of(self, pairs):
        return tf.cast(self._tell([n for _, n in pairs], [c for c, _ in pairs]), tf.float64)

    def _factors_of(self, pairs: list[tuple[int, int]]):
        """N' of pairs of types of centre and neighbour: [npairs, M]."""
        return self._factors(np.array([n if self.telling.one_side else c * (self.ntypes + 1) + n for c, n in pairs]))

    def _factors(self, numbers):
        """N' of types by their numbers, see :meth:`_numbers`: [n, M]."""
        net = self._net("_one_side_ebd" if self.telling.one_side else "_two_side_ebd", self._told)
        return net(self._tell(numbers % (self.ntypes + 1), numbers // (self.ntypes + 1)))

    def _net(self, tag: str, n_in: int) -> EmbeddingNet:
        if tag not in self._nets:
            self._nets[tag] = embedding_net(self._ctx, self.scope, tag, seeds=self._seeds, n_in=n_in, **self._settings)
        return self._nets[tag]

    def _excludes(self, *pair: int) -> bool:
        return any(sorted(pair) == sorted(excluded) for excluded in self.spec.exclude_types)


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


def typed_exact(embedding: TypedEmbedding, slots) -> RowFeatures:
    """The networks evaluated in each row."""
    return RowFeatures(slots, embedding.rows(slots))


def typed_sum_exact(embedding: TypedEmbedding, slots):
    """Sum over the rows of an atom of row times features: -> [n, 4, M]."""
    return slots.outer(embedding.rows(slots))
