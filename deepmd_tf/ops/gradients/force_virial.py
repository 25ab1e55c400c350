"""Gradients of force and virial in one operation."""

from __future__ import annotations

from deepmd_tf.ops.gradients.force import refuse_atomic_virial
from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("DpForceVirial")
def _force_virial_gradient(op, grad_force, grad_virial, grad_atom_virial):
    """Both are linear in net_deriv: their transposes, added up in one op."""
    refuse_atomic_virial(grad_atom_virial)
    _, deriv, rij, nlist, natoms = op.inputs
    return [
        op_module().dp_force_virial_grad(grad_force, grad_virial, deriv, rij, nlist, natoms),
        None,
        None,
        None,
        None,
    ]


@tf.RegisterGradient("DpForceVirialGrad")
def _force_virial_second_gradient(op, grad):
    """The transpose of the transpose."""
    _, _, deriv, rij, nlist, natoms = op.inputs
    force, virial, _ = op_module().dp_force_virial(grad, deriv, rij, nlist, natoms)
    return [force, virial, None, None, None, None]
