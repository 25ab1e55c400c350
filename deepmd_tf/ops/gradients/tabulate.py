"""Gradients of the tabulated embedding nets.

The gradient op of each is registered with its gradient by dy alone, as in all graphs of the field: a second derivative
by coordinates through a table does not exist, but training of what follows the table does.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("TabulateFusion")
@tf.RegisterGradient("TabulateFusionSeA")
def _se_a_gradient(op, dy):
    dem_x, dem = op_module().tabulate_fusion_se_a_grad(*op.inputs, dy, op.outputs[0])
    return [None, None, dem_x, dem]


@tf.RegisterGradient("TabulateFusionGrad")
@tf.RegisterGradient("TabulateFusionSeAGrad")
def _se_a_second_gradient(op, dz_x, dz_em):
    *inputs, _, descriptor = op.inputs
    dz_dy = op_module().tabulate_fusion_se_a_grad_grad(*inputs, dz_x, dz_em, descriptor, is_sorted=True)
    return [None, None, None, None, dz_dy, None]


@tf.RegisterGradient("TabulateFusionSeAtten")
def _se_atten_gradient(op, dy):
    gradients = op_module().tabulate_fusion_se_atten_grad(
        *op.inputs, dy, op.outputs[0], is_sorted=op.get_attr("is_sorted")
    )
    return [None, None, *gradients]


@tf.RegisterGradient("TabulateFusionSeAttenGrad")
def _se_atten_second_gradient(op, dz_x, dz_em, dz_two):
    *inputs, _, descriptor = op.inputs
    dz_dy = op_module().tabulate_fusion_se_atten_grad_grad(
        *inputs, dz_x, dz_em, dz_two, descriptor, is_sorted=op.get_attr("is_sorted")
    )
    return [None, None, None, None, None, dz_dy, None]


@tf.RegisterGradient("TabulateFusionSeT")
def _se_t_gradient(op, dy):
    dem_x, dem = op_module().tabulate_fusion_se_t_grad(*op.inputs, dy, op.outputs[0])
    return [None, None, dem_x, dem]


@tf.RegisterGradient("TabulateFusionSeTGrad")
def _se_t_second_gradient(op, dz_x, dz_em):
    *inputs, _, descriptor = op.inputs
    return [
        None, None, None, None,
        op_module().tabulate_fusion_se_t_grad_grad(*inputs, dz_x, dz_em, descriptor),
        None,
    ]  # fmt: skip


@tf.RegisterGradient("TabulateFusionSeR")
def _se_r_gradient(op, dy):
    return [None, None, op_module().tabulate_fusion_se_r_grad(*op.inputs, dy, op.outputs[0])]


@tf.RegisterGradient("TabulateFusionSeRGrad")
def _se_r_second_gradient(op, dz_em):
    *inputs, _, descriptor = op.inputs
    return [None, None, None, op_module().tabulate_fusion_se_r_grad_grad(*inputs, dz_em, descriptor), None]
