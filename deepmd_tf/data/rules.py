"""Batch sizes and probabilities of systems, as the input file words them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import did_you_mean

_DEFAULT_AUTO = 32
_RULES = ("auto", "auto:N", "max:N", "filter:N", "mixed:N")


class BatchRule(NamedTuple):
    """How many frames a batch has: a kind ("fixed", "list", "auto", "max", "filter" or "mixed") and its number."""

    kind: str
    value: int | tuple[int, ...]

    @classmethod
    def parse(cls, batch_size: int | str | Sequence[int]) -> BatchRule:
        """Read the key ``batch_size``.

        Raises
        ------
        ConfigError
            No such rule, or a number below 1.
        """
        if isinstance(batch_size, str):
            return cls._parse_text(batch_size)
        if isinstance(batch_size, (list, tuple)):
            return cls("list", tuple(_positive(b, f"batch_size[{i}]") for i, b in enumerate(batch_size)))
        return cls("fixed", _positive(batch_size, "batch_size"))

    @classmethod
    def _parse_text(cls, text: str) -> BatchRule:
        kind, colon, number = text.partition(":")
        if kind == "auto" and not colon:
            return cls("auto", _DEFAULT_AUTO)
        if kind not in ("auto", "max", "filter", "mixed") or not colon:
            raise ConfigError(f"batch_size: there is no rule {text!r}", did_you_mean(text, _RULES))
        return cls(kind, _positive(number, f"batch_size {text!r}"))

    def keeps(self, natoms: int) -> bool:
        """Whether a system of ``natoms`` atoms takes part at all."""
        return self.kind != "filter" or natoms <= self.value

    def sizes(self, natoms: Sequence[int]) -> np.ndarray:
        """Frames per batch for systems of ``natoms`` atoms, int64 [nsystems]."""
        atoms = np.asarray(natoms, np.int64)
        if self.kind == "list":
            if len(self.value) != len(atoms):
                raise ConfigError(
                    f"batch_size: expected one entry per system, {len(atoms)}, found {len(self.value)}",
                    "Nested folders count as several systems, in order of name.",
                )
            return np.array(self.value, np.int64)
        if self.kind == "auto":
            return -(-self.value // atoms)
        if self.kind in ("max", "filter"):
            return np.maximum(1, self.value // atoms)
        return np.full(len(atoms), 1 if self.kind == "mixed" else self.value, np.int64)


def _positive(value, key: str) -> int:
    try:
        number = int(value)
        if isinstance(value, bool) or number != float(value) or number < 1:
            raise ValueError
    except (TypeError, ValueError):
        raise ConfigError(f"{key}: expected an integer of 1 or more, found {value!r}") from None
    return number


def probabilities(
    nbatches: Sequence[int], auto_prob: str = "prob_sys_size", sys_probs: Sequence[float] | None = None
) -> np.ndarray:
    """The probability of each system to give the next batch.

    Parameters
    ----------
    nbatches : int [nsystems]
        Batches of each system in one pass over it.
    auto_prob : str
        "prob_uniform", "prob_sys_size", or "prob_sys_size;i:j:w;..." where systems i to j-1 share the weight w.
    sys_probs : float [nsystems], optional
        Given probabilities; overrides ``auto_prob``. Negative entries share what the others leave,
        in proportion to ``nbatches``.

    Returns
    -------
    float64 [nsystems], sum 1.

    Raises
    ------
    ConfigError
        The key and what is wrong with it.
    """
    sizes = np.asarray(nbatches, np.float64)
    if sys_probs is not None:
        return _given(sizes, sys_probs)
    style, *blocks = [part.strip() for part in str(auto_prob).split(";")]
    if style == "prob_uniform" and not blocks:
        return np.full(len(sizes), 1.0 / len(sizes))
    if style != "prob_sys_size":
        known = ("prob_uniform", "prob_sys_size", "prob_sys_size;i:j:weight;...")
        raise ConfigError(f"auto_prob: there is no style {auto_prob!r}", did_you_mean(auto_prob, known))
    return _blocks(sizes, blocks) if blocks else sizes / sizes.sum()


def _given(sizes: np.ndarray, sys_probs: Sequence[float]) -> np.ndarray:
    given = np.array(sys_probs, np.float64)
    if given.shape != sizes.shape:
        raise ConfigError(
            f"sys_probs: expected one entry per system, {len(sizes)}, found {given.size}",
            "Nested folders count as several systems, in order of name.",
        )
    if not np.isfinite(given).all():
        raise ConfigError(f"sys_probs: expected finite numbers, found {list(sys_probs)}")
    free = given < 0
    rest = 1.0 - given[~free].sum()
    if free.any():
        if rest < -1e-8:
            raise ConfigError(f"sys_probs: expected non-negative entries of sum at most 1, found {1 - rest:g}")
        given[free] = max(rest, 0.0) * sizes[free] / sizes[free].sum()
    elif not np.isclose(rest, 0.0):
        raise ConfigError(f"sys_probs: expected a sum of 1, found {1 - rest:g}", "A negative entry takes what is left.")
    return given / given.sum()


def _blocks(sizes: np.ndarray, blocks: Sequence[str]) -> np.ndarray:
    result = np.zeros(len(sizes))
    covered = np.zeros(len(sizes), bool)
    for block in blocks:
        try:
            start, stop, weight = block.split(":")
            start, stop, weight = int(start), int(stop), float(weight)
        except ValueError:
            raise ConfigError(f"auto_prob: expected blocks 'start:stop:weight', found {block!r}") from None
        if not 0 <= start < stop <= len(sizes):
            raise ConfigError(
                f"auto_prob: block {block!r} leaves the {len(sizes)} systems", "The end of a block is not included."
            )
        if not (np.isfinite(weight) and weight >= 0):
            raise ConfigError(f"auto_prob: expected a weight of 0 or more in block {block!r}, found {weight}")
        if covered[start:stop].any():
            raise ConfigError(f"auto_prob: block {block!r} overlaps another block")
        covered[start:stop] = True
        result[start:stop] = weight * sizes[start:stop] / sizes[start:stop].sum()
    if result.sum() <= 0:
        raise ConfigError(f"auto_prob: expected a positive weight in one of the blocks, found {';'.join(blocks)!r}")
    return result / result.sum()
