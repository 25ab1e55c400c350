"""The processes that train together, and everything that passes between them.

One process is a world of its own. Several are joined by Horovod, see :mod:`deepmd_tf.train.horovod`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


class World:
    """One process alone. Every rank calls the same methods in the same order.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    """

    rank, size = 0, 1

    def together(self, work: Callable[[], Result]) -> Result:
        """Do work that may take long and differs between ranks; where it fails on one, it fails on all.

        Raises
        ------
        DeepmdError
            What ``work`` raises; on the other ranks a :class:`~deepmd_tf.errors.RankError` with its text.
        """
        return work()

    def shared(self, work: Callable[[], Result]) -> Result:
        """The result of work that rank 0 alone does; raises as :meth:`together`."""
        return work()

    def gather(self, item) -> list:
        """What all ranks give, by rank: plain values and arrays, see :func:`deepmd_tf.train.message.pack`."""
        return [item]

    def sums(self, tensors: Sequence) -> list:
        """Add the sum over all ranks of each tensor to the graph: one exchange for all of one data type."""
        return list(tensors)

    def spread(self, session, variables: Sequence) -> None:
        """Give all ranks the values that the variables of numbers have on rank 0."""

    def exchange(self, what: str):
        """Context of a piece of work that waits for other ranks; if one does not answer, this process ends.

        Raises
        ------
        RankError
            Another rank has ended.
        """
        return contextlib.nullcontext()

    def mean_of(self, values: Sequence[float], weight: float) -> Sequence[float]:
        """Means over all ranks of numbers that count with ``weight``; NaN counts nowhere."""
        return values


ALONE = World()
