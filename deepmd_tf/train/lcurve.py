"""The learning-curve file in the field's columns."""

from __future__ import annotations

from pathlib import Path

from deepmd_tf.export.files import saving, write_atomic

NOTE = "# If there is no available reference data, rmse_*_{val,trn} will print nan\n"


class LearningCurve:
    """Appends rows to the learning-curve file, each complete on the disk when :meth:`row` returns.

    Parameters
    ----------
    path : str or Path
    keys : list of str
        Names of the errors, without ``_val`` and ``_trn``.
    validation : bool
        Whether rows hold validation errors too.
    resume_at : int, optional
        Step a run goes on from: rows of that step and later are taken out, they will come again.
    """

    def __init__(self, path, keys: list[str], validation: bool, resume_at: int | None = None):
        self.path, self.keys, self.validation = Path(path), keys, validation
        kept = self._rows_before(resume_at) if resume_at is not None else []
        write_atomic(self.path, "".join([self._header(), NOTE, *kept]).encode())

    def row(self, step: int, training: dict, validation: dict | None, rate: float) -> None:
        """Append the row of ``step``; errors by name, learning rate."""
        cells = ""
        for key in self.keys:
            cells += (
                f"   {validation[key]:11.2e} {training[key]:11.2e}" if self.validation else f"   {training[key]:11.2e}"
            )
        with saving(self.path), open(self.path, "a") as file:
            file.write(f"{step:7d}{cells}   {rate:8.1e}\n")

    def _header(self) -> str:
        cells = ""
        for key in self.keys:
            cells += f"   {key + '_val':>11s} {key + '_trn':>11s}" if self.validation else f"   {key + '_trn':>11s}"
        return f"# {'step':5s}{cells}   {'lr':8s}\n"

    def _rows_before(self, step: int) -> list[str]:
        if not self.path.exists():
            return []
        lines = self.path.read_text().splitlines(keepends=True)
        rows = [line for line in lines if line.strip() and not line.startswith("#") and line.endswith("\n")]
        return [line for line in rows if int(line.split()[0]) < step]
