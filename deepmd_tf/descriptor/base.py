"""The interface of a descriptor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dargs import Argument

from deepmd_tf.registry import Registry
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.tf1 import tf

descriptors = Registry("descriptor", __package__)
# Where the section of a descriptor stands in the input file, unless it is part of another one.
KEY = "model/descriptor"


@dataclass(frozen=True)
class Environment:
    """An environment matrix that a descriptor needs, and whose mean and scale the statistics provide.

    Attributes
    ----------
    scope : str
        Where the statistics belong: ``scope/t_avg`` and ``scope/t_std`` [ntypes, components*sum(sel)].
    spec : EnvSpec
        What the matrix is made of.
    """

    scope: str
    spec: EnvSpec


@dataclass(frozen=True)
class EnvironmentTensors:
    """The environment matrix in the graph: what forces and virials are made of.

    Attributes
    ----------
    rmat : [nf*nloc, nnei*C], the matrix as the op gives it; gradients of the energy are taken against it
    deriv : [nf, nloc*nnei*C*3], its derivative with respect to the central atom
    rij : [nf, nloc*nnei*3], Å
    nlist : [nf, nloc*nnei] int32
    nnei : int
    components : int
        C, the numbers in a row: 4, or 1 for the radial matrix.
    """

    rmat: object
    deriv: object
    rij: object
    nlist: object
    nnei: int
    components: int = 4

    @classmethod
    def named(cls, ctx, env, nnei: int, components: int = 4) -> EnvironmentTensors:
        """The outputs ``env`` of an environment matrix op, under the node names by which other programs fetch them."""
        return cls(
            ctx.output(tf.reshape(env.descrpt, [-1, nnei * components]), "o_rmat"),
            ctx.output(env.deriv, "o_rmat_deriv"),
            ctx.output(env.rij, "o_rij"),
            ctx.output(env.nlist, "o_nlist"),
            nnei,
            components,
        )

    def force_virial(self, ctx, energy, inputs):
        """Force [nf, nall*3], virial [nf, 9] and atomic virial [nf, nall*9] of ``energy``, eV/Å and eV.

        Contract: F = -dE/dR through the chain rule over the matrix; virial of a frame is the sum over
        its neighbour pairs of force on the neighbour (rows) times distance (columns).
        """
        slope = tf.gradients(energy, self.rmat)[0]  # [nf*nloc, nnei*C]
        slope = tf.reshape(slope, [-1, inputs.nloc * self.nnei * self.components])
        sizes = dict(nnei=self.nnei, components=self.components)
        return ctx.primitives.force_virial(slope, self.deriv, self.rij, self.nlist, inputs.natoms, **sizes)


def describe(ctx, scope: str, rcut: float, sizes: dict) -> None:
    """Add the constants that readers of a model file look up below ``scope``: the cutoff, Å, and whole numbers."""
    ctx.constant(rcut, f"{scope}/rcut", ctx.interface)
    for name, value in sizes.items():
        ctx.constant(value, f"{scope}/{name}", tf.int32)


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
    # Whether numbers are rounded on the way, as devices do: the slope of the energy is the force only roughly then.
    rounded = False
    # Whether `sel` is one number, of the neighbours of all types together.
    one_list = False
    # Settings of the vectors of types that its networks are told, None where each type has networks of its own.
    type_vectors: dict | None = None
    # Whether the fitting is told the vector of the atom's type as well.
    concat_output_tebd = False

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this descriptor's section of the input file."""

    @classmethod
    def parts(cls, section: dict, key: str = KEY) -> dict[str, dict]:
        """The sections that have a cutoff and neighbour slots of their own, by path: ``section`` itself."""
        return {key: section}

    @classmethod
    def jumps(cls, section: dict) -> str:
        """Why energies jump where a neighbour crosses the cutoff, by the keys of ``section``; empty if not."""
        return ""

    @classmethod
    def turns(cls, section: dict) -> str:
        """Why energies change when the structure is rotated, by the keys of ``section``; empty if they do not."""
        return ""

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
