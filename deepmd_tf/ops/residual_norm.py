"""Layer normalisation of the sum of two arrays as one op: a pass over memory instead of a dozen.

The ops are this program's own: graphs that train hold them, frozen models that other programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


def residual_norm(x, o, gamma, beta, *, eps: float, name: str | None = None):
    r"""Rows of x + o with mean 0 and deviation 1, scaled and shifted.

    .. math::  z = x + o, \quad y = \gamma \, (z - \bar z) / \sqrt{\overline{(z - \bar z)^2} + \epsilon} + \beta

    Means go over the columns.

    Parameters
    ----------
    x, o : tensors [nrows, width]
        float32 or float64.
    gamma, beta : tensors [width]
        Of the type of ``x``.
    eps : float
        0 or more.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [nrows, width]
        Differentiable twice by x, o, gamma and beta.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree or an ``eps`` below 0.
    """
    return op_module().dp_residual_norm(x=x, o=o, gamma=gamma, eps=tf.constant(eps, tf.float64), beta=beta, name=name)
