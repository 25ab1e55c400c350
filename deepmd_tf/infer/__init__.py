"""Use a frozen model: :class:`DeepPot` evaluates it, :mod:`deepmd_tf.infer.ase` gives it to ASE."""

from __future__ import annotations

from deepmd_tf.infer.potential import DeepPot

__all__ = ["DeepPot"]
