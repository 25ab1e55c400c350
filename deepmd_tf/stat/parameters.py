"""Mean and inverse scale of frame and atomic parameters, by which they are normalised."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.batch import Batch
from deepmd_tf.data.system import System

_PROTECTED = 1e-2
_SCALE_WITHOUT_DATA = 0.1


def parameter_statistics(
    samples: Iterable[tuple[System, Batch]], key: str, width: int, protection: float = 1e-2
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and inverse standard deviation of ``fparam`` over frames, or of ``aparam`` over frames and real atoms.

    Parameters
    ----------
    samples : iterable of (System, Batch)
    key : str
        "fparam" or "aparam".
    width : int
        Parameters per frame or atom.
    protection : float
        A standard deviation below this becomes 0.01.

    Returns
    -------
    mean, inverse : float64 [width]
        0 and 10 where there are no samples.
    """
    count, total, squares = 0, np.zeros(width), np.zeros(width)
    for _, batch in samples:
        rows = batch[key].reshape(-1, width)
        if key == keys.APARAM:
            rows = rows[batch[keys.TYPE].ravel() >= 0]
        count += len(rows)
        total += rows.sum(0)
        squares += (rows**2).sum(0)
    if not count:
        return np.zeros(width), np.full(width, 1.0 / _SCALE_WITHOUT_DATA)
    mean = total / count
    scale = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return mean, 1.0 / np.where(scale < protection, _PROTECTED, scale)
