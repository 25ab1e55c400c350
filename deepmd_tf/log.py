"""Logging of the ``dp`` program: one format, console and file, one rule for several processes."""

from __future__ import annotations

import contextlib
import logging
import os

from deepmd_tf.errors import ConfigError

LEVELS = {
    "ERROR": logging.ERROR, "0": logging.ERROR, "WARNING": logging.WARNING, "1": logging.WARNING,
    "INFO": logging.INFO, "2": logging.INFO, "DEBUG": logging.DEBUG, "3": logging.DEBUG,
}  # fmt: skip
MPI_MODES = ("master", "collect", "workers")
# Launchers tell a process its rank before any communication is set up.
RANK_VARIABLES = ("HOROVOD_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
ROOT = "deepmd_tf"


def configure(level: str = "INFO", path=None, mpi_log: str = "master", rank: int | None = None) -> None:
    """Send the messages of the package to the console (standard error) and, if given, to the file ``path``.

    Parameters
    ----------
    level : str
        A key of :data:`LEVELS`.
    path : path-like, optional
        The log file; written anew. With ``workers`` each process but the first has its own, ``path.RANK``.
    mpi_log : {"master", "collect", "workers"}
        Who speaks when several processes run: the first alone; all, into the first one's file; all, each into its own.
        Warnings and errors are shown by every process.
    rank : int, optional
        Number of this process; by default what the launcher says, 0 without one.

    Raises
    ------
    ConfigError
        The log file cannot be written.
    """
    rank = launcher_rank() if rank is None else rank
    who = f" rank {rank}" if rank else ""
    formatter = logging.Formatter(f"[%(asctime)s] DEEPMD{who} %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    quiet = rank > 0 and mpi_log == "master"
    handlers = [logging.StreamHandler()]
    if path is not None and not quiet:
        handlers.append(_file_handler(path, mpi_log, rank))
    root = logging.getLogger(ROOT)
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.propagate = False
    # Advice to move to the eager API is not for the users of a program that is graph mode on purpose.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    root.setLevel(max(LEVELS[level], logging.WARNING) if quiet else LEVELS[level])


@contextlib.contextmanager
def copied_to(path):
    """While entered, messages go to the end of the file ``path`` as well; those of the first process alone.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    root = logging.getLogger(ROOT)
    if launcher_rank() > 0 or not root.handlers:
        yield
        return
    handler = _file_handler(path, "collect", 0)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def launcher_rank() -> int:
    """The rank that the launcher gave this process; 0 without a launcher."""
    for name in RANK_VARIABLES:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return 0


def _file_handler(path, mpi_log: str, rank: int) -> logging.FileHandler:
    shared = rank == 0 or mpi_log == "collect"
    path = os.fspath(path) if shared else f"{os.fspath(path)}.{rank}"
    try:
        # Appending lets several processes write one file without overwriting each other.
        return logging.FileHandler(path, mode="a" if mpi_log == "collect" else "w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"log file {path}: cannot be written: {error.strerror}", "Give another file with --log-path"
        ) from None
