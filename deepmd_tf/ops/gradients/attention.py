"""Gradients of the attention: each order is the next op of the family; there is no third."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf

OPTIONS = ("normalize", "angular", "smooth", "off_diagonal")


@tf.RegisterGradient("DpAttention")
def _attention_gradient(op, grad_o):
    gradients = op_module().dp_attention_grad(*op.inputs, grad_o, **_options(op))
    return [*gradients, None, None, None]


@tf.RegisterGradient("DpAttentionGrad")
def _attention_second_gradient(op, *cotangents):
    by_cotangent, *gradients = op_module().dp_attention_grad_grad(*op.inputs, *cotangents, **_options(op))
    return [*gradients, None, None, None, by_cotangent]


@tf.RegisterGradient("DpAttentionGradGrad")
def _attention_third_gradient(op, *cotangents):
    raise NotImplementedError("the attention has derivatives of first and second order, no third")


def _options(op) -> dict[str, bool]:
    return {name: op.get_attr(name) for name in OPTIONS}
