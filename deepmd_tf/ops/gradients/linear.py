"""Gradients of the linear layer: the three ops are bilinear, and the derivatives of each are the others."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("DpLinear")
def _linear_gradient(op, grad_y):
    x, w, _ = op.inputs
    return [op_module().dp_linear_back(grad_y, w), *op_module().dp_linear_outer(x, grad_y)]


@tf.RegisterGradient("DpLinearBack")
def _back_gradient(op, grad_dx):
    dy, w = op.inputs
    no_bias = tf.zeros_like(w[0])
    return [op_module().dp_linear(grad_dx, w, no_bias), op_module().dp_linear_outer(grad_dx, dy).dw]


@tf.RegisterGradient("DpLinearOuter")
def _outer_gradient(op, grad_dw, grad_db):
    x, dy = op.inputs
    return [op_module().dp_linear_back(dy, grad_dw), op_module().dp_linear(x, grad_dw, grad_db)]
