"""What a report says, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from nvnmd.report import pictures
from nvnmd.report.blocks import Block, Heading, Picture, Table, Text
from nvnmd.report.collect import ENERGY, FORCE, VIRIAL, Evaluation
from nvnmd.report.models import DEVICE, LEGACY, QNN, Model
from nvnmd.simulate.registers import Record

UNITS = {ENERGY: "meV/atom", FORCE: "meV/Å", VIRIAL: "meV/atom"}
PICTURES = ("parity", "force_errors", "energy_errors", "force_changes", "registers", "learning_curves")
"""Names of all pictures that a report may hold."""
MOST_NAMED = 5
LEGACY_REASON = (
    "The QNN holds its weights in the legacy format, 19 bits below the largest of each column and rounded downwards; "
    "the model file has room for 16 below a whole exponent and cuts the rest off, so the chip computes with other "
    "weights than those that were trained (`weight_format` `device` trains those of the chip)."
)


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    Attributes
    ----------
    systems : list of str
    models : list of Model
    evaluation : Evaluation
    missing : list of str
        Files that were looked for by default and are not there.
    curves : dict of str to dict
        Columns of learning curves, by kind of model.
    """

    systems: list[str]
    models: list[Model]
    evaluation: Evaluation
    missing: list[str] = field(default_factory=list)
    curves: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def model(self, kind: str) -> Model | None:
        """The model of a kind, if there is one."""
        return next((model for model in self.models if model.kind == kind), None)

    @property
    def labelled(self) -> bool:
        """Whether any frame has labels."""
        return bool(self.evaluation.errors(self.evaluation.reference))


def blocks(report: Report) -> list[Block]:
    """The page."""
    return [
        Heading("From the floating-point network to the chip", 1),
        *(Text(line) for line in summary(report)),
        *_contents(report),
        *_errors(report),
        *_changes(report),
        *_registers(report),
        *_training(report),
    ]


def summary(report: Report) -> list[str]:
    """The most important of it, in a few sentences."""
    evaluation, lines = report.evaluation, []
    errors = {kind: evaluation.errors(kind) for kind in evaluation.predicted}
    if FORCE in errors[evaluation.reference]:
        found = ", ".join(f"{kind} **{_number(one[FORCE].rmse)}**" for kind, one in errors.items())
        lines.append(f"Force RMSE against the labels, meV/Å: {found}.")
    others = [kind for kind in evaluation.predicted if kind != evaluation.reference]
    if others:
        change = evaluation.change(others[-1], evaluation.reference)
        lines.append(
            f"From the {evaluation.reference} to the {others[-1]}, forces change by "
            f"{_number(change[f'RMS {FORCE}'])} meV/Å (RMS), energies by {_number(change[f'RMS {ENERGY}'])} meV/atom."
        )
    if equality := _equality(report):
        lines.append(equality)
    device = report.model(DEVICE)
    if device:
        lines.append(_fullest(device.potential.record))
    return lines


def _contents(report: Report) -> Iterator[Block]:
    evaluation = report.evaluation
    names, counts = np.unique(evaluation.elements, return_counts=True)
    yield Heading("Data and models")
    shown = ", ".join(f"`{path}`" for path in report.systems[:MOST_NAMED])
    if len(report.systems) > MOST_NAMED:
        shown += f" and {len(report.systems) - MOST_NAMED} more systems"
    elements = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts))
    least, most = evaluation.natoms.min(), evaluation.natoms.max()
    atoms = f"{most:,} atoms each" if least == most else f"{least:,} to {most:,} atoms"
    yield Text(f"{shown}: {_frames(len(evaluation.natoms))} of {atoms}; atoms of all frames by element: {elements}.")
    rows = [(model.kind, f"`{model.path}`", "; ".join(model.facts)) for model in report.models]
    yield Table(("model", "file", "what is known of it"), rows, numbers=3)
    if report.missing:
        found = ", ".join(f"`{path}`" for path in report.missing)
        yield Text(f"Left out, because the file is not there: {found}.")
    if not pictures.available():
        yield Text("The pictures are left out: they need matplotlib (`pip install matplotlib`).")


def _errors(report: Report) -> Iterator[Block]:
    yield Heading("Errors against the labels")
    evaluation = report.evaluation
    if not report.labelled:
        yield Text("The data hold no energies, forces or virials to compare with.")
        return
    errors = {kind: evaluation.errors(kind) for kind in evaluation.predicted}
    known = errors[evaluation.reference]
    rows = [
        (f"{_sentence(name)}, {statistic.upper()} ({UNITS[name.split(',')[0]]})",
         *(_number(getattr(one[name], statistic)) for one in errors.values()))
        for name in known
        for statistic in ("rmse", "mae")
    ]  # fmt: skip
    spread = ", ".join(
        f"{name} {_number(1000 * np.nanstd(labels))} {UNITS[name]}"
        for name, labels in ((ENERGY, evaluation.labels.energy), (FORCE, evaluation.labels.force))
        if name in known
    )
    spread = f" Standard deviation of the labels: {spread}." if spread else ""
    yield Text(f"RMSE and MAE; forces and virials by component.{spread}")
    yield Table(("", *errors), rows)
    if FORCE in known:
        yield from _picture("parity", pictures.parity, "Forces of the models over those of the labels.", evaluation)
        yield from _picture(
            "force_errors", pictures.force_errors,
            "Errors of the force components. Later lines are thinner, so that equal ones are all seen.", evaluation,
        )  # fmt: skip
    if ENERGY in known:
        yield from _picture("energy_errors", pictures.energy_errors, "Error of the energy, frame by frame.", evaluation)


