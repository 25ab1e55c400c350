"""Embedding nets of one number that were replaced by tables, summed over the neighbours: ops of compressed models.

A table holds polynomials of degree 5 for each of ``width`` functions f(k, x): ``table`` [rows, 6 width], columns 6k to
6k + 5 the coefficients of 1, u, ..., u^5, where u is the distance of x from the left end of its interval. ``info``
[>= 5] is (lower, upper, max, fine step, coarse step): the rows cover [lower, upper) in fine steps and then [upper, max)
in coarse ones (``se_t``: [-max, lower) in coarse ones first). Outside, a straight line continues value and slope of
the end. All tensors are float64 or all float32; the interval is found in that arithmetic.

All four have gradients by ``em_x``, ``em`` and ``two_embed``, and these have gradients by what is given them, so that
what follows a table can be trained on forces. Each raises ``ValueError`` when the graph is built and
``tf.errors.InvalidArgumentError`` when it runs for shapes that do not agree, and the latter for a table that is
shorter than its range.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def tabulate_fusion_se_a(table, info, em_x, em, *, width, name=None):
    """Sum over neighbours: out[i, a, k] = sum_j em[i, j, a] f(k, em_x[i, j]).

    The empty slots of an atom have to be equal and to stand at its end: of the slots whose ``em_x`` is that of the last
    and whose em[1..3] are 0, the first counts for itself and all that follow it.

    Parameters
    ----------
    table, info : tensors
        See the module.
    em_x : tensor [n * nnei, 1]
        Arguments of the functions: the first column of ``em``.
    em : tensor [n, nnei, 4]
        Rows of the environment matrix.
    width : int
        Number of functions.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [n, 4, width]
    """
    return op_module().tabulate_fusion_se_a(table, info, em_x, em, last_layer_size=width, name=name)


def tabulate_fusion_se_atten(table, info, em_x, em, two_embed, *, width, is_sorted=True, name=None):
    """Sum over neighbours of all types: out[i, a, k] = sum_j em[i, j, a] f(k, em_x[i, j]) (1 + two_embed[i, j, k]).

    Parameters
    ----------
    table, info, em_x, em, width, name
        As :func:`tabulate_fusion_se_a`.
    two_embed : tensor [n * nnei, width]
        What the pair of types adds.
    is_sorted : bool
        Whether empty slots are as :func:`tabulate_fusion_se_a` expects them. If not, every slot is looked at.

    Returns
    -------
    tensor [n, 4, width]
    """
    return op_module().tabulate_fusion_se_atten(
        table, info, em_x, em, two_embed, last_layer_size=width, is_sorted=is_sorted, name=name
    )


def tabulate_fusion_se_t(table, info, em_x, em, *, width, name=None):
    """Sum over pairs of neighbours: out[i, k] = sum_p em_x[i, p] f(k, em_x[i, p]).

    Parameters
    ----------
    table, info, width, name
        As :func:`tabulate_fusion_se_a`.
    em_x : tensor [n * ni * nj, 1]
        Products of the directions of two neighbours.
    em : tensor [n, ni, nj]
        The same numbers; only the shape is read, and the derivative by the factor em_x arrives here.

    Returns
    -------
    tensor [n, width]
    """
    return op_module().tabulate_fusion_se_t(table, info, em_x, em, last_layer_size=width, name=name)


def tabulate_fusion_se_r(table, info, em, *, width, name=None):
    """Functions of each neighbour: out[i, j, k] = f(k, em[i, j]).

    Parameters
    ----------
    table, info, width, name
        As :func:`tabulate_fusion_se_a`.
    em : tensor [n, nnei]
        Arguments of the functions.

    Returns
    -------
    tensor [n, nnei, width]
    """
    return op_module().tabulate_fusion_se_r(table, info, em, last_layer_size=width, name=name)
