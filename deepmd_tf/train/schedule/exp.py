"""Exponential decay (``exp``)."""

from __future__ import annotations

import math

from dargs import Argument

from deepmd_tf.errors import ConfigError
from deepmd_tf.tf1 import tf
from deepmd_tf.train.schedule.base import Schedule, schedules

SMALLEST_STOP_LR = 1e-10


@schedules.register("exp")
class ExpSchedule(Schedule):
    r"""Exponential decay in stairs.

    .. math::  \alpha(t) = \max(\alpha_0\, r^{\lfloor t/\tau \rfloor}, \alpha_1), \qquad
               r = (\alpha_1/\alpha_0)^{\tau/T}

    with :math:`\tau` = ``decay_steps`` and T the number of steps; ``decay_rate`` sets r directly,
    ``smooth`` leaves out the rounding.
    """

    def __init__(
        self,
        start_lr,
        stop_lr,
        steps,
        *,
        decay_steps: int = 5000,
        decay_rate: float | None = None,
        smooth: bool = False,
    ):
        super().__init__(start_lr, stop_lr, steps)
        if decay_steps < 1:
            raise ConfigError(f"learning_rate/decay_steps: expected a number >= 1, found {decay_steps}")
        if decay_rate is None and decay_steps >= steps:
            # Fewer than one stair would never decay: the field's rule takes about a hundred of them.
            decay_steps = 100 if steps // 10 > 100 else steps // 100 + 1
        self.decay_steps, self.smooth = decay_steps, smooth
        self.rate = self._rate() if decay_rate is None else decay_rate

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``learning_rate`` with type ``exp``."""
        return [
            Argument("decay_steps", int, optional=True, default=5000, doc="Number of steps between two decays."),
            Argument("decay_rate", [float, None], optional=True, default=None,
                     doc="Factor of one decay; by default it follows from start, stop and number of steps."),
            Argument("smooth", bool, optional=True, default=False, doc="Decay at every step instead of in stairs."),
        ]  # fmt: skip

    def at(self, t):
        """See the class."""
        stairs = t / self.decay_steps
        stairs = stairs if self.smooth else tf.floor(stairs)
        return tf.maximum(self.start_lr * tf.pow(tf.constant(self.rate, tf.float64), stairs), self.stop_lr)

    def _rate(self) -> float:
        if self.steps == 0:
            return 1.0
        return math.exp(math.log(max(self.stop_lr, SMALLEST_STOP_LR) / self.start_lr) * self.decay_steps / self.steps)
