"""Whether this process trains alone, or with those that a launcher has started beside it."""

from __future__ import annotations

import functools
import os

from deepmd_tf.errors import ConfigError
from deepmd_tf.train.world import ALONE, World

# What the launchers of the field set in each process: Horovod's own, Open MPI, MPICH and Intel MPI, Slurm.
SIZE_VARIABLES = ("HOROVOD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")


@functools.cache
def world() -> World:
    """The processes of this run.

    Raises
    ------
    ConfigError
        A launcher has started several, and Horovod is not there to join them: N serial copies would overwrite each
        other's files.
    """
    variable, started = _started()
    if started == 1:
        return ALONE
    try:
        from deepmd_tf.train.horovod import HorovodWorld
    except ImportError as error:
        raise ConfigError(
            f"{started} processes were started ({variable}), but Horovod, which joins them, cannot be used: {error}",
            "Build it with make horovod (docs/distributed.md), or start one process",
        ) from error
    return HorovodWorld(started)


def _started() -> tuple[str, int]:
    """How many processes the launcher says that it has started, and where it says so."""
    for variable in SIZE_VARIABLES:
        value = os.environ.get(variable, "")
        if value.isdigit():
            return variable, int(value)
    return "", 1
