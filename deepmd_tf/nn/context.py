"""What a builder of a graph is given: weights, numeric precision, names and primitives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.nn.neighbors import contract_exact, contract_found
from deepmd_tf.nn.weights import WeightStore
from deepmd_tf.ops.env_mat import prod_env_mat_a
from deepmd_tf.ops.force import prod_force_se_a
from deepmd_tf.ops.virial import prod_virial_se_a
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class Primitives:
    """The exchangeable parts of a graph. A variant (tabulated, quantised, fused) is another set.

    Attributes
    ----------
    env_mat_a : callable
        Environment matrix, see :func:`deepmd_tf.ops.env_mat.prod_env_mat_a`.
    contract : callable
        ``contract(net, neighbors) -> [n, 4, width]``, the sum over neighbours of environment row times the
        features that ``net`` makes of its first column; see :mod:`deepmd_tf.nn.neighbors`.
    force, virial : callable
        See :func:`deepmd_tf.ops.force.prod_force_se_a`, :func:`deepmd_tf.ops.virial.prod_virial_se_a`.
    """

    env_mat_a: Callable
    contract: Callable
    force: Callable
    virial: Callable


# The set of portable graphs: the ops of the field's plug-ins and stock TensorFlow, nothing else.
PORTABLE = Primitives(prod_env_mat_a, contract_exact, prod_force_se_a, prod_virial_se_a)

# The set of training graphs: with ops of our own, equal to the portable set up to rounding.
TRAINING = replace(PORTABLE, contract=contract_found)


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
    """

    ntypes: int
    weights: WeightStore
    interface: np.dtype
    primitives: Primitives = PORTABLE
    suffix: str = ""

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
