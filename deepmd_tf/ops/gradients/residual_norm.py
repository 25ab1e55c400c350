"""Gradients of the residual norm: each order is the next op of the family; there is no third."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("DpResidualNorm")
def _residual_norm_gradient(op, grad_y):
    x, o, gamma, eps, _ = op.inputs
    dz, dgamma, dbeta = op_module().dp_residual_norm_grad(x, o, gamma, eps, grad_y)
    return [dz, dz, dgamma, None, dbeta]


@tf.RegisterGradient("DpResidualNormGrad")
def _residual_norm_second_gradient(op, *cotangents):
    ddy, dz, dgamma = op_module().dp_residual_norm_grad_grad(*op.inputs, *cotangents)
    return [dz, dz, dgamma, None, ddy]


@tf.RegisterGradient("DpResidualNormGradGrad")
def _residual_norm_third_gradient(op, *cotangents):
    raise NotImplementedError("the residual norm has derivatives of first and second order, no third")
