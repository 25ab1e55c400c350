"""How many processes train together. One, for now: a launcher that started more is told so."""

from __future__ import annotations

import os
from dataclasses import dataclass

from deepmd_tf.errors import ConfigError

# What the launchers of the field set in each process: Horovod's own, Open MPI, MPICH and Intel MPI.
SIZE_VARIABLES = ("HOROVOD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1


def world() -> World:
    """The processes of this run.

    Raises
    ------
    ConfigError
        A launcher has started several: N serial copies would overwrite each other's files.
    """
    for variable in SIZE_VARIABLES:
        started = os.environ.get(variable, "1")
        if started.isdigit() and int(started) > 1:
            raise ConfigError(
                f"{started} processes were started ({variable}), training with more than one is not supported yet",
                "Start one process",
            )
    return World()
