"""Gradients of the attention, of first and second order; there is no third.

The second order goes through the graph twice, and the ops go with it: forward with tangents (DpAttentionTangent), then
backward once for both gradients together (DpAttentionSecond). So what the inputs of DpAttentionGrad owe to it is not
told to them but to DpAttention, in the name of the gradient of ``qk``: an op that nobody runs, whose inputs tell all.
"""

from __future__ import annotations

from deepmd_tf.ops.gradients.zero import is_zero
from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf

OPTIONS = ("normalize", "angular", "smooth", "off_diagonal")
SHARED = 6  # inputs that all ops of the family begin with
NOTE = "IdentityN"


@tf.RegisterGradient("DpAttention")
def _attention_gradient(op, grad_o, grad_qk):
    if is_zero(grad_qk):
        dqkv, de, ds, _ = op_module().dp_attention_grad(*op.inputs, op.outputs[1], grad_o, **_options(op))
    elif grad_qk.op.type == NOTE:
        dov, left, right, d_o, *tangents = grad_qk.op.inputs
        dqkv, de, ds = op_module().dp_attention_second(
            *op.inputs, op.outputs[1], dov, left, right, d_o, grad_o, *tangents, **_options(op)
        )
    else:
        raise NotImplementedError("the products of queries and keys are for the attention's gradients alone")
    return [dqkv, de, ds, None, None, None]


@tf.RegisterGradient("DpAttentionGrad")
def _attention_second_gradient(op, *cotangents):
    *tangents, grad_dov = cotangents
    if not is_zero(grad_dov):
        raise NotImplementedError("the products of values and gradients are for the attention's gradients alone")
    *shared, qk, d_o = op.inputs
    dd_o, left, right = op_module().dp_attention_tangent(*shared, qk, *tangents, **_options(op))
    note, *_ = tf.raw_ops.IdentityN(input=[op.outputs[3], left, right, d_o, *tangents])
    return [None] * SHARED + [note, dd_o]


@tf.RegisterGradient("DpAttentionTangent")
@tf.RegisterGradient("DpAttentionSecond")
def _attention_third_gradient(op, *cotangents):
    raise NotImplementedError("the attention has derivatives of first and second order, no third")


def _options(op) -> dict[str, bool]:
    return {name: op.get_attr(name) for name in OPTIONS}
