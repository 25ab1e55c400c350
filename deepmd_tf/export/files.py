"""Writing files so that a crash leaves the old content or the new, never a mixture."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from deepmd_tf.errors import SaveError


def fsync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path``: temporary file, fsync, rename, fsync of the folder.

    Raises
    ------
    SaveError
        The disk is full, the folder is not writable, or another I/O error; ``path`` is as it was.
    """
    path = Path(path)
    with saving(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes private files; give this one what the user's umask says.
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            fsync(path.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


@contextlib.contextmanager
def saving(path: str | Path):
    """Report an I/O error inside as a :class:`SaveError` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise SaveError(
            f"{path}: cannot be written ({error.strerror or error})", "What was there before is intact"
        ) from error


def set_aside(paths: list[Path]) -> Path | None:
    """Move existing files into a new folder ``previous.N`` beside the first, so that nothing is lost.

    Returns the folder, or None when none of the files exists.
    """
    existing = [path for path in paths if os.path.lexists(path)]
    if not existing:
        return None
    home = existing[0].parent
    with saving(home):
        number = 1
        while (folder := home / f"previous.{number}").exists():
            number += 1
        folder.mkdir()
        for path in existing:
            os.replace(path, folder / path.name)
        fsync(home)
    return folder


def _umask() -> int:
    # The only portable way to read the umask is to set it.
    value = os.umask(0o022)
    os.umask(value)
    return value
