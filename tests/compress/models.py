"""Compressed models of tests."""

from __future__ import annotations

from deepmd_tf.compress.table import Spacing
from deepmd_tf.compress.tables import make_tables
from deepmd_tf.nn.compressed import compressed
from tests.support.graphs import ModelUnderTest

NEAREST = 0.9


def tabulated(original: ModelUnderTest, step: float = 0.01, extrapolate: float = 5, types=None) -> ModelUnderTest:
    """The same model with tables, made for data with a smallest distance of :data:`NEAREST`."""
    spacing = Spacing(step, extrapolate)
    tables = make_tables(original.model, original.weights, original.dtype, NEAREST, spacing, types)
    return ModelUnderTest(
        original.section, interface=original.dtype, weights=original.weights, primitives=compressed(tables)
    )


def error(original: ModelUnderTest, other: ModelUnderTest, *frames) -> dict[str, float]:
    """Largest difference of each output."""
    before, after = original(*frames), other(*frames)
    return {name: abs(after[name] - before[name]).max() for name in before}
