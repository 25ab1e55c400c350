"""Gradients of the ragged contractions: each by another of them."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


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
