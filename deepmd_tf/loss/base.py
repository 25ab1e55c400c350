"""The interface of a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dargs import Argument

from deepmd_tf.registry import Registry
from deepmd_tf.tf1 import tf

losses = Registry("loss", __package__)


@dataclass(frozen=True)
class LossOutput:
    """What :meth:`Loss.build` returns.

    Attributes
    ----------
    total : scalar
        The number that training makes small.
    errors : dict of str to scalar
        Errors for the learning curve, without prefactors, in the order of its columns; NaN where the
        data hold no label. ``rmse`` is the root of the total.
    """

    total: object
    errors: dict


class Loss(ABC):
    """A loss: made from its section of the input file, asked to build its part of a graph."""

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this loss's section of the input file."""

    @abstractmethod
    def requirements(self) -> list:
        """The labels to read, as :class:`deepmd_tf.data.requirement.DataRequirement`."""

    @abstractmethod
    def build(self, prediction, labels: dict, real, lr_ratio) -> LossOutput:
        """Add the loss to the graph.

        Parameters
        ----------
        prediction : EnergyOutput
        labels : dict of str to tensor
            Labels by key and ``find_KEY`` flags, 1 where the batch has the label and 0 where not.
        real : [nf, N] bool
            False for virtual atoms, which have no part in any mean and do not count as atoms. The loss of a batch is
            the mean of those of its frames.
        lr_ratio : scalar
            Learning rate over its start value, which moves the prefactors.
        """


@dataclass(frozen=True)
class Prefactor:
    """A weight that goes from ``start`` to ``limit`` as the learning rate decays to zero."""

    start: float
    limit: float

    def __bool__(self) -> bool:
        return self.start != 0.0 or self.limit != 0.0

    def at(self, lr_ratio):
        """``limit + (start - limit) * lr / start_lr`` as a tensor."""
        return self.limit + (self.start - self.limit) * lr_ratio


def label_or_nan(value, found):
    """``value`` where the batch has the label (``found`` is 1), NaN where not."""
    return tf.where(found > 0.5, value, tf.fill(tf.shape(value), tf.constant(float("nan"), value.dtype)))
