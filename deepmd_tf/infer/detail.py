"""Detail files of ``dp test``: labels beside predictions, one row per frame or atom, for parity plots."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from deepmd_tf import keys
from deepmd_tf.errors import SaveError
from deepmd_tf.infer.accuracy import Compared

_TENSOR = [a + b for a in "xyz" for b in "xyz"]
_COLUMNS = {
    "e": ["e"],
    "e_peratom": ["e"],
    "f": ["fx", "fy", "fz"],
    "v": [f"v{ab}" for ab in _TENSOR],
    "v_peratom": [f"v{ab}" for ab in _TENSOR],
    "s": [f"s{ab}" for ab in _TENSOR],
}
_UNIT = {"s": " (eV/Å³)"}


class DetailFiles:
    """Writes ``PREFIX.e.out``, ``.e_peratom.out``, ``.f.out``, ``.v.out``, ``.v_peratom.out`` and ``.s.out``.

    Each system begins with a line ``# PATH: data_e pred_e``; a label that the data does not hold is ``nan``.
    Stress is written for periodic systems with virials. No other file is touched.

    Parameters
    ----------
    prefix : str or Path
        What the names begin with; existing files of these names are replaced.

    Raises
    ------
    SaveError
        A file cannot be written.
    """

    def __init__(self, prefix):
        self._prefix = str(prefix)
        self._files: dict[str, object] = {}
        self._stack = ExitStack()
        self._titles: dict[str, str] = {}
        for kind in _COLUMNS:
            if kind != "s":
                self._open(kind)

    def __enter__(self) -> DetailFiles:
        return self

    def __exit__(self, *error) -> None:
        self._stack.close()

    def begin(self, system: str) -> None:
        """Start a system: its name goes above the rows that follow."""
        for kind, names in _COLUMNS.items():
            columns = " ".join([f"data_{name}" for name in names] + [f"pred_{name}" for name in names])
            self._titles[kind] = f"# {system}{_UNIT.get(kind, '')}: {columns}\n"

    def write(self, compared: Compared) -> None:
        """Add the rows of some frames."""
        natoms, real = compared.natoms, compared.real
        self._rows("e", *_both(compared, keys.ENERGY))
        self._rows("e_peratom", *(values / natoms for values in _both(compared, keys.ENERGY)))
        self._rows("f", *(values[real] for values in _both(compared, keys.FORCE)))
        self._rows("v", *_both(compared, keys.VIRIAL))
        self._rows("v_peratom", *(values / natoms for values in _both(compared, keys.VIRIAL)))
        if compared.volume is not None and keys.VIRIAL in compared.labels:
            # The stress is positive under tension, the virial under compression.
            self._rows("s", *(-values / compared.volume for values in _both(compared, keys.VIRIAL)))

    def _rows(self, kind: str, label: np.ndarray, predicted: np.ndarray) -> None:
        file = self._files.get(kind) or self._open(kind)
        try:
            file.write(self._titles.pop(kind, ""))
            np.savetxt(file, np.hstack([label, predicted]))
        except OSError as error:
            raise SaveError(f"{file.name}: cannot be written ({error.strerror})") from error

    def _open(self, kind: str):
        path = Path(f"{self._prefix}.{kind}.out")
        try:
            file = self._stack.enter_context(open(path, "w", encoding="utf-8"))  # noqa: SIM115
        except OSError as error:
            raise SaveError(f"{path}: cannot be written ({error.strerror})") from error
        return self._files.setdefault(kind, file)


def _both(compared: Compared, name: str) -> tuple[np.ndarray, np.ndarray]:
    predicted = compared.predicted[name]
    return compared.labels.get(name, np.full(predicted.shape, np.nan)), predicted
