"""The standard energy model: atomic energies, their sum, forces and virials."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deepmd_tf.precision import ENERGY_DTYPE
from deepmd_tf.tf1 import tf

MODEL_VERSION = "1.1"


@dataclass(frozen=True)
class EnergyOutput:
    """Tensors of an energy model.

    Attributes
    ----------
    energy : [nf] float64, eV
    atom_energy : [nf, nloc], eV
    force : [nf, nall*3], eV/Å
    virial : [nf, 9], eV
    atom_virial : [nf, nall*9], eV, booked on the neighbour of each pair
    """

    energy: object
    atom_energy: object
    force: object
    virial: object
    atom_virial: object


class EnergyModel:
    r"""Sum of atomic energies; forces and virial by the chain rule over the environment matrix.

    .. math::  E = \sum_i E_i, \qquad F = -\partial E / \partial R, \qquad
               \Xi_{\alpha\beta} = \sum_{ij} f_{j\alpha} r_{ij\beta}

    Parameters
    ----------
    descriptor : Descriptor
    fitting : Fitting
    type_map : list of str
        Name of every type.
    type_embedding : TypeEmbedding or None
        What networks of all types are told of a type; None where each type has networks of its own.
    """

    def __init__(self, descriptor, fitting, type_map: list[str], type_embedding=None):
        self.descriptor = descriptor
        self.fitting = fitting
        self.type_map = list(type_map)
        self.type_embedding = type_embedding

    @property
    def model_type(self) -> str:
        """What the model predicts, as the model file names it."""
        return self.fitting.model_type

    def build(self, ctx, inputs) -> EnergyOutput:
        """Add the model to the graph."""
        scope = f"model_attr{ctx.suffix}"
        ctx.constant(" ".join(self.type_map), f"{scope}/tmap", tf.string)
        ctx.constant(self.model_type, f"{scope}/model_type", tf.string)
        ctx.constant(MODEL_VERSION, f"{scope}/model_version", tf.string)
        if self.type_embedding is not None:
            ctx = replace(ctx, type_vectors=self.type_embedding.build(ctx))
        features = self.descriptor.build(ctx, inputs)
        atom_energy = self.fitting.build(ctx, features.value, inputs)  # [nf, nloc]
        force, virial, atom_virial = self._derivatives(ctx, atom_energy, features.environments, inputs)
        return EnergyOutput(
            ctx.output(tf.reduce_sum(tf.cast(atom_energy, ENERGY_DTYPE.name), axis=1), "o_energy"),
            ctx.output(atom_energy, "o_atom_energy"),
            ctx.output(force, "o_force"),
            ctx.output(virial, "o_virial"),
            ctx.output(atom_virial, "o_atom_virial"),
        )

    @staticmethod
    def _derivatives(ctx, atom_energy, environments, inputs):
        parts = [env.force_virial(ctx, atom_energy, inputs) for env in environments]
        return parts[0] if len(parts) == 1 else tuple(tf.add_n(p) for p in zip(*parts))
