"""The one place of the graph layers that runs a session: for tests and self-checks of small graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deepmd_tf.tf1 import tf


def evaluate(build: Callable[..., object], feeds: Mapping[str, object], *, threads: int = 0):
    """Build a graph of placeholders, run it once and return what it computes.

    Parameters
    ----------
    build : callable
        Called with one tensor for each entry of ``feeds``, by keyword; returns a tensor or a structure of tensors.
    feeds : mapping of str to array
        The values; placeholders have their dtype and shape.
    threads : int, optional
        Threads of the session within an op; 0 leaves the choice to TensorFlow.

    Returns
    -------
    numpy.ndarray or structure of them
        The values, in the structure that ``build`` returned.
    """
    values = {name: np.asarray(value) for name, value in feeds.items()}
    with tf.Graph().as_default():
        inputs = {name: tf.placeholder(value.dtype, value.shape, name=name) for name, value in values.items()}
        outputs = build(**inputs)
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        with tf.Session(config=config) as session:
            return session.run(outputs, {inputs[name]: value for name, value in values.items()})
