"""Which frames stand in which batch: a pure function of seed and number of the draw.

Random numbers come from a counter-based generator (Philox), read as raw 64-bit integers, whose stream NumPy keeps
fixed over its versions. Nothing has to be saved to resume a run: the draws of all earlier steps are replayed, a
thousand at a time, to know how many batches each system has given.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf.data.cache import ArrayCache

_BLOCK = 1024
_SYSTEMS, _FRAMES = 0, 1  # domains of random numbers that must not meet


def _raw(count: int, *key: int) -> np.ndarray:
    return np.random.Philox(np.random.SeedSequence(key)).random_raw(count)


class Draw(NamedTuple):
    """Frames of one set of one system, as indices."""

    system: int
    set_index: int
    frames: np.ndarray


class SetPlan(NamedTuple):
    """What the sampler knows of a set: its frames, and how often each stands in an epoch (None: once)."""

    nframes: int
    copies: np.ndarray | None

    @property
    def size(self) -> int:
        """Frames of an epoch, copies counted."""
        return self.nframes if self.copies is None else int(self.copies.sum())


class Sampler:
    """Draws systems by probability and walks through the sets of each.

    Parameters
    ----------
    plans : sequence of sequence of SetPlan
        The sets of each system.
    sizes : int [nsystems]
        Frames per batch.
    probabilities : float [nsystems]
        Of each system to be drawn.
    seed : int
        Key of the random numbers.
    """

    def __init__(self, plans: Sequence[Sequence[SetPlan]], sizes, probabilities: np.ndarray, seed: int):
        self._plans = plans
        self._sizes = np.asarray(sizes, np.int64)
        self._key = (seed, 0)  # the zero keeps the order of frames of runs that began when ranks had plans of their own
        self.nbatches = batches_per_epoch(plans, self._sizes)
        self._edges = np.cumsum(probabilities)
        self._last = int(np.flatnonzero(probabilities)[-1])
        # By index: the systems drawn in the block, and the draws of each system before it; newest last.
        self._blocks: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._orders = ArrayCache()
        self._lock = threading.Lock()

    def draw(self, index: int) -> Draw:
        """The draw number ``index``, from 0."""
        with self._lock:
            systems, before = self._block(index // _BLOCK)
        at = index % _BLOCK
        system = int(systems[at])
        return self.batch(system, int(before[system]) + int(np.count_nonzero(systems[:at] == system)))

    def batch(self, system: int, number: int) -> Draw:
        """The batch number ``number`` of a system, as if it were the only one.

        In an epoch of the system each set is shuffled and cut into batches; a rest smaller than a batch is left
        out, another one each time. A set smaller than a batch gives one smaller batch.
        """
        size = int(self._sizes[system])
        epoch, at = divmod(number, int(self.nbatches[system]))
        for set_index, (plan, count) in enumerate(zip(self._plans[system], _passes(self._plans[system], size))):
            if at < count:
                order = self._order(system, set_index, epoch, plan)
                return Draw(system, set_index, order[at * size : (at + 1) * size])
            at -= count
        raise AssertionError("the batches of the sets add up to nbatches")

    def _block(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index in self._blocks:
            return self._blocks[index]
        earlier = [i for i in self._blocks if i < index]
        at = max(earlier, default=0)
        if earlier:
            systems, counts = self._blocks[at]
        else:
            systems, counts = self._systems(0), np.zeros(len(self._edges), np.int64)
        while at < index:
            counts = counts + np.bincount(systems, minlength=len(counts))
            at += 1
            systems = self._systems(at)
        self._blocks[index] = systems, counts
        while len(self._blocks) > 2:
            self._blocks.popitem(last=False)
        return self._blocks[index]

    def _systems(self, block: int) -> np.ndarray:
        uniform = (_raw(_BLOCK, *self._key, _SYSTEMS, block) >> np.uint64(11)) * 2.0**-53
        # Rounding may leave the last edge below 1; a system of probability 0 must never be drawn.
        return np.minimum(np.searchsorted(self._edges, uniform, side="right"), self._last)

    def _order(self, system: int, set_index: int, epoch: int, plan: SetPlan) -> np.ndarray:
        key = (system, set_index, epoch)

        def shuffle() -> np.ndarray:
            frames = np.arange(plan.nframes, dtype=np.int32)
            if plan.copies is not None:
                frames = np.repeat(frames, plan.copies)
            return frames[np.argsort(_raw(len(frames), *self._key, _FRAMES, *key), kind="stable")]

        return self._orders.get(key, shuffle)


def batches_per_epoch(plans: Sequence[Sequence[SetPlan]], sizes: Sequence[int]) -> np.ndarray:
    """Batches of each system in one pass over it, int64 [nsystems]."""
    return np.array([sum(_passes(p, b)) for p, b in zip(plans, sizes)], np.int64)


def _passes(plans: Sequence[SetPlan], size: int) -> list[int]:
    """Batches of each set in one epoch."""
    return [max(1, plan.size // int(size)) for plan in plans]
