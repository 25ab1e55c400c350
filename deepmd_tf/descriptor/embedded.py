"""What the descriptors share that embed the rows of one environment matrix."""

from __future__ import annotations

import numpy as np
from dargs import Argument

from deepmd_tf.descriptor.base import KEY, Descriptor, Environment, EnvironmentTensors, describe
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.neighbors import Neighbors
from deepmd_tf.nn.nets import EmbeddingNets
from deepmd_tf.precision import network_dtype
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf


class EmbeddedDescriptor(Descriptor):
    """A descriptor made of an environment matrix and of embedding networks of one of its numbers.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    sel : list of int
        Neighbour slots per type.
    neuron : list of int
        Widths of the embedding network, the last one is M.
    resnet_dt : bool
        Trainable time steps in layers with a skip connection.
    trainable : bool
    seed : int or None
        Of the initial weights.
    type_one_side : bool
        One network per neighbour type instead of one per pair of types.
    exclude_types : list of pairs of int
        Pairs of types that do not see each other.
    set_davg_zero : bool
        Keep the mean of the environment matrix zero.
    activation_function, precision : str
        Of the networks.
    key : str
        Where the section stands in the input file, for messages.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    # Numbers in a row of the environment matrix.
    components = 4

    def __init__(
        self,
        ntypes: int,
        *,
        sel: list[int],
        rcut: float = 6.0,
        rcut_smth: float = 0.5,
        neuron=(10, 20, 40),
        resnet_dt: bool = False,
        trainable: bool = True,
        seed: int | None = None,
        type_one_side: bool = False,
        exclude_types=(),
        set_davg_zero: bool = False,
        activation_function: str = "tanh",
        precision: str = "default",
        key: str = KEY,
    ):
        self.ntypes, self.sel, self.neuron = ntypes, [int(n) for n in sel], [int(n) for n in neuron]
        self._rcut, self.rcut_smth = float(rcut), float(rcut_smth)
        self.resnet_dt, self.trainable, self.seed = resnet_dt, trainable, seed
        self.type_one_side, self.set_davg_zero = type_one_side, set_davg_zero
        self.exclude_types = [tuple(int(t) for t in pair) for pair in exclude_types]
        self.activation_function, self.precision, self.key = activation_function, precision, key
        self._check()

    @property
    def rcut(self) -> float:
        """Cutoff, Å."""
        return self._rcut

    @property
    def nnei(self) -> int:
        """Number of neighbour slots of an atom."""
        return sum(self.sel)

    def environments(self, suffix: str = "") -> list[Environment]:
        """The one environment matrix of this descriptor."""
        spec = EnvSpec(
            self.rcut, self.rcut_smth, tuple(self.sel), self.ntypes, tuple(self.exclude_types), self.set_davg_zero,
            self.components,
        )  # fmt: skip
        return [Environment(f"descrpt_attr{suffix}", spec)]

    def excluded(self, ti: int, tj: int) -> bool:
        """Whether atoms of these types do not see each other."""
        return (ti, tj) in self.exclude_types or (tj, ti) in self.exclude_types

    def nets(self, ctx) -> EmbeddingNets:
        """The networks by pair of types, or by neighbour type where they are one-sided."""
        if self.type_one_side:
            return EmbeddingNets.by_neighbor(ctx, self.sel, self.net_settings(ctx), self.seed)
        return EmbeddingNets.by_center(ctx, self.sel, self.excluded, self.net_settings(ctx), self.seed)

    def net_settings(self, ctx) -> dict:
        """Keywords of :func:`~deepmd_tf.nn.embedding.embedding_net`."""
        return dict(
            neuron=self.neuron,
            activation_function=self.activation_function,
            dtype=network_dtype(self.precision, ctx.interface),
            resnet_dt=self.resnet_dt,
            trainable=self.trainable,
        )

    def attributes(self) -> dict:
        """Sizes that readers of a model file look up below ``descrpt_attr``."""
        return {"ntypes": self.ntypes, "ndescrpt": self.components * self.nnei, "sel": self.sel}

    def environment(self, ctx, inputs) -> tuple[EnvironmentTensors, Neighbors]:
        """Add the environment matrix, and the constants that describe it, to the graph."""
        scope = f"descrpt_attr{ctx.suffix}"
        width = self.components * self.nnei
        describe(ctx, scope, self.rcut, self.attributes())
        shape, dtype = (self.ntypes, width), ctx.interface.name
        davg = ctx.weights.get(f"{scope}/t_avg", shape, dtype, None, trainable=False)
        dstd = ctx.weights.get(f"{scope}/t_std", shape, dtype, None, trainable=False)
        env = ctx.primitives.env_mat(self.components)(
            inputs.coord, inputs.type, inputs.natoms, inputs.box, inputs.mesh, davg, dstd,
            rcut=self.rcut, rcut_smth=self.rcut_smth, sel=self.sel,
        )  # fmt: skip
        tensors = EnvironmentTensors.named(ctx, env, self.nnei, self.components)
        return tensors, self._neighbors(ctx, inputs, tensors, -davg / dstd)

    def _neighbors(self, ctx, inputs, env: EnvironmentTensors, empty) -> Neighbors:
        """``empty`` [ntypes, nnei*components] is what normalisation makes of an empty slot, by type of the centre."""
        rows = tf.reshape(env.rmat, [-1, self.nnei, self.components])  # [n, nnei, c]
        nlist = tf.reshape(env.nlist, [-1, self.nnei])  # [n, nnei]
        center = tf.reshape(inputs.type[:, : inputs.nloc], [-1])  # [n]
        empty = tf.gather(tf.reshape(empty, [self.ntypes, self.nnei, self.components]), self._first_slots(), axis=1)
        if self.exclude_types and self.type_one_side:
            seen = np.array([[not self.excluded(a, b) for b in range(self.ntypes)] for a in range(self.ntypes)])
            visible = tf.gather(np.repeat(seen, self.sel, axis=1), tf.maximum(center, 0))  # [n, nnei]
            rows *= tf.cast(visible, rows.dtype)[:, :, None]
            nlist = tf.where(visible, nlist, -tf.ones_like(nlist))
            empty *= tf.cast(seen[:, :, None], empty.dtype)
        dtype = network_dtype(self.precision, ctx.interface)
        (environment,) = self.environments(ctx.suffix)
        mean, scale = (ctx.weights.values[f"{environment.scope}/{name}"] for name in ("t_avg", "t_std"))
        return Neighbors(tf.cast(rows, dtype), nlist, center, tf.cast(empty, dtype), environment.spec, mean, scale)

    def _first_slots(self) -> np.ndarray:
        """A slot of each neighbour type; the last one for a type at the end that has none."""
        return np.minimum(np.cumsum([0, *self.sel[:-1]]), self.nnei - 1)

    def _check(self) -> None:
        if len(self.sel) != self.ntypes:
            raise ConfigError(
                f"{self.key}/sel: expected {self.ntypes} numbers, one per type, found {len(self.sel)}: {self.sel}"
            )
        if min(self.sel) < 0 or not sum(self.sel):
            raise ConfigError(f"{self.key}/sel: expected numbers >= 0 that are not all 0, found {self.sel}")
        check_radii(self.rcut, self.rcut_smth, self.key)
        check_neuron(self.neuron, self.key)
        check_pairs(self.exclude_types, self.ntypes, self.key)
        if all(self.excluded(a, b) or not self.sel[b] for a in range(self.ntypes) for b in range(self.ntypes)):
            raise ConfigError(f"{self.key}/exclude_types: every pair of types is excluded, no atom sees another")
        activation(self.activation_function)
        network_dtype(self.precision, np.dtype(np.float64))


def check_radii(rcut: float, rcut_smth: float, key: str) -> None:
    """Refuse, by a ConfigError, a switch that does not begin below the cutoff."""
    if not 0.0 <= rcut_smth < rcut:
        raise ConfigError(f"{key}/rcut_smth: expected a number from 0 to below rcut = {rcut}, found {rcut_smth}")


def check_neuron(neuron, key: str) -> None:
    """Refuse, by a ConfigError, a network without layers or with empty ones."""
    if not neuron or min(neuron) < 1:
        raise ConfigError(f"{key}/neuron: expected a list of widths >= 1, found {list(neuron)}")


def check_axis_neuron(axis_neuron: int, neuron, key: str) -> None:
    """Refuse, by a ConfigError, more columns of the second factor than there are features."""
    if not 1 <= axis_neuron <= neuron[-1]:
        raise ConfigError(f"{key}/axis_neuron: expected 1 to {neuron[-1]} (last of neuron), found {axis_neuron}")


def check_pairs(pairs, ntypes: int, key: str) -> None:
    """Refuse, by a ConfigError, excluded pairs that are none, or of types that do not exist."""
    for pair in pairs:
        if len(pair) != 2 or not all(0 <= t < ntypes for t in pair):
            raise ConfigError(f"{key}/exclude_types: expected pairs of types below {ntypes}, found {list(pair)}")


def argument(name: str) -> Argument:
    """The argument of one of the keys that several descriptors have."""
    kind, default, doc = KEYS[name]
    # A seed of null and no seed are told apart in the files that other programs write.
    return Argument(name, kind, optional=True, doc=doc) if name == "seed" else _optional(name, kind, default, doc)


def _optional(name, kind, default, doc) -> Argument:
    return Argument(name, kind, optional=True, default=default, doc=doc)


KEYS = {
    "sel": (
        [list[int], str],
        "auto",
        "Neighbour slots per type: a list with one number per type, or 'auto' or 'auto:FACTOR', which takes the "
        "largest number of neighbours found in the training data times FACTOR (1.1), rounded up to a multiple of 4.",
    ),
    "rcut": (float, 6.0, "Cutoff radius, Å."),
    "rcut_smth": (float, 0.5, "Radius where the smooth switch starts, Å."),
    "neuron": (
        list[int],
        [10, 20, 40],
        "Widths of the layers of the embedding network. Layers of equal or doubled width get a skip connection.",
    ),
    "activation_function": (str, "tanh", "Activation function of the embedding network."),
    "resnet_dt": (bool, False, "Scale the layers that have a skip connection by trainable time steps."),
    "type_one_side": (bool, False, "One embedding network per neighbour type, instead of one per pair of types."),
    "precision": (
        str,
        "default",
        "Precision of the embedding network: default, float16, float32, float64 or bfloat16.",
    ),
    "trainable": (bool, True, "Whether the embedding network is trained."),
    "seed": ([int, None], None, "Seed of the initial weights."),
    "exclude_types": (list[list[int]], [], "Pairs of types that do not see each other, e.g. [[0, 1]]."),
    "set_davg_zero": (
        bool,
        False,
        "Keep the mean of the environment matrix zero; needed together with atom_ener.",
    ),
}
