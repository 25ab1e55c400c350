"""Products of the columns of small matrices, by which a descriptor becomes independent of the orientation.

The op is this program's own: graphs that train hold it, frozen models that other programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def gram(x, *, columns: int, name=None):
    """Products of all columns with the first ones: d[i, k*columns + l] = sum_a x[i, a, k] x[i, a, l].

    Parameters
    ----------
    x : tensor [n, 4, width]
        float32 or float64.
    columns : int
        How many columns are the second factors, 1 to width.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [n, width*columns]
        Gradients of every order are registered.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree or too many columns.
    """
    return op_module().dp_gram(x=x, columns=columns, name=name)
