"""Initial values of weights, drawn with NumPy so that they do not depend on the TensorFlow version."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def normal(shape: tuple[int, ...], stddev: float, seed: int | None, mean: float = 0.0) -> Callable[[], np.ndarray]:
    """Independent normal numbers; the same ``seed`` gives the same array, None gives fresh ones."""
    return lambda: np.random.default_rng(seed).normal(mean, stddev, shape)


def matrix(rows: int, columns: int, seed: int | None) -> Callable[[], np.ndarray]:
    """Normal numbers of variance 1/(rows + columns), as the field starts its matrices."""
    return normal((rows, columns), 1.0 / np.sqrt(rows + columns), seed)


class Seeds:
    """The running seed of a component: every network takes its share, in the order of building.

    ``seed`` None leaves everything unseeded.
    """

    def __init__(self, seed: int | None):
        self._seed = seed

    def take(self, count: int) -> list[int | None]:
        """The next ``count`` seeds."""
        if self._seed is None:
            return [None] * count
        # A negative seed is legal in an input file; NumPy wants it unsigned.
        first = self._seed % 2**32
        self._seed += count
        return list(range(first, first + count))
