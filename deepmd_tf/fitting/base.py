"""The interface of a fitting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dargs import Argument

from deepmd_tf.registry import Registry

fittings = Registry("fitting", __package__)


@dataclass(frozen=True)
class OutputBias:
    """A constant per type that the statistics provide by least squares over frames.

    Attributes
    ----------
    weight : str
        Name of the weight it becomes, [ntypes].
    label : str
        Key of the label that it explains.
    given : list of (float or None)
        Values that are fixed, per type.
    rcond : float or None
        Cut-off of small singular values.
    """

    weight: str
    label: str
    given: list
    rcond: float | None


class Fitting(ABC):
    """A fitting: made from its section of the input file, asked to build its part of a graph."""

    # What `model_attr/model_type` says of a model with this fitting.
    model_type: str
    # Whether it can be one network of all types, made with the keyword `type_width`, numbers that tell the type.
    takes_types = False

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this fitting's section of the input file."""

    @classmethod
    @abstractmethod
    def requirements(cls, section: dict) -> list:
        """What the fitting of this section reads beside coordinates, as ``DataRequirement``."""

    @abstractmethod
    def output_bias(self, suffix: str = "") -> OutputBias | None:
        """The constant per type to take from the data, if there is one."""

    @abstractmethod
    def standardised(self) -> dict[str, int]:
        """Parameters whose mean and scale the statistics provide, with their number, e.g. ``{"fparam": 2}``."""

    @abstractmethod
    def build(self, ctx, descriptor, inputs):
        """Add the fitting to the graph; ``descriptor`` is [nf, nloc, dim_descriptor]."""
