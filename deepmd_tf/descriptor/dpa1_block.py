"""The part of DPA-1 that is given the vectors of the types, as a class: for use without an input file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from deepmd_tf.descriptor.dpa1_attention import NeighborGatedAttention, made
from deepmd_tf.descriptor.se_atten import DescrptSeAtten
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.context import BuildContext, ModelInput
from deepmd_tf.nn.dialect import DIALECTS, NODE
from deepmd_tf.nn.mixed import AllSlots
from deepmd_tf.nn.records import NetRecord, child, dtype_name, opened
from deepmd_tf.nn.type_map import TypeMapChange
from deepmd_tf.nn.weights import FrozenWeights
from deepmd_tf.ops.session import evaluate
from deepmd_tf.stat.env import statistics_of_frames
from deepmd_tf.tf1 import tf

# What a dictionary tells of a block beside its weights, and what it tells of a descriptor under another name.
SCALARS = (
    "rcut", "rcut_smth", "ntypes", "axis_neuron", "tebd_dim", "tebd_input_mode", "set_davg_zero", "attn", "attn_layer",
    "attn_dotr", "attn_mask", "activation_function", "resnet_dt", "scaling_factor", "normalize", "temperature",
    "trainable_ln", "ln_eps", "trainable", "type_one_side", "exclude_types", "env_protection",
)  # fmt: skip
PARTS = ("embeddings", "embeddings_strip", "attention_layers", "@variables")
# A key of our own, where a descriptor is not what the reference would make of the rest.
PADS = "first_atom_pads"


@dataclass
class DescrptBlockSeAtten:
    """DPA-1 given the vectors of the types; equations as of :class:`~deepmd_tf.descriptor.se_atten.DescrptSeAtten`.

    Parameters
    ----------
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    sel : int or list of int
        Slots of an atom for neighbours of all types, nnei; a list is summed.
    ntypes : int
    neuron : list of int
        Widths of the embedding networks, the last one is M.
    axis_neuron : int
        Columns of the second factor.
    tebd_dim : int
        Numbers in the vector of a type.
    tebd_input_mode : {"concat", "strip"}
    attn_mask : bool
        Only False.
    smooth : bool
        Whether attention, and what ``strip`` multiplies by, vanish smoothly at the cutoff.
    precision : {"default", "float16", "float32", "float64"}
    seed : int, list of int or None
        Of the initial weights: the same seed gives deepmd-kit's reference the same bits.
    dialect : {"reference", "tensorflow"}
        Which of the two readings holds, see :mod:`deepmd_tf.nn.dialect`.
    first_atom_pads : bool
        Whether empty slots have the type of the first atom of the frame, a defect of deepmd-kit's reference that
        matters only where ``mean`` is not zero.

    The others mean what the keys of the input file mean.

    Attributes
    ----------
    mean, stddev : [ntypes, nnei, 4]
        By which rows are normalised.
    embeddings, embeddings_strip : NetRecord (or None)
    dpa1_attention : NeighborGatedAttention

    Raises
    ------
    ConfigError
        A value does not fit, named by its parameter.
    """

    rcut: float
    rcut_smth: float
    sel: int | list[int]
    ntypes: int
    neuron: list[int] = field(default_factory=lambda: [25, 50, 100])
    axis_neuron: int = 8
    tebd_dim: int = 8
    tebd_input_mode: str = "concat"
    resnet_dt: bool = False
    type_one_side: bool = False
    attn: int = 128
    attn_layer: int = 2
    attn_dotr: bool = True
    attn_mask: bool = False
    exclude_types: list[tuple[int, int]] = field(default_factory=list)
    env_protection: float = 0.0
    set_davg_zero: bool = False
    activation_function: str = "tanh"
    precision: str = "float64"
    scaling_factor: float = 1.0
    normalize: bool = True
    temperature: float | None = None
    trainable_ln: bool = True
    ln_eps: float | None = 1e-5
    smooth: bool = True
    seed: int | list[int] | None = None
    trainable: bool = True
    dialect: str = "reference"
    first_atom_pads: bool = False

    def __post_init__(self):
        name = "DescrptBlockSeAtten"
        if self.attn_mask:
            raise ConfigError(
                f"{name}: attn_mask = True is not supported: deepmd-kit's reference refuses it",
                "Of the descriptor 'se_atten' in an input file it is an option",
            )
        for key, known in (("tebd_input_mode", ("concat", "strip")), (NODE, DIALECTS)):
            if getattr(self, key) not in known:
                raise ConfigError(f"{name}: {key}: expected one of {', '.join(known)}, found {getattr(self, key)!r}")
        if self.ln_eps is None:
            self.ln_eps = DIALECTS[self.dialect].ln_eps
        self.sel = [self.sel] if not isinstance(self.sel, (list, tuple)) else list(self.sel)
        self.neuron, self.exclude_types = list(self.neuron), list(self.exclude_types)
        dtype = dtype_name(self.precision)
        self.nnei = self._component().nnei
        net = dict(activation=self.activation_function, resnet_dt=self.resnet_dt, precision=dtype,
                   trainable=self.trainable)  # fmt: skip
        told, strip = self.tebd_dim * (1 if self.type_one_side else 2), self.tebd_input_mode == "strip"
        self.embeddings = NetRecord.drawn(1 if strip else 1 + told, self.neuron, child(self.seed, 0), **net)
        self.embeddings_strip = NetRecord.drawn(told, self.neuron, child(self.seed, 1), **net) if strip else None
        self.dpa1_attention = NeighborGatedAttention(
            self.attn_layer, self.nnei, self.dim_emb, self.attn, self.attn_dotr, False, self.scaling_factor,
            self.normalize, self.temperature, self.trainable_ln, self.ln_eps, self.smooth, self.precision,
            child(self.seed, 2), self.trainable, self.dialect,
        )  # fmt: skip
        self.mean, self.stddev = (np.full((self.ntypes, self.nnei, 4), x, dtype) for x in (0.0, 1.0))

    @property
    def dim_emb(self) -> int:
        """Number of features of a neighbour, M."""
        return self.neuron[-1]

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, M times axis_neuron."""
        return self.neuron[-1] * self.axis_neuron

    def evaluate(self, coords, cells, atom_types, type_embedding) -> tuple:
        """Run the graph.

        Parameters
        ----------
        coords : array [nf, N*3] or [nf, N, 3], Å
        cells : array [nf, 9] or [nf, 3, 3], Å, or None
            Lattice vectors as rows; None for open boundaries.
        atom_types : int array [N] or [nf, N]
            In any order; negative for virtual atoms.
        type_embedding : array [ntypes + 1, tebd_dim]
            Vectors of the types, and zeros.

        Returns
        -------
        D : [nf, N, dim_out]
        g2 : [nf, N, nnei, M]
            Final features of the neighbours, the nearest first.
        h2 : [nf, N, nnei, 3]
            Directional part of the normalised rows, as before exclusion.
        rot_mat : [nf, N, M, 3]
        sw : [nf, N, nnei, 1]
            Switch, 0 in slots that hold no neighbour that is seen.
        """
        types = np.atleast_2d(np.asarray(atom_types, np.int32))
        natoms = types.shape[1]
        coord = np.asarray(coords, np.float64).reshape(-1, natoms * 3)
        box = np.tile(np.eye(3).ravel(), (len(coord), 1)) if cells is None else np.reshape(cells, (-1, 9))
        feeds = {
            "coord": coord,
            "box": np.broadcast_to(np.asarray(box, np.float64), (len(coord), 9)),
            "types": np.broadcast_to(types, (len(coord), natoms)),
        }
        length = 1 if cells is None else 7

        def build(coord, box, types):
            counts = tf.constant([natoms, natoms, natoms, *[0] * (self.ntypes - 1)], tf.int32)
            inputs = ModelInput(coord, types, counts, box, tf.zeros([length], tf.int32))
            ctx = BuildContext(self.ntypes, FrozenWeights(self._weights()), np.dtype(np.float64))
            return self._build(replace(ctx, type_vectors=tf.constant(type_embedding)), inputs)

        found = evaluate(build, feeds)
        nf, nnei, m = len(coord), self.nnei, self.dim_emb
        shapes = (self.dim_out,), (nnei, m), (nnei, 3), (m, 3), (nnei, 1)
        return tuple(np.float64(x).reshape(nf, natoms, *shape) for x, shape in zip(found, shapes))

    def _build(self, ctx, inputs) -> tuple:
        """D, g2, h2, rot_mat and sw as tensors."""
        component, dtype = self._component(), dtype_name(self.precision)
        environment = component.environment()
        tensors, seen = environment.see(ctx, inputs, dtype)
        types = tf.reshape(inputs.type, [-1])
        real = tf.cast(types >= 0, seen.rows.dtype)[:, None, None]
        # A virtual atom has the vector of empty slots, and rows of zeros.
        center = tf.where(types < 0, tf.fill(tf.shape(types), self.ntypes), types)
        seen = replace(seen, center=center, rows=seen.rows * real)
        plain = seen
        if self.exclude_types:
            _, plain = replace(environment, exclude_types=()).see(ctx, inputs, dtype)
        slots = AllSlots(seen)
        g = tf.reshape(component.embedding(ctx).rows(slots), [-1, self.nnei, self.dim_emb])
        g = self.dpa1_attention.build(g, live=seen.live, direction=seen.direction, switch=seen.switch)
        output = component.output(ctx, inputs, tensors, slots.outer(tf.reshape(g, [-1, self.dim_emb])))
        return output.value, g, plain.rows[:, :, 1:] * real, output.rotation, seen.switch

    def _component(self) -> DescrptSeAtten:
        keys = [key for key in SCALARS if key not in ("ntypes", "set_davg_zero", "trainable_ln", "attn_mask")]
        return DescrptSeAtten(
            self.ntypes, sel=self.sel, neuron=self.neuron, precision=dtype_name(self.precision),
            smooth_type_embedding=self.smooth, dialect=self.dialect, first_atom_pads=self.first_atom_pads,
            key=type(self).__name__, **{key: getattr(self, key) for key in keys},
        )  # fmt: skip

    def _weights(self) -> dict[str, np.ndarray]:
        """The arrays by their names in a graph (contract C.7), but those of the attention."""
        found = self.embeddings.weights("filter_type_all")
        if self.embeddings_strip is not None:
            tag = "_one_side_ebd" if self.type_one_side else "_two_side_ebd"
            found |= self.embeddings_strip.weights("filter_type_all", tag)
        arrays = {"t_avg": self.mean, "t_std": self.stddev}
        return found | {f"descrpt_attr/{name}": np.reshape(x, (self.ntypes, -1)) for name, x in arrays.items()}

    def compute_input_stats(self, merged: Iterable[Mapping]) -> None:
        """Take ``mean`` and ``stddev`` from structures.

        As :func:`deepmd_tf.stat.env.statistics_of_frames`, and a scale of 0.1 for a type without atoms; with
        ``set_davg_zero``, ``mean`` stays as it is.

        Parameters
        ----------
        merged : iterable of mappings
            ``coord`` [nf, N, 3], Å, ``atype`` [nf, N] or [N], ``box`` [nf, 3, 3] or None.

        Raises
        ------
        ConfigError
            A system has pairs to exclude of its own.
        """
        frames = []
        for system in merged() if callable(merged) else merged:
            if len(system.get("pair_exclude_types") or ()):
                raise ConfigError("compute_input_stats: pair_exclude_types is not supported", "Take exclude_types")
            types, box = np.atleast_2d(np.asarray(system["atype"], np.int32)), system.get("box")
            coord = np.asarray(system["coord"], np.float64).reshape(-1, 3 * types.shape[1])
            types = np.broadcast_to(types, (len(coord), types.shape[1]))
            frames.append((coord, types, None if box is None else np.asarray(box, np.float64).reshape(-1, 9)))
        (environment,) = self._component().environments()
        shape = self.mean.shape
        mean, scale = statistics_of_frames(frames, replace(environment.spec, set_davg_zero=False), unseen=0.1)
        if not self.set_davg_zero:
            self.mean = mean.reshape(shape).astype(self.mean.dtype)
        self.stddev = scale.reshape(shape).astype(self.stddev.dtype)

    def take_types(self, change: TypeMapChange, given: DescrptBlockSeAtten | None = None) -> None:
        """Have other types: rows of statistics go with their type; new ones have those of ``given``, or 0 and 1."""
        self.mean = change.rows(self.mean, 0.0 if given is None else given.mean)
        self.stddev = change.rows(self.stddev, 1.0 if given is None else given.stddev)
        self.exclude_types, self.ntypes = change.pairs(self.exclude_types), len(change.new)

    def entries(self) -> dict:
        """What the dictionaries of the block and of a descriptor around it have in common."""
        found = {key: getattr(self, key) for key in SCALARS}
        found |= {"sel": self.sel, "neuron": self.neuron, "precision": dtype_name(self.precision)}
        found["embeddings"] = self.embeddings.collection(self.ntypes)
        if self.embeddings_strip is not None:
            found["embeddings_strip"] = self.embeddings_strip.collection(self.ntypes)
        found["attention_layers"] = self.dpa1_attention.serialize()
        found["env_mat"] = {"rcut": self.rcut, "rcut_smth": self.rcut_smth, "protection": self.env_protection,
                            "use_exp_switch": False}  # fmt: skip
        found["@variables"] = {"davg": self.mean, "dstd": self.stddev}
        if self.dialect != "reference":
            found[NODE] = self.dialect
        if np.any(self.mean) and self.first_atom_pads != (self.dialect == "reference"):
            found[PADS] = self.first_atom_pads
        return found

    def take(self, parts: Mapping) -> None:
        """Take the weights that stand under :data:`PARTS` in a dictionary."""
        self.embeddings = NetRecord.from_collection(parts["embeddings"])
        if self.tebd_input_mode == "strip":
            if "embeddings_strip" not in parts:
                raise ModelFormatError(f"{type(self).__name__}: the dictionary has no embeddings_strip")
            self.embeddings_strip = NetRecord.from_collection(parts["embeddings_strip"])
        self.dpa1_attention = NeighborGatedAttention.deserialize(parts["attention_layers"], self.dialect)
        self.mean, self.stddev = parts["@variables"]["davg"], parts["@variables"]["dstd"]

    def serialize(self) -> dict:
        """The block as a dictionary of deepmd-kit's layout."""
        return {"@class": "DescriptorBlock", "type": "dpa1", "@version": 1, "smooth": self.smooth, **self.entries()}

    @classmethod
    def deserialize(cls, data: Mapping, dialect: str | None = None) -> DescrptBlockSeAtten:
        """The block of a dictionary; parameters and errors as
        :meth:`deepmd_tf.descriptor.dpa1.DescrptDPA1.deserialize`."""
        settings, parts, dialect = unpacked(data, cls.__name__, 2, dialect)
        block = made(cls, settings, dialect)
        block.take(parts)
        return block


def unpacked(data: Mapping, what: str, newest: int, dialect: str | None) -> tuple[dict, dict, str]:
    """Parameters, weights and dialect of the dictionary of a block or descriptor.

    Raises
    ------
    ModelFormatError
        A key is missing, or the dictionary needs what is not there.
    """
    found = opened(data, what, ["embeddings", "attention_layers", "@variables"], newest, None)
    if "compress" in found:
        raise ModelFormatError(f"{what}: compressed dictionaries are not read", "Give the one it was made from")
    if found.pop("lmax", 1) != 1:
        raise ModelFormatError(f"{what}: lmax = {data['lmax']} is not supported, only 1")
    parts = {key: found.pop(key) for key in PARTS if key in found}
    for key in ("@class", "type", "env_mat"):
        found.pop(key, None)
    dialect = found.pop(NODE, dialect or "reference")
    found.setdefault(PADS, dialect == "reference" and bool(np.any(parts["@variables"]["davg"])))
    return found, parts, dialect
