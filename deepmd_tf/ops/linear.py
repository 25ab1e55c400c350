"""A linear layer over many rows on our own matrix products, which are faster than TensorFlow's.

The ops are this program's own: graphs that train hold them, frozen models that other programs read do not.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def linear(x, w, b, name=None):
    """A linear layer: y = x w + b.

    Parameters
    ----------
    x : tensor [nrows, fan_in]
        float32 or float64, all of one type.
    w : tensor [fan_in, width]
    b : tensor [width]
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [nrows, width]
        With derivatives of every order.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree.
    """
    return op_module().dp_linear(x=x, w=w, b=b, name=name)
