"""What a builder of a graph is given: weights, numeric precision, names and primitives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.nn.blockwise import radial_exact, three_body_exact, two_body_exact, two_body_found_exact
from deepmd_tf.nn.fitting_nets import fitting_at_once, fitting_by_layers
from deepmd_tf.nn.found import outer_at_once, outer_by_product
from deepmd_tf.nn.gram import gram_at_once, gram_by_product
from deepmd_tf.nn.mixed import all_slots, found_slots
from deepmd_tf.nn.typed import typed_exact, typed_sum_exact
from deepmd_tf.nn.weights import WeightStore
from deepmd_tf.ops.env_mat import prod_env_mat_a, prod_env_mat_a_mix, prod_env_mat_r
from deepmd_tf.ops.force_virial import force_virial, force_virial_by_two
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Primitives:
    """The exchangeable parts of a graph. A variant (tabulated, quantised, fused) is another set.

    The sums take (nets, neighbors, inputs): an :class:`~deepmd_tf.nn.nets.EmbeddingNets`, a
    :class:`~deepmd_tf.nn.neighbors.Neighbors` of n atoms and the :class:`ModelInput`; M is the width of the networks.

    Attributes
    ----------
    env_mat_a, env_mat_r, env_mat_mixed : callable
        Environment matrix with rows of four numbers, of one, and of four with neighbours of all types in one list, see
        :mod:`deepmd_tf.ops.env_mat`.
    force_virial : callable
        From the derivative of the energy by either, see :func:`deepmd_tf.ops.force_virial.force_virial_by_two`.
    two_body : callable
        Sum over slots of row times features of its first number: -> [n, 4, M].
    found_outer : callable
        Sum over the slots that hold a neighbour of row times features that are given, see :mod:`deepmd_tf.nn.found`.
    radial : callable
        Sum over slots of the features of the one number of a row: -> [n, M].
    three_body : callable
        Mean over pairs of slots of angle times features of the angle, summed over pairs of types: -> [n, M].
    mixed_slots : callable
        The rows that networks are evaluated for where all types are in one list, see :mod:`deepmd_tf.nn.mixed`.
    typed_features : callable
        Features of such rows by networks that are told the types, from (embedding, slots), see
        :mod:`deepmd_tf.nn.typed`.
    typed_sum : callable
        Sum over the rows of an atom of row times these features: -> [n, 4, M].
    gram : callable
        Products of all columns with the first ones, see :func:`deepmd_tf.nn.gram.gram_by_product`.
    fitting : callable
        The networks of a fitting, see :func:`deepmd_tf.nn.fitting_nets.fitting_by_layers`.
    portable : bool
        Whether the graph is for other programs, too: components with ops of their own that are not among the above
        use them only where it is not.
    """

    env_mat_a: Callable
    env_mat_r: Callable
    env_mat_mixed: Callable
    force_virial: Callable
    two_body: Callable
    found_outer: Callable
    radial: Callable
    three_body: Callable
    mixed_slots: Callable
    typed_features: Callable
    typed_sum: Callable
    gram: Callable
    fitting: Callable
    portable: bool

    def env_mat(self, components: int) -> Callable:
        """The environment matrix with rows of this many numbers, 4 or 1."""
        return {4: self.env_mat_a, 1: self.env_mat_r}[components]


# The set of portable graphs: the ops of the field's plug-ins and stock TensorFlow, nothing else.
PORTABLE = Primitives(
    env_mat_a=prod_env_mat_a,
    env_mat_r=prod_env_mat_r,
    env_mat_mixed=prod_env_mat_a_mix,
    force_virial=force_virial_by_two,
    two_body=two_body_exact,
    found_outer=outer_by_product,
    radial=radial_exact,
    three_body=three_body_exact,
    mixed_slots=all_slots,
    typed_features=typed_exact,
    typed_sum=typed_sum_exact,
    gram=gram_by_product,
    fitting=fitting_by_layers,
    portable=True,
)

# With ops of our own: sums over the neighbours that are there, all types at once, force and virial in one pass. Equal
# to the portable set up to rounding.
FOUND = replace(
    PORTABLE,
    force_virial=force_virial,
    two_body=two_body_found_exact,
    found_outer=outer_at_once,
    mixed_slots=found_slots,
    gram=gram_at_once,
    fitting=fitting_at_once,
    portable=False,
)


@dataclass(frozen=True)
class BuildContext:
    """Handed down through model, descriptor and fitting while a graph is built.

    Attributes
    ----------
    ntypes : int
        Number of atom types.
    weights : WeightStore
        Variables or constants by name.
    interface : numpy dtype
        Precision of coordinates, forces and virials.
    primitives : Primitives
        The parts that variants exchange.
    suffix : str
        Appended to the scopes of a nested model, empty for a plain one.
    type_vectors : [ntypes + 1, width] or None
        What networks of all types are told of a type; the last row, of empty neighbour slots, is zero.
    """

    ntypes: int
    weights: WeightStore
    interface: np.dtype
    primitives: Primitives = PORTABLE
    suffix: str = ""
    type_vectors: object = None

    def constant(self, value, name: str, dtype=None):
        """A constant node of exactly this name, e.g. ``descrpt_attr/rcut``."""
        with tf.name_scope(None):
            return tf.constant(value, dtype=dtype, name=name)

    def output(self, tensor, name: str):
        """Give ``tensor`` the node name by which other programs fetch it."""
        with tf.name_scope(None):
            return tf.identity(tensor, name=name + self.suffix)


@dataclass(frozen=True)
class ModelInput:
    """The tensors a model is a function of.

    Attributes
    ----------
    coord : [nf, nall*3], Å
    type : [nf, nall] int32, negative = virtual atom
    natoms : [2 + ntypes] int32, local and all atoms, then local atoms by type
    box : [nf, 9], Å, rows are lattice vectors
    mesh : int32, its length selects periodic or not
    fparam : [nf, numb_fparam] or None
    aparam : [nf, nloc*numb_aparam] or None
    """

    coord: object
    type: object
    natoms: object
    box: object
    mesh: object
    fparam: object = None
    aparam: object = None

    @property
    def nloc(self):
        """Number of local atoms per frame, a scalar tensor."""
        return self.natoms[0]

    @property
    def nframes(self):
        """Number of frames, a scalar tensor."""
        return tf.shape(self.coord)[0]

    def by_type(self, x) -> list:
        """Split [nf, nloc, ...] into the blocks of each type, [nf, natoms[2 + t], ...]; atoms are sorted by type."""
        # Not slices: the gradient of a split is one concatenation, that of slices pads each of them to full size.
        return tf.split(x, self.natoms[2:], axis=1, num=self.natoms.shape.as_list()[0] - 2)
