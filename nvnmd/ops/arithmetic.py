"""The arithmetic of the quantised networks as TensorFlow ops; :mod:`nvnmd.fixed_point` defines their results.

Tensors are float64, or float32 for the same computation between conversions. Gradients of first and second order are
registered, themselves quantised (:mod:`nvnmd.ops.gradients`). All functions raise ValueError when the graph is built
and ``tf.errors.InvalidArgumentError`` when it runs, for shapes that do not agree.
"""

from __future__ import annotations

from nvnmd.ops.library import op_module


def flt(x, *, name=None):
    """x with its fraction truncated to 20 bits."""
    return op_module().flt_nvnmd(x=x, name=name)


def copy_flt(x, *, name=None):
    """:func:`flt` twice, for two readers: the gradient adds theirs by :func:`add`."""
    return op_module().copy_flt_nvnmd(x=x, name=name)


def add(x, w, *, name=None):
    """x + w of one shape."""
    return op_module().add_flt_nvnmd(x=x, w=w, name=name)


def mul(x, w, *, name=None):
    """x * w: w [..., N, M], x [..., N, M] or [..., N, 1]."""
    return op_module().mul_flt_nvnmd(x=x, w=w, name=name)


def dotmul(x, w, *, name=None):
    """Scalar products of rows, [..., N, M] -> [..., N, 1], of up to 2048 numbers."""
    return op_module().dotmul_flt_nvnmd(x=x, w=w, name=name)


def matmul_flt(x, w, *, normx: int, normw: int, name=None):
    """Matrix product of mantissas that are aligned to the largest exponent of a block.

    Parameters
    ----------
    x : tensor [H, N, M] or [N, M]
        M up to 2048.
    w : tensor [H, M, K] or [M, K]
    normx, normw : int
        Lower four bits: 0 when a matrix is a block, else each row of x, each column of w. Upper four bits: not 0
        when the gradient by x or w is :func:`matmul_flt2fix`.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [H, N, K] or [N, K]
    """
    return op_module().matmul_flt_nvnmd(x=x, w=w, normx=normx, normw=normw, name=name)


def matmul_flt2fix(x, w, *, nbit: int = 23, name=None):
    """Matrix product with each term truncated to ``nbit`` fraction bits; shapes as :func:`matmul_flt`."""
    return op_module().matmul_flt2fix_nvnmd(x=x, w=w, nbit=nbit, name=name)


def matmul_fitnet(x, w, *, nbitx: int = 23, nbitw: int = 19, normw: int, name=None):
    """Matrix product [N, M] x [M, K] of fixed point numbers, rounded downwards.

    Parameters
    ----------
    x, w : tensor
    nbitx : int
        Fraction bits of x and of the result.
    nbitw : int
        Bits of w below the largest exponent of a block.
    normw : int
        0 when w is a block, else each column of it.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [N, K]
    """
    return op_module().matmul_fitnet_nvnmd(x=x, w=w, nbitx=nbitx, nbitw=nbitw, normw=normw, name=name)


def quantize(x, nbit: int, *, isround: bool, grad_bits: tuple[int, int] = (-1, -1), name=None):
    """x with ``nbit`` fraction bits, to the nearest or downwards; negative: x itself.

    ``grad_bits`` are the fraction bits of the gradient and of the gradient of the gradient.
    """
    second, third = grad_bits
    return op_module().quantize_nvnmd(x=x, isround=int(isround), nbit1=nbit, nbit2=second, nbit3=third, name=name)


def tanh4(x, *, name=None):
    """sign(x) (a^4/16 - a^3/4 + a), a = min(|x|, 2), with 23 fraction bits."""
    return op_module().tanh4_flt_nvnmd(x=x, name=name)


def map_table(x, table, table_grad, info, *, name=None):
    """Cubic polynomials of a table.

    Parameters
    ----------
    x : tensor [N, D]
    table : tensor [R, 4*C]
        a, b, c, d of each channel.
    table_grad : tensor [R, 4*C]
        The table of the derivatives, which the gradient reads.
    info : tensor [5*S]
        Groups x0, x1, dx, N0, N1: rows N0 to N1 - 1 hold intervals of length dx from x0 on.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [N, D, C]
        Its gradient of second order is 0.
    """
    return op_module().map_flt_nvnmd(x=x, table=table, table_grad=table_grad, table_info=info, name=name)
