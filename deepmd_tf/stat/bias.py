"""The energy of an atom of each type, by least squares over the frames."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.batch import Batch
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError

log = logging.getLogger(__name__)


def energy_bias(
    samples: Iterable[tuple[System, Batch]],
    ntypes: int,
    atom_ener: Sequence[float | None] | None = None,
    rcond: float | None = None,
) -> np.ndarray:
    r"""Solve :math:`\sum_t n_{ft} b_t = E_f` for the bias :math:`b_t`, one equation per frame.

    Parameters
    ----------
    samples : iterable of (System, Batch)
        Batches without energies are left out.
    ntypes : int
    atom_ener : list of float or None, optional
        Given biases in eV; None leaves a type to the fit.
    rcond : float, optional
        Singular values below ``rcond`` times the largest count as zero; machine precision if left out.

    Returns
    -------
    float64 [ntypes]
        In eV. A type that does not occur gets 0, so do all types where no frame has an energy.

    Raises
    ------
    ConfigError
        ``atom_ener`` does not have one entry per type.
    """
    given = np.array([np.nan if b is None else float(b) for b in atom_ener or [None] * ntypes])
    if given.shape != (ntypes,):
        raise ConfigError(f"atom_ener: expected one entry per type, {ntypes}, found {given.size}")
    fixed = ~np.isnan(given)
    counts, energies = _equations(samples, ntypes)
    if not len(energies):
        log.info("no frame has an energy: the energy bias is zero")
        return np.where(fixed, given, 0.0)
    energies = energies - counts[:, fixed] @ given[fixed]
    free = np.where(fixed, 0.0, counts)
    solution = np.linalg.lstsq(free, energies, rcond=rcond)[0]
    return np.where(fixed, given, solution)


def composition(batch: Batch, ntypes: int) -> np.ndarray:
    """Atoms of each type in each frame of a batch, float64 [nf, ntypes]."""
    types = batch[keys.TYPE]  # [nf, N]
    frame, atom = np.nonzero(types >= 0)
    flat = np.bincount(frame * ntypes + types[frame, atom], minlength=len(types) * ntypes)
    return flat.reshape(-1, ntypes).astype(np.float64)


def _equations(samples: Iterable[tuple[System, Batch]], ntypes: int) -> tuple[np.ndarray, np.ndarray]:
    counts, energies = [np.empty((0, ntypes))], [np.empty(0)]
    for _, batch in samples:
        if batch[keys.find(keys.ENERGY)]:
            counts.append(composition(batch, ntypes))
            energies.append(batch[keys.ENERGY].ravel())
    return np.concatenate(counts), np.concatenate(energies)  # [nframes, ntypes], [nframes]
