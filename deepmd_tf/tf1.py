"""TensorFlow in graph mode, imported on first use.

``from deepmd_tf.tf1 import tf`` costs nothing, so that an input file with a typing error is refused in
a fraction of a second instead of after the seconds TensorFlow takes to load. Graphs are always built
inside ``with tf.Graph().as_default()``; the caller's eager mode is left as it is.
"""

from __future__ import annotations

import importlib
import os
import types


class _GraphMode(types.ModuleType):
    """Stands for ``tensorflow.compat.v1`` until one of its names is asked for."""

    def __getattr__(self, name: str):
        # The runtime's start-up banners would bury what this program has to say, and the other set of
        # kernels sums in an order of its own without being faster at these sizes.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        value = getattr(importlib.import_module("tensorflow.compat.v1"), name)
        self.__dict__[name] = value
        return value


tf = _GraphMode("deepmd_tf.tf1.tf")
