"""Optimizers, one file each."""

from deepmd_tf.train.optimizer.base import Optimizer, optimizers

__all__ = ["Optimizer", "optimizers"]
