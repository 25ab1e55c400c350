"""Gated self-attention over the rows (neighbours) of each atom, without empty slots, as one op.

Of what has the size of neighbours squared, products that derivatives need again are kept, three or four such arrays a
layer; the rest is made anew. The ops are this program's own: graphs that train hold them, frozen models that other
programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


def gated_attention(
    qkv,
    e,
    s,
    empty,
    offsets,
    *,
    scale: float,
    normalize: bool,
    floor: float,
    angular: bool,
    smooth: bool,
    off_diagonal: bool,
    name: str | None = None,
):
    r"""Attention of each row to the rows of its atom, which stand from ``offsets[a]`` to ``offsets[a + 1] - 1``.

    .. math::  L_{mn} = c\, \hat q_m \cdot \hat k_n, \quad W_{mn} = \exp L_{mn} / \textstyle\sum_{n'} \exp L_{mn'},
               \quad o_m = \textstyle\sum_n W_{mn} \hat v_n

    with :math:`c` the scale and :math:`\hat x = x / \sqrt{\max(x \cdot x, f^2)}`, or x itself without ``normalize``.
    Smooth attention takes :math:`(L_{mn} + 20) s_m s_n - 20` instead of L, adds ``empty`` terms :math:`e^{-20}` to the
    sum, and multiplies the weights W by :math:`s_m s_n`.

    Parameters
    ----------
    qkv : tensor [nrows, 3*width]
        Rows of q, k and v side by side, float32 or float64; the others are of its type.
    e : tensor [nrows, 3]
        Directions, as they are; read with ``angular``.
    s : tensor [nrows]
        Switches; read with ``smooth``.
    empty : tensor [natoms]
        How many slots of each atom are empty: 0 or more, not differentiated; read with ``smooth``.
    offsets : int32 tensor [natoms + 1]
        First row of each atom, and nrows at the end: from 0, not decreasing.
    scale : float
        The factor c.
    normalize : bool
        Whether rows of q, k and v are divided by their norms.
    floor : float
        The least divisor f, 0 or more; for rows below it the divisor is a constant. A row of zeros stays one.
    angular : bool
        Whether the weights are multiplied by :math:`e_m \cdot e_n`.
    smooth : bool
        See above.
    off_diagonal : bool
        Whether the weights of rows to themselves become 0 in the end.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [nrows, width]
        Differentiable twice by qkv, e and s.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree, offsets that do not divide the rows, or an ``empty``, ``scale`` or
        ``floor`` that cannot be.
    """
    o, _ = op_module().dp_attention(
        qkv=qkv,
        e=e,
        s=s,
        empty=empty,
        offsets=offsets,
        constants=tf.constant([scale, floor], tf.float64),
        normalize=normalize,
        angular=angular,
        smooth=smooth,
        off_diagonal=off_diagonal,
        name=name,
    )
    return o
