"""The learning curves that the training left beside the models."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepmd_tf.log import ROOT
from nvnmd.report.models import STEPS, Model

log = logging.getLogger(f"{ROOT}.{__name__}")

CURVE = "lcurve.out"


def learning_curves(models: Sequence[Model]) -> dict[str, dict[str, np.ndarray]]:
    """Columns of the learning curves of both steps by kind of model; what cannot be read is told and left out."""
    found = {}
    for model in models:
        path = model.path.with_name(CURVE)
        if model.kind in STEPS and path.is_file():
            try:
                found[model.kind] = read_curve(path)
            except (ValueError, OSError) as error:
                log.warning("%s: left out, it is no learning curve (%s)", path, error)
    return found


def read_curve(path: Path) -> dict[str, np.ndarray]:
    """Columns by name. A run that went on repeats the header, which changes nothing.

    Raises
    ------
    ValueError
        It is no learning curve, or holds no step.
    """
    first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    names = first.lstrip("#").split()
    rows = np.array([line.split() for line in lines if not line.startswith("#")], np.float64)  # [steps, columns]
    if not rows.size or names[:1] != ["step"]:
        raise ValueError("expected columns below a header that begins with 'step'")
    return dict(zip(names, rows.T, strict=True))