def _changes(report: Report) -> Iterator[Block]:
    evaluation = report.evaluation
    pairs = [(kind, evaluation.reference) for kind in evaluation.predicted if kind != evaluation.reference]
    if not pairs:
        return
    if {QNN, DEVICE} <= set(evaluation.predicted) and evaluation.reference != QNN:
        pairs.append((DEVICE, QNN))
    yield Heading("What each step changes")
    changes = [evaluation.change(*pair) for pair in pairs]
    header = [f"{_sentence(name)} ({UNITS[name.split()[-1]]})" for name in changes[0]]
    rows = [
        (f"{reference} to {kind}", *map(_number, change.values())) for (kind, reference), change in zip(pairs, changes)
    ]
    yield Table(("", *header), rows)
    if report.model(QNN) and evaluation.reference != QNN:
        yield Text("The second step trains as well: its change is that of the numbers and of this training together.")
    if equality := _equality(report):
        yield Text(equality)
        if report.model(QNN).weight_format == LEGACY:
            yield Text(LEGACY_REASON)
    if any(change[f"largest {FORCE}"] > pictures.ROUNDING for change in changes):
        beside = ", beside its own errors against the labels." if report.labelled else "."
        caption = f"How much the force components change from the {evaluation.reference} to the others{beside}"
        yield from _picture("force_changes", pictures.force_changes, caption, evaluation)


def _equality(report: Report) -> str:
    """Whether the device computes what the QNN does."""
    predicted = report.evaluation.predicted
    if not {QNN, DEVICE} <= set(predicted):
        return ""
    off = predicted[DEVICE].minus(predicted[QNN])
    equal, total = int((off.energy == 0).sum()), off.energy.size
    force = f"forces differ by at most {_number(1000 * np.abs(off.force).max())} meV/Å"
    if equal == total:
        frames = f"all {_frames(total)}" if total > 1 else "the frame"
        return f"QNN and device: energies are **equal to the bit** in {frames}; {force}."
    energy = f"by at most {_number(1000 * np.abs(off.energy).max())} meV/atom"
    return f"QNN and device: energies **differ** in {total - equal} of {_frames(total)}, {energy}; {force}."


def _registers(report: Report) -> Iterator[Block]:
    device = report.model(DEVICE)
    if device is None:
        return
    record = device.potential.record
    yield Heading("Registers of the device")
    yield Text(
        "The largest number that passed through each register while the device worked on these frames; width as bits "
        "and bits after the binary point, or a 29-bit float. Numbers that do not fit are counted, and pass as they are."
    )
    if record.over.any():
        change = _number(1000 * device.potential.changed_by_limits)
        yield Text(
            f"**Some did not fit.** Kept at the limits of the registers, they change forces by up to {change} meV/Å."
        )
    yield Table(
        ("register", "what it holds", "width", "largest", "of its range", "too large", "too small"),
        [_register(record, index) for index in np.flatnonzero(record.largest)],
        numbers=2,
    )
    yield from _picture(
        "registers", pictures.registers,
        "Bits of the fixed-point registers that were needed; floats have room for far larger numbers.", record,
    )  # fmt: skip


def _register(record: Record, index: int) -> tuple[str, ...]:
    register, largest, limit = record.registers[index], record.largest[index], record.limits[index, 0]
    if register.fraction is None:
        width, used, under = "float", f"2^{_exponent(largest)} of 2^{_exponent(limit)}", f"{record.under[index]:,}"
    else:
        width, used, under = f"{register.bits}.{register.fraction}", f"{100 * largest / limit:.3g} %", ""
    over = f"**{record.over[index]:,}**" if record.over[index] else "0"
    return f"`{register.name}`", register.meaning, width, f"{largest:.5g}", used, over, under


def _fullest(record: Record) -> str:
    """How full the registers became."""
    share = 100 * record.largest / record.limits[:, 0]
    place = int(share.argmax())
    name = f"`{record.registers[place].name}` ({record.registers[place].meaning})"
    if not record.over.any():
        return f"Registers: every number fitted; {name} was filled most, to {share[place]:.3g} % of its range."
    over = ", ".join(f"`{record.registers[i].name}` {record.over[i]:,}" for i in np.flatnonzero(record.over))
    return f"Registers: **numbers that did not fit**: {over}; {name} would need {share[place]:.3g} % of its range."


def _training(report: Report) -> Iterator[Block]:
    if not report.curves or not pictures.available():
        return
    yield Heading("Training")
    yield from _picture(
        "learning_curves",
        pictures.learning_curves,
        "RMSE of single batches in the course of the training.",
        report.curves,
    )


def _picture(name: str, draw, caption: str, data) -> Sequence[Picture]:
    return [Picture(name, caption, draw(data))] if pictures.available() else []


def _number(value: float) -> str:
    """As many digits as one reads."""
    if value == 0:
        return "0"
    if 0.001 <= value < 100_000:
        return f"{value:.1f}" if value >= 100 else f"{value:#.3g}"
    return f"{value:.1e}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _frames(count: int) -> str:
    return f"{count:,} frame{'s' if count > 1 else ''}"


def _exponent(value: float) -> int:
    return int(np.frexp(value)[1]) - 1
