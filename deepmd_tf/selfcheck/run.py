"""Check a model file, and write model files that have been checked."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from deepmd_tf.errors import DataError, ModelFormatError, SelfcheckError
from deepmd_tf.export.files import saving, write_atomic
from deepmd_tf.export.freeze import write_graph
from deepmd_tf.export.script import SELFCHECK
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.selfcheck import checks
from deepmd_tf.selfcheck.frames import Frame, load_frames, training_frames
from deepmd_tf.selfcheck.origin import Origin, equations, open_origin
from deepmd_tf.selfcheck.report import Check, Report
from deepmd_tf.tf1 import tf

log = logging.getLogger(__name__)

NUMPY, ORIGIN = "equations in NumPy", "what it was made from"


def write_checked(
    path: str | Path,
    graph_def,
    origin: str | Path,
    *,
    systems: Sequence[str] | None = None,
    nframes: int = 1,
    fallback: Sequence[str] = (),
    tolerance: float = 0.0,
) -> int:
    """Write a GraphDef to ``path`` if the file, read back, proves good; return its size in bytes.

    The figures are logged and become part of the file. A file that fails stays beside as ``PATH.rejected``, and what
    was at ``path`` before is left as it is.

    Parameters
    ----------
    path : str or Path
    graph_def : GraphDef
    origin : str or Path
        Checkpoint, or frozen model, that it was made from; read anew.
    systems : sequence of str, optional
        Where frames are taken from; the first training system that can be opened unless given. Where none can, that is
        logged, and the file is written unchecked.
    nframes : int
        Frames of each system; 0 means all.
    fallback : sequence of str
        Systems to take the place of training systems that are not there.
    tolerance : float
        What a compressed model may differ from its original, where that is more than this program grants by itself;
        relative, see :data:`deepmd_tf.selfcheck.checks.SAME`.

    Raises
    ------
    SelfcheckError
        A check failed.
    DataError
        Frames that were asked for cannot be read; nothing is written.
    SaveError, ModelFormatError
        As :func:`deepmd_tf.export.freeze.write_graph`.
    """
    path = Path(path)
    source = open_origin(origin)
    original = DeepPot(source.model, as_stored=True)
    frames = _frames(path, original, source, systems, nframes, fallback)
    if not frames:
        return write_graph(path, graph_def)
    unchecked, rejected = (path.with_name(path.name + ending) for ending in (".unchecked", ".rejected"))
    try:
        write_graph(unchecked, graph_def)
        report = _report(FrozenModel(unchecked), source, original, frames, tolerance)
        show(report)
        if report.failures:
            with saving(rejected):
                os.replace(unchecked, rejected)
            raise failed(str(path), report, f"Nothing was put there; the rejected file is {rejected}")
        # Fields of protocol buffers add up: the file is what was checked, and the record behind it.
        content = unchecked.read_bytes() + _record(report)
        write_atomic(path, content)
        rejected.unlink(missing_ok=True)
        return len(content)
    finally:
        original.close()
        with contextlib.suppress(FileNotFoundError):
            unchecked.unlink()


def check_file(
    path: str | Path, origin: str | Path | None = None, *, systems: Sequence[str] | None = None, nframes: int = 1
) -> Report:
    """Check the model at ``path``, which stays as it is; parameters and errors as :func:`write_checked`.

    Raises
    ------
    DataError
        There is no frame.
    """
    model = FrozenModel(path)
    source = None if origin is None else open_origin(origin)
    taker = DeepPot(model, as_stored=True)
    frames = load_frames(systems, taker, nframes) if systems else training_frames(model.training_script, taker, nframes)
    taker.close()
    original = None if source is None else DeepPot(source.model, as_stored=True)
    return _report(model, source, original, frames)


def show(report: Report) -> None:
    """Log the table."""
    for line in report.lines():
        log.info("%s", line)


def failed(path: str, report: Report, hint: str) -> SelfcheckError:
    """The error that says what is wrong with a file."""
    return SelfcheckError(f"{path}: self-check failed: {'; '.join(report.failures)}", hint)


def _frames(path: Path, model: DeepPot, source: Origin, systems, nframes: int, fallback) -> list[Frame]:
    if systems:
        return load_frames(systems, model, nframes)
    try:
        return training_frames(source.model.training_script, model, nframes)
    except DataError as error:
        if fallback:
            return load_frames(fallback, model, nframes)
        log.warning(
            "%s is not checked, nothing was measured: there are no frames (%s); name some by --system",
            path,
            error.message,
        )
        return []


def _report(
    model: FrozenModel, source: Origin | None, original: DeepPot | None, frames: list[Frame], tolerance: float = 0.0
) -> Report:
    stored = DeepPot(model, as_stored=True)
    found = checks.evaluate(stored, frames)
    precision = checks.lowest_precision(model)
    basis = model if source is None else source.model
    section = basis.training_script.get("model", {})
    corners = bool(section) and checks.has_corners(section)
    # A model that rounds its numbers has energies with steps, as those of single precision have.
    slopes = "float32" if precision == "float64" and section and checks.is_rounded(section) else precision
    same = checks.SAME[precision]
    if model.compressed and not basis.compressed:
        same = max(same, tolerance, checks.COMPRESSED_CORNERS if corners else checks.COMPRESSED)
    done = []
    if source is None:
        done.append(Check(ORIGIN, note="not measured: neither checkpoint nor original model is given"))
    else:
        done.append(checks.compare(source.label, frames, found, checks.evaluate(original, frames), same, precision))
    crowded = 0
    try:
        expected = checks.evaluate_numpy(*equations(basis), basis.dtype, frames)
        done.append(checks.compare(NUMPY, frames, found, expected, same, precision))
        crowded = sum(one.crowded for one in expected)
    except ModelFormatError as error:
        done.append(Check(NUMPY, note=f"not measured: {error.message}"))
    done.append(checks.finite_differences(stored, frames, found, slopes, corners, checks.jumps(section, crowded)))
    stored.close()
    systems = list(dict.fromkeys(frame.system for frame in frames))
    return Report(systems, len(frames), sum(frame.natoms for frame in frames), precision, done)


def _record(report: Report) -> bytes:
    node = tf.NodeDef(name=SELFCHECK, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(report.to_json(), tf.string))
    return tf.GraphDef(node=[node]).SerializeToString(deterministic=True)
