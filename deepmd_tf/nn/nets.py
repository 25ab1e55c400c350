"""The embedding networks of a descriptor, by pair of types."""

from __future__ import annotations

from deepmd_tf.nn.embedding import EmbeddingNet, embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.nn.jet import net_jet, nets_jet

ALL = -1


class EmbeddingNets:
    """A network for each pair of types that has one. The weights of a network are made when it is first asked for.

    Make one with :meth:`by_center`, :meth:`by_neighbor` or :meth:`by_pair`.

    Parameters
    ----------
    ctx : BuildContext
        Where the weights come from.
    names : dict of (ti, tj) to (scope, tag)
        The networks in the order in which they draw their initial weights; ti is -1 where one serves all centres.
    settings : dict
        Keywords of :func:`~deepmd_tf.nn.embedding.embedding_net`: neuron, activation_function, dtype, resnet_dt,
        trainable.
    seed : int or None
    ordered : bool
        Whether (ti, tj) and (tj, ti) are different pairs.
    """

    def __init__(self, ctx, names: dict[tuple[int, int], tuple[str, str]], settings, seed, *, ordered: bool = True):
        self._ctx, self._names, self._settings, self._ordered = ctx, names, settings, ordered
        seeds = Seeds(seed)
        share = 3 * (len(settings["neuron"]) + 1)
        # Drawn now, so that the order in which networks are asked for does not matter.
        self._seeds = {key: seeds.take(share)[0] for key in names}
        self._nets: dict[tuple[int, int], EmbeddingNet] = {}

    @classmethod
    def by_center(cls, ctx, sel, excluded, settings, seed):
        """One network for each ordered pair (centre, neighbour) that sees each other."""
        pairs = [(ti, tj) for ti in range(len(sel)) for tj in range(len(sel)) if sel[tj] and not excluded(ti, tj)]
        return cls(ctx, {(i, j): (f"filter_type_{i}{ctx.suffix}", f"_{j}") for i, j in pairs}, settings, seed)

    @classmethod
    def by_neighbor(cls, ctx, sel, settings, seed):
        """One network for each type of the neighbour, for all types of the centre."""
        scope = f"filter_type_all{ctx.suffix}"
        return cls(ctx, {(ALL, j): (scope, f"_{j}") for j in range(len(sel)) if sel[j]}, settings, seed)

    @classmethod
    def by_pair(cls, ctx, sel, settings, seed):
        """One network for each unordered pair of types of two neighbours, ti <= tj."""
        scope, present = f"filter_type_all{ctx.suffix}", [t for t in range(len(sel)) if sel[t]]
        names = {(i, j): (scope, f"_{i}_{j}") for i in present for j in present if i <= j}
        return cls(ctx, names, settings, seed, ordered=False)

    @property
    def keys(self) -> list[tuple[int, int]]:
        """The pairs that have a network, in canonical order."""
        return list(self._names)

    @property
    def one_sided(self) -> bool:
        """Whether a network serves all types of the centre."""
        return any(ti == ALL for ti, _ in self._names)

    @property
    def width(self) -> int:
        """Number of features, the width of the last layer."""
        return self._settings["neuron"][-1]

    @property
    def dtype(self) -> str:
        """TensorFlow dtype name of the weights."""
        return self._settings["dtype"]

    @property
    def activation_function(self) -> str:
        """Name of the activation function."""
        return self._settings["activation_function"]

    def jets(self, x):
        """Value and two derivatives of all networks, in float64: x [nnets, K] -> [nnets, K, 3, width]."""
        return nets_jet([self.net(key).in_double() for key in self.keys], x[:, :, None])

    def key(self, ti: int, tj: int) -> tuple[int, int] | None:
        """The key of the network that serves this pair; None where there is none."""
        key = (ALL, tj) if self.one_sided else (ti, tj) if self._ordered else (min(ti, tj), max(ti, tj))
        return key if key in self._names else None

    def index(self, ti: int, tj: int) -> int:
        """Position of that network in :attr:`keys`, or -1."""
        key = self.key(ti, tj)
        return -1 if key is None else self.keys.index(key)

    def name(self, key: tuple[int, int]) -> str:
        """A name of the network that is unique in the model."""
        return "/".join(self._names[key])

    def jet(self, key: tuple[int, int], x):
        """The network of a key at x [K], with two derivatives, in float64 whatever its precision: [K, 3, M]."""
        return net_jet(self.net(key).in_double(), x[:, None])

    def net(self, key: tuple[int, int]) -> EmbeddingNet:
        """The network of a key; the first call makes its weights."""
        if key not in self._nets:
            scope, tag = self._names[key]
            self._nets[key] = embedding_net(self._ctx, scope, tag, seeds=Seeds(self._seeds[key]), **self._settings)
        return self._nets[key]
