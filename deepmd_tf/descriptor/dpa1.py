"""DPA-1 as a class: for use without an input file, and exchanged as a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from deepmd_tf.descriptor.dpa1_attention import made
from deepmd_tf.descriptor.dpa1_block import DescrptBlockSeAtten, unpacked
from deepmd_tf.descriptor.dpa1_types import TypeVectors, type_map_change
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.records import child

# Parameters that a descriptor hands to its block as they are.
_OF_BLOCK = (
    "rcut", "rcut_smth", "sel", "ntypes", "neuron", "axis_neuron", "tebd_dim", "tebd_input_mode", "resnet_dt",
    "type_one_side", "attn", "attn_layer", "attn_dotr", "attn_mask", "exclude_types", "env_protection",
    "set_davg_zero", "activation_function", "precision", "scaling_factor", "normalize", "temperature", "trainable_ln",
    "ln_eps", "trainable", "dialect", "first_atom_pads",
)  # fmt: skip


@dataclass
class DescrptDPA1:
    """DPA-1 with the vectors of the types.

    Parameters
    ----------
    rcut, rcut_smth, sel, ntypes, ..., ln_eps
        As of :class:`~deepmd_tf.descriptor.dpa1_block.DescrptBlockSeAtten`.
    smooth_type_embedding : bool
        ``smooth`` of the block.
    concat_output_tebd : bool
        Whether the vector of the atom's type follows its features.
    spin : None
    stripped_type_embedding : bool or None
        Older form of ``tebd_input_mode``, before which it goes.
    use_econf_tebd, use_tebd_bias : bool
        Start the vectors of the types from electron configurations; give their layer a bias.
    type_map : list of str or None
        Names of the types; elements where ``use_econf_tebd``.
    seed : int, list of int or None
        Of the initial weights: the same seed gives deepmd-kit's reference the same bits.

    Attributes
    ----------
    se_atten : DescrptBlockSeAtten
    type_embedding : TypeVectors

    Raises
    ------
    ConfigError
        A value does not fit, named by its parameter.

    Examples
    --------
    >>> descriptor = DescrptDPA1(6.0, 0.5, 120, 2, type_map=["O", "H"], seed=1)
    >>> features, rotation, *_ = descriptor.evaluate(coords, cells, atom_types)
    >>> DescrptDPA1.deserialize(descriptor.serialize())
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
    trainable: bool = True
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
    smooth_type_embedding: bool = True
    concat_output_tebd: bool = True
    spin: object = None
    stripped_type_embedding: bool | None = None
    use_econf_tebd: bool = False
    use_tebd_bias: bool = False
    type_map: list[str] | None = None
    seed: int | list[int] | None = None
    dialect: str = "reference"
    first_atom_pads: bool = False

    def __post_init__(self):
        if self.spin is not None:
            raise ConfigError("DescrptDPA1: spin: only None is supported", "Give types with spin names of their own")
        if self.stripped_type_embedding is not None:
            self.tebd_input_mode = "strip" if self.stripped_type_embedding else "concat"
        settings = {key: getattr(self, key) for key in _OF_BLOCK}
        self.se_atten = DescrptBlockSeAtten(**settings, smooth=self.smooth_type_embedding, seed=child(self.seed, 0))
        self.type_embedding = TypeVectors.drawn(
            self.ntypes, self.tebd_dim, self.use_econf_tebd, self.use_tebd_bias, self.type_map, self.precision,
            self.trainable, child(self.seed, 1),
        )  # fmt: skip

    @property
    def dim_emb(self) -> int:
        """Number of features of a neighbour, M."""
        return self.se_atten.dim_emb

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, those of its type among them."""
        return self.se_atten.dim_out + (self.tebd_dim if self.concat_output_tebd else 0)

    def evaluate(self, coords, cells, atom_types) -> tuple:
        """Run the graph.

        Parameters
        ----------
        coords : array [nf, N*3] or [nf, N, 3], Å
        cells : array [nf, 9] or [nf, 3, 3], Å, or None
            Lattice vectors as rows; None for open boundaries.
        atom_types : int array [N] or [nf, N]
            In any order; negative for virtual atoms.

        Returns
        -------
        descriptor : [nf, N, dim_out]
        rot_mat : [nf, N, M, 3]
            Equivariant vectors.
        g2, h2 : None
            In the places where other descriptors of this kind have features of neighbours.
        sw : [nf, N, nnei, 1]
            Switch, 0 in slots that hold no neighbour that is seen.
        """
        table = self.type_embedding.table()
        d, _, _, rotation, switch = self.se_atten.evaluate(coords, cells, atom_types, table)
        if self.concat_output_tebd:
            types = np.broadcast_to(atom_types, d.shape[:2])
            told = table[np.where(types < 0, self.ntypes, types)]
            d = np.concatenate([d, told.astype(d.dtype)], axis=2)
        return d, rotation, None, None, switch

    def compute_input_stats(self, merged: Iterable[Mapping]) -> None:
        """Take mean and scale of the rows from structures, see :meth:`DescrptBlockSeAtten.compute_input_stats`."""
        self.se_atten.compute_input_stats(merged)

    def change_type_map(self, type_map: list[str], model_with_new_type_stat: DescrptDPA1 | None = None) -> None:
        """Have other types, in another order: old ones keep their vectors and statistics.

        Parameters
        ----------
        type_map : list of str
        model_with_new_type_stat : DescrptDPA1, optional
            Of exactly these types, which the statistics of new ones are taken from; otherwise mean 0 and scale 1.

        Raises
        ------
        ConfigError
            There is no own type map, or a name stands twice.
        """
        change = type_map_change(self.type_map, type_map)
        given = model_with_new_type_stat
        self.type_embedding = self.type_embedding.changed(change, np.random.default_rng())
        self.se_atten.take_types(change, None if given is None else given.se_atten)
        self.exclude_types, self.ntypes, self.type_map = self.se_atten.exclude_types, len(type_map), list(type_map)

    def serialize(self) -> dict:
        """The descriptor as a dictionary of deepmd-kit's layout, version 2.

        Where deepmd-kit's reference would give other numbers for it, because the dialect is another or
        ``first_atom_pads`` is, a key of our own says so, which that program refuses.
        """
        own = ("smooth_type_embedding", "concat_output_tebd", "use_econf_tebd", "use_tebd_bias", "type_map", "spin")
        return {
            "@class": "Descriptor", "type": "dpa1", "@version": 2, **self.se_atten.entries(),
            **{key: getattr(self, key) for key in own}, "type_embedding": self.type_embedding.serialize(),
        }  # fmt: skip

    @classmethod
    def deserialize(cls, data: Mapping, dialect: str | None = None) -> DescrptDPA1:
        """The descriptor of a dictionary.

        Parameters
        ----------
        data : mapping
            Of versions 1 to 4; of deepmd-kit, it is read as that reads it: where the mean is not zero, empty slots
            have the type of the first atom.
        dialect : str, optional
            What holds where the dictionary does not say; "tensorflow" for one that a TensorFlow model of deepmd-kit
            wrote, which does not tell itself from one of the reference.

        Raises
        ------
        ModelFormatError
            A key is missing or not known, a version is not read, or the dictionary is compressed or has an lmax
            beyond 1.
        """
        settings, parts, dialect = unpacked(data, cls.__name__, 4, dialect)
        if "type_embedding" not in settings or "tebd_input_mode" not in settings:
            raise ModelFormatError(f"{cls.__name__}: the dictionary has no type_embedding or tebd_input_mode")
        types = TypeVectors.deserialize(settings.pop("type_embedding"))
        settings.setdefault("use_tebd_bias", True)
        descriptor = made(cls, settings, dialect)
        descriptor.se_atten.take(parts)
        descriptor.type_embedding = types
        return descriptor
