"""The interface of an optimizer."""

from __future__ import annotations

from abc import ABC, abstractmethod

from dargs import Argument

from deepmd_tf.registry import Registry

optimizers = Registry("optimizer", __package__)


class Optimizer(ABC):
    """An optimizer: made from its section of the input file."""

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this optimizer's section of the input file."""

    @abstractmethod
    def make(self, rate):
        """The ``tf.train.Optimizer`` with learning rate ``rate``, a scalar tensor."""
