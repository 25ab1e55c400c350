"""Gradients of the products of columns: a quadratic form, its derivative, and the transpose of that."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("DpGram")
def _gram_gradient(op, grad):
    return op_module().dp_gram_spread(grad, op.inputs[0], columns=op.get_attr("columns"))


@tf.RegisterGradient("DpGramPair")
def _pair_gradient(op, grad):
    x, y = op.inputs
    spread = op_module().dp_gram_spread
    return [spread(grad, other, columns=op.get_attr("columns")) for other in (y, x)]


@tf.RegisterGradient("DpGramSpread")
def _spread_gradient(op, grad):
    d, y = op.inputs
    columns = op.get_attr("columns")
    return [op_module().dp_gram_pair(grad, y, columns=columns), op_module().dp_gram_spread(d, grad, columns=columns)]
