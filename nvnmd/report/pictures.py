"""The pictures of a report, as PNG. They need matplotlib, and no display."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Sequence

import numpy as np

from nvnmd.report.collect import FORCE, Evaluation
from nvnmd.report.models import CNN, DEVICE, FLOAT, QNN
from nvnmd.simulate.registers import Record

# Told apart by readers with any colour vision; the same model has the same colour everywhere.
COLOURS = {FLOAT: "#7a7a7a", CNN: "#0072b2", QNN: "#e69f00", DEVICE: "#c8432b"}
INK, GRID, ROOM, GOOD = "#2b2f33", "#e4e7ea", "#e4e7ea", "#3f7f93"
WIDTH = 10.0  # inches
POINTS = 20_000  # of a model in a scatter plot; more would show nothing new
ROUNDING = 1e-6  # meV/Å; smaller changes of forces are those of sums in another order
ABOVE = dict(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderpad=0)  # a legend that hides nothing
STYLE = {
    "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10, "axes.edgecolor": INK, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False,
}  # fmt: skip


def available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def parity(evaluation: Evaluation) -> bytes:
    """Forces of each model over those of the labels, one panel per model."""
    labels = evaluation.labels.force
    known = np.isfinite(labels)
    label = labels[known]
    ends = _with_margin(label, *(values.force[known] for values in evaluation.predicted.values()))
    every = slice(None, None, -(-label.size // POINTS))
    count = len(evaluation.predicted)

    def draw(axes) -> None:
        for axis, (kind, values) in zip(axes[0], evaluation.predicted.items()):
            axis.plot(ends, ends, "-", lw=0.8, color=INK, zorder=1)
            axis.plot(label[every], values.force[known][every], ".", ms=3, mew=0, alpha=0.4, color=COLOURS[kind])
            axis.set(xlim=ends, ylim=ends, aspect="equal", xlabel="label (eV/Å)")
            axis.set_title(f"{kind}, RMSE {evaluation.errors(kind)[FORCE].rmse:.4g} meV/Å")
            axis.locator_params(nbins=5)
        axes[0, 0].set_ylabel("force component (eV/Å)")

    side = WIDTH / max(count, 3)
    return _picture(draw, columns=count, width=side * count, height=side + 0.5, sharey="row")


def force_errors(evaluation: Evaluation) -> bytes:
    """How often a force component is off by how much, in each model."""
    known = np.isfinite(evaluation.labels.force)
    errors = {
        kind: 1000 * (values.force - evaluation.labels.force)[known] for kind, values in evaluation.predicted.items()
    }
    # A few far away must not squeeze the others together.
    end = max(np.quantile(np.abs(error), 0.998) for error in errors.values()) or 1.0
    edges = np.linspace(-end, end, 61)

    def draw(axes) -> None:
        for (kind, error), width in zip(errors.items(), _widths(len(errors))):
            share = 100 * np.histogram(error, edges)[0] / error.size
            axes[0, 0].stairs(share, edges, color=COLOURS[kind], lw=width, label=kind)
        axes[0, 0].axvline(0, color=INK, lw=0.8)
        axes[0, 0].set(xlabel="error of a force component (meV/Å)", ylabel="share (%)", xlim=(-end, end))
        axes[0, 0].legend(**ABOVE)

    return _picture(draw, height=3.4)


def energy_errors(evaluation: Evaluation) -> bytes:
    """Error of the energy of each frame, in each model."""
    known = np.isfinite(evaluation.labels.energy)
    frames = np.flatnonzero(known)

    def draw(axes) -> None:
        sizes = np.linspace(9, 3.5, len(evaluation.predicted))
        for (kind, values), size in zip(evaluation.predicted.items(), sizes):
            error = 1000 * (values.energy - evaluation.labels.energy)[known]
            marker = dict(marker="o", ms=size, mew=0) if known.sum() <= 200 else dict(lw=size / 4)
            axes[0, 0].plot(frames, error, **{"lw": 0, **marker}, color=COLOURS[kind], label=kind)
        axes[0, 0].axhline(0, color=INK, lw=0.8)
        axes[0, 0].set(xlabel="frame", ylabel="error of the energy (meV/atom)")
        axes[0, 0].xaxis.get_major_locator().set_params(integer=True)
        axes[0, 0].legend(**ABOVE)

    return _picture(draw, height=3.0)


def force_changes(evaluation: Evaluation) -> bytes:
    """How much a force component changes from the reference to each other model, beside its own error.

    At least one change has to be above :data:`ROUNDING`.
    """
    reference = evaluation.reference
    shown = {
        kind: _magnitudes(evaluation.predicted[reference].minus(values).force)
        for kind, values in evaluation.predicted.items()
        if kind != reference
    }
    shown = {kind: change for kind, change in shown.items() if change.size}
    own = _magnitudes(evaluation.predicted[reference].minus(evaluation.labels).force)
    every = np.concatenate([own, *shown.values()])
    edges = np.geomspace(*np.quantile(every, [0.002, 1]) * [1, 1.2], 80)

    def draw(axes) -> None:
        axis = axes[0, 0]
        if own.size:
            share = 100 * np.histogram(own, edges)[0] / own.size
            axis.stairs(
                share, edges, fill=True, color=COLOURS[reference], alpha=0.25, label=f"error of the {reference}"
            )
        for (kind, change), width in zip(shown.items(), _widths(len(shown))):
            share = 100 * np.histogram(change, edges)[0] / change.size
            axis.stairs(share, edges, color=COLOURS[kind], lw=width, label=f"change to the {kind}")
        axis.set(xscale="log", xlabel="magnitude of a force component (meV/Å)", ylabel="share (%)")
        axis.margins(x=0)
        axis.legend(**ABOVE)

    return _picture(draw, height=3.2)


def registers(record: Record) -> bytes:
    """Bits that each fixed-point register has, and how many of them the largest number needed."""
    rows = [
        (one, largest, over)
        for one, largest, over in zip(record.registers, record.largest, record.over)
        if one.fraction is not None and largest > 0
    ]

    def draw(axes) -> None:
        axis = axes[0, 0]
        for place, (register, largest, over) in enumerate(rows):
            needed = 1 + np.ceil(np.log2(np.ldexp(largest, register.fraction) + 1))
            axis.barh(place, register.bits, height=0.7, color=ROOM)
            axis.barh(place, needed, height=0.4, color=COLOURS[DEVICE] if over else GOOD)
            note = f"{100 * largest / register.limits()[0]:.3g} %" + (f", {over:,} too large" if over else "")
            axis.text(max(needed, register.bits) + 0.4, place, note, va="center", fontsize=9, backgroundcolor="white")
        names = [f"{register.meaning} ({register.name})" for register, _, _ in rows]
        axis.set_yticks(range(len(rows)), names)
        axis.set(xlabel="bits: in the register (grey), needed with the sign (coloured)", xlim=(0, 40))
        axis.set_xticks(range(0, 33, 4))
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)

    return _picture(draw, height=0.3 * len(rows) + 0.9)


def learning_curves(curves: dict[str, dict[str, np.ndarray]]) -> bytes:
    """RMSE over the steps of the training: rows are energy and force, columns the models."""
    quantities = (("rmse_e", "energy RMSE (meV/atom)"), ("rmse_f", "force RMSE (meV/Å)"))

    def draw(axes) -> None:
        for axis, (_, label) in zip(axes[:, 0], quantities):
            axis.set_ylabel(label)
        for column, (kind, curve) in zip(axes.T, curves.items()):
            for axis, (name, _) in zip(column, quantities):
                validated = f"{name}_val" in curve
                for suffix, look in (("trn", dict(alpha=0.45 if validated else 1, lw=1)), ("val", dict(lw=1.8))):
                    values = curve.get(f"{name}_{suffix}")
                    if values is not None and np.isfinite(values).any():
                        text = {"trn": "training", "val": "validation"}[suffix]
                        axis.plot(curve["step"], 1000 * values, color=COLOURS[kind], label=text, **look)
                axis.set_yscale("log")
                _plain_ticks(axis.yaxis)
                axis.margins(x=0.01)
            column[0].set_title(f"training of the {kind}")
            column[-1].set_xlabel("step")
            if any(name.endswith("_val") for name in curve):
                column[0].legend()

    return _picture(draw, rows=2, columns=len(curves), height=4.6, sharex="col", sharey="row")


def _picture(draw: Callable, *, rows: int = 1, columns: int = 1, width: float = WIDTH, height: float, **grid) -> bytes:
    """A figure whose panels [rows, columns] ``draw`` fills."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width, height), layout="constrained", squeeze=False, facecolor="white", **grid
        )
        draw(axes)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
        plt.close(figure)
    return buffer.getvalue()


def _plain_ticks(axis) -> None:
    """Numbers as 0.5 and 200 along a logarithmic axis, also where it spans less than a power of ten."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def _widths(count: int) -> Sequence[float]:
    """Lines that lie on each other: the later ones are thinner, so that all are seen."""
    return np.linspace(1.2 + 1.3 * (count - 1), 1.2, count)


def _with_margin(*arrays: np.ndarray) -> np.ndarray:
    low, high = min(array.min() for array in arrays), max(array.max() for array in arrays)
    return np.array([low, high]) + max(high - low, 1e-3) * np.array([-0.03, 0.03])


def _magnitudes(force: np.ndarray) -> np.ndarray:
    """meV/Å, without missing ones and those that are nothing: a logarithmic axis has no place for them."""
    magnitudes = 1000 * np.abs(force)
    return magnitudes[magnitudes > ROUNDING]
