"""Ragged contractions over the rows (neighbours) of each group (atom), without empty slots.

Group i owns the rows ``offsets[i]`` to ``offsets[i + 1] - 1``; g(j) is the group of row j. The three ops are bilinear
and the gradient of each by either dense input is another of them, so gradients of every order are registered:

    ===========  ==============================  ===========================  =====================================
    op           value                           gradient by the first input  gradient by the second
    ===========  ==============================  ===========================  =====================================
    group_outer  x = sum env (x) feature         group_dot(feature, dx)       feature: group_spread(env, dx)
    group_spread feature = env . x               group_dot(dfeature, x)       x: group_outer(env, dfeature)
    group_dot    env = x . feature               group_spread(denv, x)        x: group_outer(denv, feature)
    ===========  ==============================  ===========================  =====================================

The ops are this program's own: graphs that train hold them, frozen models that other programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def group_outer(env, feature, offsets, name=None):
    """Sum of the outer products of the rows of each group: x[i, a, k] = sum_j env[j, a] feature[j, k].

    Parameters
    ----------
    env : tensor [nrows, 4]
        float32 or float64.
    feature : tensor [nrows, width]
        Of the type of ``env``.
    offsets : int32 tensor [ngroups + 1]
        First row of each group, and nrows at the end: from 0, not decreasing.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [ngroups, 4, width]
        0 for an empty group.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree or offsets that do not divide the rows into groups.
    """
    return op_module().dp_group_outer(env=env, feature=feature, offsets=offsets, name=name)


def group_spread(env, x, offsets, name=None):
    """The matrix of its group applied to each row: feature[j, k] = sum_a env[j, a] x[g(j), a, k].

    Parameters
    ----------
    env, offsets, name
        As :func:`group_outer`; raises what that raises.
    x : tensor [ngroups, 4, width]

    Returns
    -------
    tensor [nrows, width]
    """
    return op_module().dp_group_spread(env=env, x=x, offsets=offsets, name=name)


def group_dot(feature, x, offsets, name=None):
    """The transposed matrix of its group applied to each row: env[j, a] = sum_k feature[j, k] x[g(j), a, k].

    Parameters
    ----------
    feature, offsets, name
        As :func:`group_outer`; raises what that raises.
    x : tensor [ngroups, 4, width]

    Returns
    -------
    tensor [nrows, 4]
    """
    return op_module().dp_group_dot(feature=feature, x=x, offsets=offsets, name=name)
