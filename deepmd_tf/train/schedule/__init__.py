"""Learning-rate schedules, one file each."""

from deepmd_tf.train.schedule.base import Schedule, learning_rate, schedules

__all__ = ["Schedule", "learning_rate", "schedules"]
