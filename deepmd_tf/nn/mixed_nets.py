"""The embedding of descriptors whose networks are told the types: features of the rows of :mod:`deepmd_tf.nn.mixed`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmd_tf.nn.attention import RowFeatures
from deepmd_tf.nn.embedding import EmbeddingNet, embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.jet import typed_jet
from deepmd_tf.nn.nets import ALL
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Kind:
    """How networks are told the types.

    Attributes
    ----------
    strip : bool
        By factors of the features, from a network of their own; otherwise as inputs beside s(r).
    one_sided : bool
        The type of the neighbour alone.
    smooth : bool
        Factors vanish smoothly at the cutoff.
    """

    strip: bool
    one_sided: bool
    smooth: bool


class MixedNets:
    """The networks of one descriptor. Their weights are made when they are first asked for.

    For a fixed pair of types they are functions of one number, s(r): the key of a pair is (centre, neighbour), where
    the neighbour ``ntypes`` stands for an empty slot; one of them, or both, are -1 where all types have the same
    function.

    Parameters
    ----------
    ctx : BuildContext
        Where the weights come from; ``type_vectors`` given.
    scope, spec : str, EnvSpec
        Of the environment matrix, where mean and scale of its rows are found.
    kind : Kind
    settings : dict
        Keywords of :func:`~deepmd_tf.nn.embedding.embedding_net`: neuron, activation_function, dtype, resnet_dt,
        trainable.
    seed : int or None

    Attributes
    ----------
    spec : EnvSpec
    kind : Kind
    vectors : [ntypes + 1, w]
        Of the types, the last one of empty slots.
    mean, scale : ndarray [ntypes, nnei*4]
        By which the environment matrix is normalised.
    scope : str
        Of the weights, and of operations that are known by name.
    """

    def __init__(self, ctx, scope: str, spec: EnvSpec, kind: Kind, settings: dict, seed: int | None):
        self.spec, self.kind, self.scope = spec, kind, f"filter_type_all{ctx.suffix}"
        self.mean, self.scale = (np.asarray(ctx.weights.values[f"{scope}/{name}"]) for name in ("t_avg", "t_std"))
        self.vectors = tf.cast(ctx.type_vectors, tf.as_dtype(settings["dtype"]))
        self._ctx, self._settings, self._seeds, self._nets = ctx, settings, Seeds(seed), {}

    @property
    def ntypes(self) -> int:
        """Number of types, and the type of an empty slot."""
        return self.spec.ntypes

    @property
    def width(self) -> int:
        """Number of features."""
        return self._settings["neuron"][-1]

    @property
    def dtype(self) -> str:
        """TensorFlow dtype name of the weights."""
        return self._settings["dtype"]

    @property
    def activation_function(self) -> str:
        """Name of the activation function."""
        return self._settings["activation_function"]

    @property
    def keys(self) -> list[tuple[int, int]]:
        """The different functions of s(r), in canonical order."""
        if self.kind.strip:
            return [(ALL, ALL)]
        pairs = np.ndindex(self.ntypes, self.ntypes + 1)
        return sorted({key for pair in pairs if (key := self.key(*pair)) is not None})

    def key(self, center: int, neighbor: int) -> tuple[int, int] | None:
        """That of a pair of types; None where the rows of such pairs are zeros, so that no feature of them matters."""
        if not self.mean.any() and (neighbor == self.ntypes or self._excludes(center, neighbor)):
            return None
        return (ALL, ALL) if self.kind.strip else (ALL, neighbor) if self.kind.one_sided else (center, neighbor)

    @property
    def alike(self) -> bool:
        """Whether mean and scale are the same in all slots."""
        by_slot = (x.reshape(self.ntypes, -1, 4) for x in (self.mean, self.scale))
        return all((x == x[:, :1]).all() for x in by_slot)

    def name(self, key: tuple[int, int]) -> str:
        """A name of the function that is unique in the model."""
        center, neighbor = ("all" if t == ALL else str(t) for t in key)
        return f"filter_type_{center}{self._ctx.suffix}/_{neighbor}"

    def net(self, key: tuple[int, int]) -> EmbeddingNet:
        """The network behind a key; the first call makes its weights."""
        return self._net()

    @property
    def terms(self) -> int:
        """Functions of s(r) that a feature is the sum of; a second one is multiplied by the switch."""
        return 2 if self.kind.strip and self.kind.smooth else 1

    def jet(self, key: tuple[int, int], x):
        """The function of a key at x [K], with two derivatives, in float64 whatever its precision: [K, 3, M]."""
        return self._jets([key], x[None])[0]

    def jets(self, pairs: list[tuple[int, int]], x) -> list:
        """Value and two derivatives of the features of some pairs of types, in float64.

        Parameters
        ----------
        pairs : list of (int, int)
            Types of centre and neighbour; a one-sided network does not read the centre.
        x : [npairs, K] float64

        Returns
        -------
        list of tensors [npairs, K, 3, M]
            One for each of :attr:`terms`.
        """
        jet = self._jets(pairs, x)
        if not self.kind.strip:
            return [jet]
        numbers = [n if self.kind.one_sided else c * (self.ntypes + 1) + n for c, n in pairs]
        factor = tf.cast(self.factors(np.array(numbers, np.int32)), tf.float64)[:, None, None, :]
        return [jet, jet * factor] if self.terms == 2 else [jet * (1.0 + factor)]

    def __call__(self, s, neighbor, center):
        """Features of rows, without the factors of ``strip``: s [nrows, 1] and types [nrows] -> [nrows, M]."""
        return self._net()(s if self.kind.strip else tf.concat([s, self._told(neighbor, center)], axis=1))

    def factors(self, numbers=None):
        """What types add to the factor 1 of the features: [n, M].

        ``numbers`` [n] are c * (ntypes + 1) + n of centre c and neighbour n, or n if one-sided; None stands for all.
        """
        count = self.ntypes + 1
        if numbers is None:
            numbers = np.arange(count if self.kind.one_sided else count**2, dtype=np.int32)
        tag = "_one_side_ebd" if self.kind.one_sided else "_two_side_ebd"
        return self._net(tag)(self._told(numbers % count, numbers // count))

    def own_factor(self, slots):
        """The factors of the rows of ``slots``, of the types that occur there: [nrows, M]."""
        numbers, which = slots.distinct(*self._numbers(slots, self.kind.one_sided))
        return self._switched(tf.gather(self.factors(numbers), which), slots)

    def factor(self, factors, slots):
        """The factors of the rows of ``slots`` out of those of all types: [nrows, M]."""
        which, _ = self._numbers(slots, one_sided=factors.shape.as_list()[0] == self.ntypes + 1)
        return self._switched(tf.gather(factors, which), slots)

    def _numbers(self, slots, one_sided: bool) -> tuple:
        """Numbers of the types of rows, and how many numbers there are."""
        count = self.ntypes + 1
        return (slots.neighbor, count) if one_sided else (slots.center * count + slots.neighbor, count**2)

    def _switched(self, factor, slots):
        return factor * slots.switch if self.kind.smooth else factor

    def _told(self, neighbor, center):
        """What a network is told of types: the neighbour's vector first."""
        sides = [neighbor] if self.kind.one_sided else [neighbor, center]
        return tf.concat([tf.gather(self.vectors, side) for side in sides], axis=1)

    def _jets(self, pairs, x):
        """Value and two derivatives of the network itself: [npairs, K, 3, M]."""
        centers, neighbors = np.array(pairs, np.int32).T
        told = tf.zeros([len(pairs), 0], tf.float64)
        if not self.kind.strip:
            told = tf.cast(self._told(neighbors, centers), tf.float64)
        return typed_jet(self._net().in_double(), x, told)

    def _net(self, tag: str = "") -> EmbeddingNet:
        if tag not in self._nets:
            width = self.vectors.shape.as_list()[1] * (1 if self.kind.one_sided else 2)
            n_in = width if tag else 1 if self.kind.strip else 1 + width
            self._nets[tag] = embedding_net(self._ctx, self.scope, tag, seeds=self._seeds, n_in=n_in, **self._settings)
        return self._nets[tag]

    def _excludes(self, *pair: int) -> bool:
        return any(sorted(pair) == sorted(excluded) for excluded in self.spec.exclude_types)


def mixed_features(nets: MixedNets, slots) -> RowFeatures:
    """Features of the rows of ``slots``."""
    features = nets(slots.rows[:, :1], slots.neighbor, slots.center)
    return RowFeatures(slots, features * nets.own_factor(slots) + features if nets.kind.strip else features)


def mixed_two_body(nets: MixedNets, slots):
    """Sum over the rows of an atom of row times features: -> [n, 4, M]."""
    return slots.outer(mixed_features(nets, slots).value)
