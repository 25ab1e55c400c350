"""Energy fitting (``ener``): the atomic energy from an atom's features."""

from __future__ import annotations

import numpy as np
from dargs import Argument

from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import ConfigError
from deepmd_tf.fitting.base import Fitting, OutputBias, fittings
from deepmd_tf.nn.activation import activation
from deepmd_tf.nn.fitting_nets import FittingNets
from deepmd_tf.precision import network_dtype
from deepmd_tf.tf1 import tf


@fittings.register("ener")
class EnerFitting(Fitting):
    r"""A network per type, or one of all types, from the descriptor and parameters to the atomic energy.

    .. math::  E_i = N^{t_i}(D_i, p, a_i) \;[- N^{t_i}(0, p, a_i)] + b_{t_i}

    with :math:`p` and :math:`a_i` the standardised frame and atomic parameters and :math:`b` the energy
    per type from least squares. One network of all types sees the vector of the type after the features.
    The term in brackets is there for types with a given ``atom_ener``, so
    that an isolated atom has exactly that energy.

    Parameters
    ----------
    ntypes, dim_descriptor : int
        Number of atom types; number of features of an atom.
    neuron : list of int
        Widths of the hidden layers.
    numb_fparam, numb_aparam : int
        Number of frame and of atomic parameters.
    trainable : bool or list of bool
        For all layers, or one per hidden layer and one for the final layer.
    atom_ener : list of (float or None)
        Energy of an isolated atom per type, eV; None where it is to be fitted.
    layer_name : list of (str or None)
        Names of layers; layers of one name share their weights.
    use_aparam_as_mask : bool
        Atomic parameters are a mask for the descriptor and no input of the network.
    type_width : int or None
        One network of all types, which is told this many numbers of a type; None for a network per type.

    Raises
    ------
    ConfigError
        A length or a value does not fit, named by its key.
    """

    model_type = "ener"
    takes_types = True

    def __init__(
        self,
        ntypes: int,
        dim_descriptor: int,
        *,
        neuron=(120, 120, 120),
        numb_fparam: int = 0,
        numb_aparam: int = 0,
        activation_function: str = "tanh",
        precision: str = "default",
        resnet_dt: bool = True,
        trainable=True,
        rcond: float | None = None,
        seed: int | None = None,
        atom_ener=(),
        layer_name=None,
        use_aparam_as_mask: bool = False,
        type_width: int | None = None,
    ):
        self.ntypes, self.dim_descriptor = ntypes, dim_descriptor
        self.neuron = [int(n) for n in neuron]
        self.numb_fparam, self.numb_aparam = int(numb_fparam), int(numb_aparam)
        self.activation_function, self.precision, self.resnet_dt = activation_function, precision, resnet_dt
        layers = len(self.neuron) + 1
        self.trainable = [trainable] * layers if isinstance(trainable, bool) else [bool(t) for t in trainable]
        self.rcond, self.seed = rcond, seed
        self.atom_ener = [None if e is None else float(e) for e in atom_ener] or [None] * ntypes
        self.layer_name = list(layer_name) if layer_name else [None] * layers
        self.use_aparam_as_mask, self.type_width = use_aparam_as_mask, type_width
        self._check()

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/fitting_net`` with type ``ener``."""
        return [
            Argument(
                "numb_fparam", int, optional=True, default=0, doc="Number of frame parameters, read from fparam.npy."
            ),
            Argument(
                "numb_aparam", int, optional=True, default=0, doc="Number of atomic parameters, read from aparam.npy."
            ),
            Argument(
                "neuron",
                list[int],
                optional=True,
                default=[120, 120, 120],
                alias=["n_neuron"],
                doc="Widths of the hidden layers. Layers of equal width get a skip connection.",
            ),
            Argument(
                "activation_function",
                str,
                optional=True,
                default="tanh",
                doc="Activation function of the hidden layers.",
            ),
            Argument(
                "precision",
                str,
                optional=True,
                default="default",
                doc="Precision of the network: default, float16, float32, float64 or bfloat16.",
            ),
            Argument(
                "resnet_dt",
                bool,
                optional=True,
                default=True,
                doc="Scale the layers that have a skip connection by trainable time steps.",
            ),
            Argument(
                "trainable",
                [bool, list[bool]],
                optional=True,
                default=True,
                doc="Whether the layers are trained: one value, or one per hidden layer and one for the last.",
            ),
            Argument(
                "rcond",
                [float, None],
                optional=True,
                default=None,
                doc="Cut-off of small singular values in the least squares for the energy per type.",
            ),
            Argument("seed", [int, None], optional=True, doc="Seed of the initial weights."),
            Argument(
                "atom_ener",
                list[float | None],
                optional=True,
                default=[],
                doc="Energy of an isolated atom of each type, eV; null where it is to be fitted.",
            ),
            Argument(
                "layer_name",
                list[str | None],
                optional=True,
                doc="Names of the layers, the last included; layers of one name share their weights, "
                "null keeps a layer its own.",
            ),
            Argument(
                "use_aparam_as_mask",
                bool,
                optional=True,
                default=False,
                doc="Take the atomic parameters as a mask of real atoms, not as an input of the network.",
            ),
        ]

    @classmethod
    def requirements(cls, section: dict) -> list[DataRequirement]:
        """Frame and atomic parameters, where the section has a number of them."""
        wanted = []
        if section["numb_fparam"]:
            wanted.append(DataRequirement("fparam", section["numb_fparam"], must=True))
        if section["numb_aparam"]:
            wanted.append(DataRequirement("aparam", section["numb_aparam"], atomic=True, must=True))
        return wanted

    def output_bias(self, suffix: str = "") -> OutputBias:
        """The energy per type."""
        return OutputBias(f"fitting_attr{suffix}/t_bias_atom_e", "energy", self.atom_ener, self.rcond)

    def standardised(self) -> dict[str, int]:
        """The parameters that enter the network."""
        widths = {"fparam": self.numb_fparam, "aparam": self.dim_aparam_in}
        return {key: width for key, width in widths.items() if width}

    @property
    def dim_aparam_in(self) -> int:
        """Number of atomic parameters that enter the network."""
        return 0 if self.use_aparam_as_mask else self.numb_aparam

    def build(self, ctx, descriptor, inputs):
        """Return the atomic energy [nf, nloc], eV; 0 for virtual atoms (type < 0).

        ``descriptor`` is [nf, nloc, dim_descriptor]; atoms are sorted by type.
        """
        scope = f"fitting_attr{ctx.suffix}"
        ctx.constant(self.numb_fparam, f"{scope}/dfparam", tf.int32)
        ctx.constant(self.numb_aparam, f"{scope}/daparam", tf.int32)
        bias = ctx.weights.get(f"{scope}/t_bias_atom_e", (self.ntypes,), ctx.interface.name, None, trainable=False)
        parameters = [*self._type_vectors(ctx, inputs), *self._parameters(ctx, inputs, scope)]
        nets = self._networks(ctx)
        types = inputs.type[:, : inputs.nloc]
        types_or_0 = tf.maximum(types, 0)
        energy = self._evaluate(ctx, nets, [descriptor, *parameters], inputs) + tf.gather(bias, types_or_0)
        given = np.array([e is not None for e in self.atom_ener])
        if self.type_width is not None:
            # A network of all types is brought to zero for all of them, as the field's programs do.
            given[:] = given.any()
        if given.any():
            vacuum = self._evaluate(ctx, nets, [tf.zeros_like(descriptor), *parameters], inputs)
            energy -= vacuum * tf.gather(tf.constant(given, ctx.interface), types_or_0)
        return energy * tf.cast(types >= 0, ctx.interface)

    def _networks(self, ctx) -> FittingNets:
        layers = range(len(self.neuron) + 1)
        return FittingNets.make(
            ctx,
            [[self._layer_scope(k, name, ctx.suffix) for k in layers] for name in self._network_names()],
            self.trainable,
            self.seed,
            n_in=self.dim_descriptor + (self.type_width or 0) + self.numb_fparam + self.dim_aparam_in,
            n_out=1,
            neuron=self.neuron,
            activation_function=self.activation_function,
            resnet_dt=self.resnet_dt,
            dtype=network_dtype(self.precision, ctx.interface),
        )

    def _network_names(self) -> list[str]:
        """What stands behind the names of the layers of each network."""
        return [f"_type_{t}" for t in range(self.ntypes)] if self.type_width is None else [""]

    def _evaluate(self, ctx, nets: FittingNets, features: list, inputs):
        """The networks on features [nf, nloc, ...] side by side: -> [nf, nloc]."""
        x = features[0] if len(features) == 1 else tf.concat(features, axis=2)
        # One network is told that all atoms are of one type.
        natoms = inputs.natoms if self.type_width is None else tf.gather(inputs.natoms, [0, 1, 0])
        energy = ctx.primitives.fitting(nets, tf.cast(x, nets.dtype), natoms)  # [nf, nloc, 1]
        return tf.cast(energy[:, :, 0], ctx.interface)

    def _type_vectors(self, ctx, inputs) -> list:
        """Of the type of each atom, [nf, nloc, type_width]; virtual atoms have that of the first type."""
        if not self.type_width:
            return []
        vectors = tf.gather(ctx.type_vectors, tf.clip_by_value(inputs.type[:, : inputs.nloc], 0, self.ntypes - 1))
        return [tf.cast(vectors, ctx.interface)]

    def _parameters(self, ctx, inputs, scope) -> list:
        """Standardised frame and atomic parameters, each [nf, nloc, n]."""
        given = []
        if self.numb_fparam:
            p = tf.reshape(inputs.fparam, [-1, 1, self.numb_fparam])
            given.append(tf.tile(self._standardise(ctx, p, f"{scope}/t_fparam", self.numb_fparam), [1, inputs.nloc, 1]))
        if self.dim_aparam_in:
            # With ghosts the atomic parameters may be given for local atoms only: they come first.
            a = tf.reshape(inputs.aparam, [inputs.nframes, -1, self.numb_aparam])[:, : inputs.nloc]
            given.append(self._standardise(ctx, a, f"{scope}/t_aparam", self.numb_aparam))
        return given

    @staticmethod
    def _standardise(ctx, x, name: str, n: int):
        mean = ctx.weights.get(f"{name}_avg", (n,), ctx.interface.name, None, trainable=False)
        istd = ctx.weights.get(f"{name}_istd", (n,), ctx.interface.name, None, trainable=False)
        return (x - mean) * istd

    def _layer_scope(self, k: int, name: str, suffix: str) -> str:
        if self.layer_name[k] is not None:
            return f"share_{self.layer_name[k]}{name}"
        layer = f"layer_{k}" if k < len(self.neuron) else "final_layer"
        return f"{layer}{name}{suffix}"

    def _check(self) -> None:
        key = "model/fitting_net"
        layers = len(self.neuron) + 1
        if not self.neuron or min(self.neuron) < 1:
            raise ConfigError(f"{key}/neuron: expected a list of widths >= 1, found {self.neuron}")
        for name, values in (("trainable", self.trainable), ("layer_name", self.layer_name)):
            if len(values) != layers:
                raise ConfigError(
                    f"{key}/{name}: expected {layers} values, one per layer and the last, found {len(values)}"
                )
        if len(self.atom_ener) != self.ntypes:
            raise ConfigError(
                f"{key}/atom_ener: expected {self.ntypes} values, one per type, found {len(self.atom_ener)}"
            )
        if min(self.numb_fparam, self.numb_aparam) < 0:
            raise ConfigError(f"{key}/numb_fparam and numb_aparam: expected numbers >= 0")
        activation(self.activation_function)
        network_dtype(self.precision, np.dtype(np.float64))
