"""The interface of a descriptor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dargs import Argument

from deepmd_tf.registry import Registry
from deepmd_tf.tf1 import tf

descriptors = Registry("descriptor", __package__)


@dataclass(frozen=True)
class Environment:
    """An environment matrix that a descriptor needs, and whose mean and scale the statistics provide.

    Attributes
    ----------
    scope : str
        Where the statistics belong: ``scope/t_avg`` and ``scope/t_std`` [ntypes, 4*sum(sel)].
    rcut, rcut_smth : float
        Cutoff and start of the smooth switch, Å.
    sel : list of int
        Neighbour slots per type.
    exclude_types : list of (int, int)
        Pairs of types that do not see each other.
    set_davg_zero : bool
        Keep the mean zero.
    """

    scope: str
    rcut: float
    rcut_smth: float
    sel: list[int]
    exclude_types: list
    set_davg_zero: bool


@dataclass(frozen=True)
class EnvironmentTensors:
    """The environment matrix in the graph: what forces and virials are made of.

    Attributes
    ----------
    rmat : [nf*nloc, nnei*4], normalised matrix; gradients of the energy are taken against it
    deriv : [nf, nloc*nnei*4*3], its derivative with respect to the central atom
    rij : [nf, nloc*nnei*3], Å
    nlist : [nf, nloc*nnei] int32
    nnei : int
    """

    rmat: object
    deriv: object
    rij: object
    nlist: object
    nnei: int

    def force_virial(self, ctx, energy, inputs):
        """Force [nf, nall*3], virial [nf, 9] and atomic virial [nf, nall*9] of ``energy``, eV/Å and eV.

        Contract: F = -dE/dR through the chain rule over the matrix; virial of a frame is the sum over
        its neighbour pairs of force on the neighbour (rows) times distance (columns).
        """
        slope = tf.gradients(energy, self.rmat)[0]  # [nf*nloc, nnei*4]
        slope = tf.reshape(slope, [-1, inputs.nloc * self.nnei * 4])
        force = ctx.primitives.force(slope, self.deriv, self.nlist, inputs.natoms, nnei=self.nnei)
        virial, atom_virial = ctx.primitives.virial(
            slope, self.deriv, self.rij, self.nlist, inputs.natoms, nnei=self.nnei
        )
        return force, virial, atom_virial


@dataclass(frozen=True)
class DescriptorOutput:
    """What :meth:`Descriptor.build` returns.

    Attributes
    ----------
    value : [nf, nloc, dim_out]
    environments : list of EnvironmentTensors
        One per environment matrix; forces are the sums of their contributions.
    rotation : [nf, nloc, M*3] or None
        Equivariant vectors for dipoles and polarisabilities.
    """

    value: object
    environments: list[EnvironmentTensors]
    rotation: object = None


class Descriptor(ABC):
    """A descriptor: made from its section of the input file, asked to build its part of a graph."""

    # Whether the frames of a batch may differ in their types, as those of the mixed-type format do.
    mixed_types = False

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this descriptor's section of the input file."""

    @property
    @abstractmethod
    def rcut(self) -> float:
        """Cutoff, Å."""

    @property
    @abstractmethod
    def dim_out(self) -> int:
        """Number of features of an atom."""

    @abstractmethod
    def environments(self, suffix: str = "") -> list[Environment]:
        """The environment matrices whose statistics this descriptor needs."""

    @abstractmethod
    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph."""
