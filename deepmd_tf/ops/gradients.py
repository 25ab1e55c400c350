"""The gradients of the native ops, registered with TensorFlow when this module is imported.

:func:`deepmd_tf.ops.library.op_module` imports it together with the ops, so that the modules that only describe
graphs stay cheap to import.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("ProdForceSeA")
def _force_gradient(op, grad):
    """The force is linear in net_deriv: its transpose is an op of its own."""
    net_deriv, deriv, nlist, natoms = op.inputs
    transposed = op_module().prod_force_se_a_grad(
        grad, net_deriv, deriv, nlist, natoms, n_a_sel=op.get_attr("n_a_sel"), n_r_sel=op.get_attr("n_r_sel")
    )
    return [transposed, None, None, None]


@tf.RegisterGradient("ProdForceSeAGrad")
def _force_second_gradient(op, grad):
    """The transpose of the transpose, for losses that hold derivatives of the force (Hessian)."""
    _, _, deriv, nlist, natoms = op.inputs
    force = op_module().prod_force_se_a(
        grad, deriv, nlist, natoms, n_a_sel=op.get_attr("n_a_sel"), n_r_sel=op.get_attr("n_r_sel")
    )
    return [force, None, None, None, None]


@tf.RegisterGradient("ProdVirialSeA")
def _virial_gradient(op, grad_virial, grad_atom_virial):
    """The transpose of the virial in net_deriv."""
    # TensorFlow fills in zeros for an output that the loss does not hold.
    if grad_atom_virial is not None and grad_atom_virial.op.type not in ("ZerosLike", "Fill", "Const"):
        raise NotImplementedError("the atomic virial has no gradient; put the virial into the loss instead")
    net_deriv, deriv, rij, nlist, natoms = op.inputs
    transposed = op_module().prod_virial_se_a_grad(
        grad_virial,
        net_deriv,
        deriv,
        rij,
        nlist,
        natoms,
        n_a_sel=op.get_attr("n_a_sel"),
        n_r_sel=op.get_attr("n_r_sel"),
    )
    return [transposed, None, None, None, None]


@tf.RegisterGradient("ProdVirialSeAGrad")
def _virial_second_gradient(op, grad):
    """The transpose of the transpose."""
    _, _, deriv, rij, nlist, natoms = op.inputs
    virial, _ = op_module().prod_virial_se_a(
        grad, deriv, rij, nlist, natoms, n_a_sel=op.get_attr("n_a_sel"), n_r_sel=op.get_attr("n_r_sel")
    )
    return [virial, None, None, None, None, None]


@tf.RegisterGradient("GeluCustom")
def _gelu_gradient(op, grad):
    return op_module().gelu_grad_custom(grad, op.inputs[0])


@tf.RegisterGradient("GeluGradCustom")
def _gelu_second_gradient(op, grad):
    dy, x = op.inputs
    return [op_module().gelu_grad_custom(grad, x), op_module().gelu_grad_grad_custom(grad, dy, x)]


@tf.RegisterGradient("DpGroupOuter")
def _group_outer_gradient(op, grad_x):
    env, feature, offsets = op.inputs
    return [
        op_module().dp_group_dot(feature, grad_x, offsets),
        op_module().dp_group_spread(env, grad_x, offsets),
        None,
    ]


@tf.RegisterGradient("DpGroupSpread")
def _group_spread_gradient(op, grad_feature):
    env, x, offsets = op.inputs
    return [
        op_module().dp_group_dot(grad_feature, x, offsets),
        op_module().dp_group_outer(env, grad_feature, offsets),
        None,
    ]


@tf.RegisterGradient("DpGroupDot")
def _group_dot_gradient(op, grad_env):
    feature, x, offsets = op.inputs
    return [
        op_module().dp_group_spread(grad_env, x, offsets),
        op_module().dp_group_outer(grad_env, feature, offsets),
        None,
    ]
