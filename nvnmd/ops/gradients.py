"""Gradients of the ops, composed of the same ops, so that gradients of every order exist.

NVNMD format, gradients. They are what the hardware computes for the forces, not the derivatives of staircases.
"""

from __future__ import annotations

from deepmd_tf.tf1 import tf
from nvnmd.ops.arithmetic import (
    add,
    dotmul,
    flt,
    map_table,
    matmul_fitnet,
    matmul_flt,
    matmul_flt2fix,
    mul,
    quantize,
)
from nvnmd.ops.descriptor import descriptor_grad, descriptor_grad_grad

DATA, SHORT = 23, 19  # fraction bits of the fitting net
UNKNOWN = 1024  # stands for a size that is not known when the graph is built
transpose = tf.linalg.matrix_transpose


@tf.RegisterGradient("FltNvnmd")
def _flt_gradient(op, grad):
    return flt(grad)


@tf.RegisterGradient("CopyFltNvnmd")
def _copy_gradient(op, first, second):
    return add(first, second)


@tf.RegisterGradient("AddFltNvnmd")
def _add_gradient(op, grad):
    both = flt(grad)  # one op: its own gradient truncates the sum of what arrives from the two
    return [both, both]


@tf.RegisterGradient("MulFltNvnmd")
def _mul_gradient(op, grad):
    x, w = op.inputs
    if x.shape.rank is None or x.shape[-1] is None or w.shape[-1] is None:
        raise ValueError(f"{op.name}: its gradient needs the sizes of the last axes, found {x.shape} and {w.shape}")
    spread = x.shape[-1] == 1 and w.shape[-1] != 1
    return [dotmul(w, grad) if spread else mul(w, grad), mul(x, grad)]


@tf.RegisterGradient("DotmulFltNvnmd")
def _dotmul_gradient(op, grad):
    x, w = op.inputs
    return [mul(grad, w), mul(grad, x)]


@tf.RegisterGradient("MatmulFltNvnmd")
def _matmul_flt_gradient(op, grad):
    x, w = op.inputs
    normx, normw = op.get_attr("normx"), op.get_attr("normw")
    dx_fixed, dw_fixed = normx >> 4 & 15, normw >> 4 & 15
    return [
        matmul_flt2fix(grad, transpose(w), nbit=DATA) if dx_fixed else _by_transposed(grad, w, normx, normw),
        matmul_flt2fix(transpose(x), grad, nbit=DATA) if dw_fixed else _of_transposed(x, grad, 1, normx),
    ]


def _by_transposed(x, w, normx: int, normw: int):
    """x w^T, or (w x^T)^T, which has the same bits, where that is less to transpose."""
    if _size(w) <= _size(x) + _rows(x) * _rows(w):
        return matmul_flt(x, transpose(w), normx=normx, normw=normw)
    return transpose(matmul_flt(w, transpose(x), normx=normw, normw=normx))


def _of_transposed(x, w, normx: int, normw: int):
    """x^T w, or (w^T x)^T, which has the same bits, where that is less to transpose."""
    if _size(x) <= _size(w) + _columns(x) * _columns(w):
        return matmul_flt(transpose(x), w, normx=normx, normw=normw)
    return transpose(matmul_flt(transpose(w), x, normx=normw, normw=normx))


def _rows(x) -> int:
    return x.shape[-2] or UNKNOWN


def _columns(x) -> int:
    return x.shape[-1] or UNKNOWN


def _size(x) -> int:
    return _rows(x) * _columns(x)


@tf.RegisterGradient("MatmulFlt2fixNvnmd")
def _matmul_flt2fix_gradient(op, grad):
    x, w = op.inputs
    return [_by_transposed(grad, w, 1, 1), _of_transposed(x, grad, 1, 1)]


@tf.RegisterGradient("MatmulFitnetNvnmd")
def _matmul_fitnet_gradient(op, grad):
    x, w = op.inputs
    bits = {name: op.get_attr(name) for name in ("nbitx", "nbitw", "normw")}
    return [matmul_fitnet(grad, transpose(w), **bits), tf.matmul(x, grad, transpose_a=True)]


@tf.RegisterGradient("MapFltNvnmd")
def _map_gradient(op, grad):
    x, _, table_grad, info = op.inputs
    slopes = map_table(x, table_grad, tf.zeros_like(table_grad), info)
    return [tf.squeeze(dotmul(slopes, grad), -1), None, None, None]


@tf.RegisterGradient("QuantizeNvnmd")
def _quantize_gradient(op, grad):
    first, second, third = (op.get_attr(f"nbit{k}") for k in (1, 2, 3))
    return quantize(grad, second, isround=op.get_attr("isround"), grad_bits=(third, first))


@tf.RegisterGradient("Tanh4FltNvnmd")
def _tanh4_gradient(op, grad):
    """g (a^2 (a/4 - 3/4) + 1), rounded downwards after each product; to its own gradient the rounding is nothing."""

    def floor(x, nbit):
        return quantize(x, nbit, isround=False)

    a = tf.minimum(tf.abs(op.inputs[0]), 2.0)
    high = floor(a, DATA)
    square = floor(high * floor(a, SHORT), SHORT)
    slope = floor(square * (high / 4 - 0.75), SHORT) + 1.0
    return floor(slope * floor(grad, DATA), DATA)


@tf.RegisterGradient("DpNvnmdDescriptor")
def _descriptor_gradient(op, grad):
    return [descriptor_grad(op, grad), *[None] * (len(op.inputs) - 1)]


@tf.RegisterGradient("DpNvnmdDescriptorGrad")
def _descriptor_grad_gradient(op, grad):
    return [descriptor_grad_grad(op, grad), *[None] * (len(op.inputs) - 1)]
