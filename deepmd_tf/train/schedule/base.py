"""Learning-rate schedules, computed in the graph from the step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from dargs import Argument

from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import Registry, did_you_mean
from deepmd_tf.tf1 import tf

schedules = Registry("learning-rate schedule", __package__)


class Schedule(ABC):
    """The learning rate after the warm-up.

    Parameters
    ----------
    start_lr, stop_lr : float
        First and last learning rate.
    steps : int
        Number of steps after the warm-up.
    """

    def __init__(self, start_lr: float, stop_lr: float, steps: int):
        self.start_lr, self.stop_lr, self.steps = start_lr, stop_lr, steps

    @classmethod
    @abstractmethod
    def arguments(cls) -> list[Argument]:
        """The keys of this schedule beside those of every schedule."""

    @abstractmethod
    def at(self, t):
        """The learning rate at step ``t`` (float64 tensor, counted from the end of the warm-up)."""


def learning_rate(section: dict, numb_steps: int, workers: int = 1):
    """The learning rate as a function of the step tensor, and the start value that loss prefactors refer to.

    Parameters
    ----------
    section : dict
        Normalised section ``learning_rate``.
    numb_steps : int
        Number of training steps, the warm-up included.
    workers : int
        Number of processes; ``scale_by_worker`` says what becomes of the rate.

    Raises
    ------
    ConfigError
        Values that do not fit together, named by key.
    """
    keys = dict(section)
    name, start = keys.pop("type"), float(keys.pop("start_lr"))
    stop, ratio = keys.pop("stop_lr"), keys.pop("stop_lr_ratio")
    warmup = _warmup_steps(keys, numb_steps)
    factor0 = float(keys.pop("warmup_start_factor"))
    scale = _worker_factor(keys.pop("scale_by_worker"), workers)
    if start <= 0:
        raise ConfigError(f"learning_rate/start_lr: expected a number > 0, found {start}")
    if (stop is None) == (ratio is None):
        raise ConfigError(
            "learning_rate: expected one of stop_lr and stop_lr_ratio, found " + ("none" if stop is None else "both")
        )
    stop = start * ratio if stop is None else float(stop)
    schedule = schedules.get(name)(start, stop, numb_steps - warmup, **keys)

    def rate(step):
        t = tf.cast(step, tf.float64)
        after = schedule.at(tf.maximum(t - warmup, 0.0))
        if warmup:
            rising = start * (factor0 + (1.0 - factor0) * t / warmup)
            after = tf.where(t < warmup, rising, after)
        return after * scale

    return rate, start * scale


def _warmup_steps(keys: dict, numb_steps: int) -> int:
    steps, ratio = keys.pop("warmup_steps"), keys.pop("warmup_ratio")
    if steps and ratio is not None:
        raise ConfigError("learning_rate: warmup_steps and warmup_ratio exclude each other")
    warmup = int(ratio * numb_steps) if ratio is not None else int(steps)
    if not 0 <= warmup < max(numb_steps, 1):
        raise ConfigError(
            f"learning_rate: expected a warm-up shorter than the {numb_steps} steps, found {warmup} steps"
        )
    return warmup


def _worker_factor(rule: str, workers: int) -> float:
    factors = {"linear": float(workers), "sqrt": math.sqrt(workers), "none": 1.0}
    if rule not in factors:
        raise ConfigError(f"learning_rate/scale_by_worker = {rule!r} is not known", did_you_mean(rule, factors))
    return factors[rule]
