"""The activation of the device: a polynomial in the place of tanh."""

from __future__ import annotations

from deepmd_tf.tf1 import tf


def tanh4(x):
    r""":math:`\text{sign}(x)\,(a^4/16 - a^3/4 + a)` with :math:`a = \min(|x|, 2)`, element by element.

    At 2 it reaches 1 with a slope of 0, at 0 its slope is 1; the second derivative is continuous but at 0, where it
    is 0 from either side. Source: NVNMD format, activation tanh4.
    """
    a = tf.minimum(tf.abs(x), 2.0)
    return tf.sign(x) * (((a / 16.0 - 0.25) * a * a + 1.0) * a)
