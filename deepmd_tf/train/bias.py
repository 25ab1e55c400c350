"""The energy per type of a model that is there, brought to other data."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.batch import Batch
from deepmd_tf.data.system import System
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.stat.bias import composition, energy_bias

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BiasChange:
    r"""What the energies of a data set make of the energy per type :math:`b_t` of a model.

    Attributes
    ----------
    type_map : list of str
    before, after : float64 [ntypes]
        eV.
    counts : float64 [nframes, ntypes]
        Atoms of each type.
    errors : float64 [nframes]
        Energies of the data minus those of the model with ``before``, eV.
    """

    type_map: Sequence[str]
    before: np.ndarray
    after: np.ndarray
    counts: np.ndarray
    errors: np.ndarray

    def report(self) -> None:
        """Log the energies per type before and after, and what is left of the errors."""
        if not len(self.errors):
            log.warning("no frame has an energy: the energy per type stays as it is")
            return
        log.info("energy per type from %d frames:", len(self.errors))
        show_bias(self.type_map, self.before, self.after)
        before, after = (self._per_atom(bias) for bias in (self.before, self.after))
        log.info("error of the energies (RMSE): %.3e eV/atom before, %.3e after", before, after)
        atoms = self.counts.sum(axis=0)
        if absent := [name for name, count in zip(self.type_map, atoms) if not count]:
            log.info("no atom in these frames is %s: nothing is learned of their energies", ", ".join(absent))
        if np.linalg.matrix_rank(self.counts) < np.count_nonzero(atoms):
            log.warning(
                "the compositions of the frames do not tell the types apart: among the changes that fit equally well "
                "the smallest is taken; energies of other compositions may be far off"
            )

    def _per_atom(self, bias: np.ndarray) -> float:
        left = (self.errors - self.counts @ (bias - self.before)) / self.counts.sum(axis=1)
        return float(np.sqrt(np.mean(left**2)))


def show_bias(type_map: Sequence[str], before: np.ndarray, after: np.ndarray) -> None:
    """Log a table of energies per type, eV."""
    log.info("  %-8s %16s %16s %14s", "type, eV", "before", "after", "change")
    for name, old, new in zip(type_map, before, after):
        log.info("  %-8s %16.6f %16.6f %+14.6f", name, old, new, new - old)


def change_bias(
    model: DeepPot,
    samples: Iterable[tuple[System, Batch]],
    before: np.ndarray,
    given: Sequence[float | None] = (),
    rcond: float | None = None,
    reset: bool = False,
) -> BiasChange:
    r"""Shift the energy per type so that the energies of the model fit those of the data.

    The change :math:`\Delta_t` solves :math:`\sum_t n_{ft} \Delta_t = E_f - E^\text{model}_f` in the sense of least
    squares, one equation per frame; of several solutions it is the smallest.

    Parameters
    ----------
    model : DeepPot
        With the energies per type ``before``.
    samples : iterable of (System, Batch)
        Frames; those without energy are left out.
    before : float64 [ntypes]
        eV.
    given : sequence of (float or None)
        Energies of isolated atoms, which stay as they are; None for a type whose energy may change.
    rcond : float, optional
        As of :func:`deepmd_tf.stat.bias.energy_bias`.
    reset : bool
        Solve for the energy per type itself, from the energies of the data alone; types without atoms keep theirs.
    """
    type_map, before = model.get_type_map(), np.asarray(before, np.float64)
    frames = list(_with_errors(model, samples))
    counts = [np.empty((0, len(type_map))), *(composition(batch, len(type_map)) for _, batch, _ in frames)]
    counts, errors = np.concatenate(counts), np.concatenate([np.empty(0), *(error for *_, error in frames)])
    known = [None if energy is None else start for energy, start in zip(given or [None] * len(before), before)]
    if not frames:
        after = before
    elif reset:
        known = [start if not atoms else fixed for fixed, start, atoms in zip(known, before, counts.sum(axis=0))]
        after = energy_bias([frame[:2] for frame in frames], len(type_map), known, rcond)
    else:
        known = [None if fixed is None else 0.0 for fixed in known]
        left = [(system, _with_energy(batch, error)) for system, batch, error in frames]
        after = before + energy_bias(left, len(type_map), known, rcond)
    return BiasChange(type_map, before, after, counts, errors)


def _with_errors(model: DeepPot, samples) -> Iterator[tuple[System, Batch, np.ndarray]]:
    """The frames that have an energy, and by how much the model is off, eV [nf]."""
    for system, batch in samples:
        if batch[keys.find(keys.ENERGY)]:
            predicted = model.eval_outputs(
                ["energy"], batch[keys.COORD], batch[keys.BOX] if system.pbc else None, batch[keys.TYPE],
                fparam=batch.get(keys.FPARAM), aparam=batch.get(keys.APARAM), mixed_type=True,
            )["energy"]  # fmt: skip
            yield system, batch, (batch[keys.ENERGY] - predicted).ravel()


def _with_energy(batch: Batch, energy: np.ndarray) -> Batch:
    return Batch({**batch, keys.ENERGY: energy[:, None]}, batch.system, batch.set, batch.frames)
