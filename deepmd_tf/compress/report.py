"""What the user is told of a compressed model: its tables, its errors, and look-ups outside the tables."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from deepmd_tf.compress import build
from deepmd_tf.compress.lookups import count
from deepmd_tf.compress.measure import FORCE, UNITS, Difference, Frames, differences, predictions
from deepmd_tf.compress.source import Original
from deepmd_tf.compress.table import Spacing
from deepmd_tf.compress.tables import Plan
from deepmd_tf.errors import ConfigError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.nn.activation import is_smooth

log = logging.getLogger(__name__)

STEPS = [float(f"{mantissa}e{exponent}") for exponent in range(0, -5, -1) for mantissa in (1, 0.5, 0.2)]
"""Steps that --tol tries, from the widest on."""

# From this step on, errors that do not fall with the step any more are rounding.
_STEADY = 0.05


def describe(original: Original, plans: list[Plan], spacing: Spacing) -> None:
    """Log the tables: ranges, strides and sizes."""
    log.info(
        "smallest distance %.4f Å, step %g, extrapolation %g, %d tables, %.1f MB",
        original.nearest, spacing.step, spacing.extrapolate, len(plans), sum(plan.nbytes for plan in plans) / 1e6,
    )  # fmt: skip
    for plan in plans:
        grid = plan.grid
        log.info(
            "    %-24s %g to %g by %.4g, then to %g by %.4g: %d intervals, %.1f MB",
            plan.name, grid.lower, grid.upper, grid.fine, grid.largest, grid.coarse, len(grid), plan.nbytes / 1e6,
        )  # fmt: skip
    if any(plan.of_types for plan in plans):
        names = original.frozen.type_map
        others = [name for t, name in enumerate(names) if t not in original.types]
        if others:
            log.info(
                "pairs with %s have no table, the network serves them; --types names other types than %s",
                ", ".join(others), ", ".join(names[t] for t in original.types),
            )  # fmt: skip
    for plan in plans:
        if not is_smooth(plan.activation_function):
            log.warning(
                "activation function %s has corners: there, polynomials follow the network only to the first order "
                "of the step; look at the errors",
                plan.activation_function,
            )
            return


@dataclass(frozen=True)
class Judge:
    """The original model on some frames, which compressed ones are compared with.

    Attributes
    ----------
    original : Original
    frames : Frames
    before : list
        Predictions of the original.
    """

    original: Original
    frames: Frames
    before: list[tuple]

    @classmethod
    def open(cls, original: Original, systems: list[str], nframes: int) -> Judge:
        """Evaluate the original on frames of the systems."""
        if not systems:
            return cls(original, Frames(), [])
        model = DeepPot(original.frozen, as_stored=True)
        frames = Frames.load(systems, model, nframes)
        before = predictions(model, frames)
        model.close()
        return cls(original, frames, before)

    def differences(self, graph_def) -> dict[str, Difference]:
        """How the model of this graph differs."""
        model = DeepPot(FrozenModel(self.original.frozen.path, graph_def), as_stored=True)
        after = predictions(model, self.frames)
        model.close()
        return differences(self.frames, self.before, after)

    def report(self, graph_def, plans: list[Plan]) -> None:
        """Log the differences, and the look-ups outside the tables; without frames, say that there are none."""
        if not self.frames.parts:
            return
        log.info("compressed against original, %d frames of %d systems:", self.frames.nframes, self.frames.nsystems)
        for name, one in self.differences(graph_def).items():
            log.info("    %-16s max %.3e, RMS %.3e %s", name, one.largest, one.rms, UNITS[name])
        self._report_lookups(plans)

    def _report_lookups(self, plans: list[Plan]) -> None:
        names, nearest = self.original.frozen.type_map, self.original.nearest
        found = count(plans, self.frames)
        outside = {key: one for key, one in found.items() if one.outside}
        if not outside:
            total = sum(one.total for one in found.values())
            log.info("    all %d look-ups lie in the range of the training data", total)
        for (table, a, b), one in outside.items():
            log.warning(
                "    %s, %s-%s: %d of %d look-ups outside the range of the training data, %d beyond the table; "
                "smallest distance %.4f Å (training data: %.4f Å)",
                table, names[a], names[b], one.outside, one.total, one.beyond, one.nearest, nearest,
            )  # fmt: skip


def widest_step(original: Original, judge: Judge, spacing: Spacing, tolerance: float) -> tuple[Spacing, object]:
    """The widest step of :data:`STEPS` whose forces stay within ``tolerance`` eV/Å, and the graph made with it.

    Raises
    ------
    ConfigError
        There is none: the error stops falling where rounding takes over.
    """
    best = (float("inf"), 0.0)
    for step in STEPS:
        tried = replace(spacing, step=step)
        graph_def = build.compress(original, tried)
        error = judge.differences(graph_def)[FORCE].largest
        log.info("step %g: largest difference of a force component %.3e eV/Å", step, error)
        if error <= tolerance:
            return tried, graph_def
        if step < _STEADY and error > best[0] / 1.5:
            break
        best = min(best, (error, step))
    raise ConfigError(
        f"--tol {tolerance:g}: no step reaches it, the smallest difference is {best[0]:.3e} eV/Å at --step {best[1]:g}",
        "The network's precision, or rounding, sets this limit",
    )
