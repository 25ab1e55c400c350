"""The Adam optimizer."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.errors import ConfigError
from deepmd_tf.tf1 import tf
from deepmd_tf.train.optimizer.base import Optimizer, optimizers


@optimizers.register("Adam")
class Adam(Optimizer):
    """Adam (D. P. Kingma and J. Ba, arXiv 1412.6980) with epsilon 1e-8.

    Parameters
    ----------
    adam_beta1, adam_beta2 : float
        Decay of the first and second moment.
    weight_decay : float
        Only 0: Adam without decay is what the TensorFlow programs of the field have.

    Raises
    ------
    ConfigError
        A value is out of range.
    """

    def __init__(self, *, adam_beta1: float = 0.9, adam_beta2: float = 0.999, weight_decay: float = 0.0):
        for key, value in (("adam_beta1", adam_beta1), ("adam_beta2", adam_beta2)):
            if not 0.0 <= value < 1.0:
                raise ConfigError(f"optimizer/{key}: expected a number from 0 to below 1, found {value}")
        if weight_decay != 0.0:
            raise ConfigError(f"optimizer/weight_decay: only 0.0 is supported with Adam, found {weight_decay}")
        self.beta1, self.beta2 = adam_beta1, adam_beta2

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``optimizer`` with type ``Adam``."""
        return [
            Argument("adam_beta1", float, optional=True, default=0.9, doc="Decay of the first moment."),
            Argument("adam_beta2", float, optional=True, default=0.999, doc="Decay of the second moment."),
            Argument("weight_decay", float, optional=True, default=0.0, doc="Weight decay; only 0 is supported."),
        ]

    def make(self, rate):
        """The ``tf.train.Optimizer`` with learning rate ``rate``."""
        return tf.train.AdamOptimizer(rate, self.beta1, self.beta2, epsilon=1e-8)
