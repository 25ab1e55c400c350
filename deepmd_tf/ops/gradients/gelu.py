"""Gradients of gelu."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("GeluCustom")
def _gelu_gradient(op, grad):
    return op_module().gelu_grad_custom(grad, op.inputs[0])


@tf.RegisterGradient("GeluGradCustom")
def _gelu_second_gradient(op, grad):
    dy, x = op.inputs
    return [op_module().gelu_grad_custom(grad, x), op_module().gelu_grad_grad_custom(grad, dy, x)]
