"""The GELU activation in its tanh form, as one op."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def gelu(x, name=None):
    """x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), of any shape, float32 or float64.

    Gradients of first and second order are registered. D. Hendrycks and K. Gimpel, arXiv:1606.08415.
    """
    return op_module().gelu_custom(x, name=name)
