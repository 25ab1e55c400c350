"""Checkpoints that are complete or ignored.

A set is ``PREFIX-STEP.{data-00000-of-00001,index,meta}`` and, written last, ``PREFIX-STEP.manifest.json``
with the size and SHA-256 of each. Files are written into a hidden folder, forced to the disk and renamed
into place; a set whose manifest is missing or does not fit was cut short and is passed over. Links
``PREFIX.*`` and the text file ``checkpoint`` name the newest set, as other tools of the field expect.
Everything needed to go on or to freeze is a tensor of the set: weights, optimizer, step, input, seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmd_tf.errors import CheckpointError
from deepmd_tf.export.files import fsync, saving, write_atomic
from deepmd_tf.tf1 import tf

DATA, INDEX, META, MANIFEST = ".data-00000-of-00001", ".index", ".meta", ".manifest.json"
PARTS = (DATA, INDEX, META)


@dataclass(frozen=True)
class Checkpoint:
    """A readable set.

    Attributes
    ----------
    prefix : Path
        Path of the set without endings.
    """

    prefix: Path

    def values(self) -> dict[str, np.ndarray]:
        """All tensors by name.

        Raises
        ------
        CheckpointError
            The files cannot be read as a checkpoint.
        """
        try:
            reader = tf.train.load_checkpoint(str(self.prefix))
            return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            text = str(error).splitlines()[0]
            raise CheckpointError(f"{self.prefix}: not readable as a checkpoint ({text})") from error


class CheckpointWriter:
    """Writes sets for one training run and keeps the newest ``keep`` of them.

    Parameters
    ----------
    prefix : str or Path
        ``save_ckpt`` of the input, e.g. ``model.ckpt``.
    keep : int
        How many sets stay on the disk.
    save : callable
        ``save(session, prefix)`` writes everything that a run continues from in TensorFlow's format.
    meta : bytes, optional
        The graph that goes with it; that of the session unless given.
    """

    def __init__(self, prefix: str | Path, keep: int, save: Callable, meta: bytes | None = None):
        self.prefix = Path(prefix).absolute()
        self.keep = max(1, keep)
        self._save_tensors = save
        self._meta = meta
        with saving(self.prefix.parent):
            self.prefix.parent.mkdir(parents=True, exist_ok=True)

    def save(self, session, step: int) -> Path:
        """Write the set of ``step``; return its prefix.

        Raises
        ------
        SaveError
            The set could not be written; earlier sets are as they were.
        """
        final = self.prefix.with_name(f"{self.prefix.name}-{step}")
        if is_complete(final):
            return final
        workshop = self.prefix.with_name(f".{self.prefix.name}.saving")
        with saving(final):
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir()
            try:
                self._write(session, workshop / final.name)
                for part in (*PARTS, MANIFEST):
                    os.replace(_with(workshop / final.name, part), _with(final, part))
                    fsync(final.parent)
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
        self._announce(final)
        return final

    def _write(self, session, target: Path) -> None:
        """Write all parts and the manifest below the workshop folder, forced to the disk."""
        try:
            self._save_tensors(session, str(target))
        except (tf.errors.OpError, ValueError) as error:
            # TensorFlow wraps the operating system's word; the caller's handler wants that.
            raise OSError(str(error).splitlines()[0]) from error
        if self._meta is None:
            with session.graph.as_default():
                self._meta = tf.train.export_meta_graph(graph=session.graph).SerializeToString()
        _with(target, META).write_bytes(self._meta)
        manifest = {}
        for part in PARTS:
            content = _with(target, part)
            fsync(content)
            manifest[part] = {"size": content.stat().st_size, "sha256": _digest(content)}
        _with(target, MANIFEST).write_text(json.dumps(manifest, indent=1))
        fsync(_with(target, MANIFEST))

    def _announce(self, final: Path) -> None:
        """Point the links and the state file to ``final``, then drop sets beyond ``keep``."""
        with saving(final):
            for part in PARTS:
                link = _with(self.prefix, part)
                temporary = link.with_name(f".{link.name}.link")
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(_with(final, part).name)
                os.replace(temporary, link)
            sets = numbered_sets(self.prefix)
            kept = [entry for entry in sets if _with(entry[1], MANIFEST).exists()][-self.keep :]
            names = "".join(f'all_model_checkpoint_paths: "{path.name}"\n' for _, path in kept)
            state = f'model_checkpoint_path: "{final.name}"\n{names}'
            write_atomic(self.prefix.parent / "checkpoint", state.encode())
            for step, old in sets:
                if step < kept[0][0]:
                    remove_set(old)


def find_checkpoint(path: str | Path) -> Checkpoint:
    """Return the newest complete set that ``path`` stands for.

    Parameters
    ----------
    path : str or Path
        A folder, a prefix (``model.ckpt``) or the prefix of one set (``model.ckpt-1000``).

    Raises
    ------
    CheckpointError
        There is none, or the one asked for by number is incomplete.
    """
    path = Path(path)
    if path.is_dir():
        return find_checkpoint(path / _state_prefix(path))
    index = _with(path, INDEX)
    if index.exists() and not index.is_symlink():
        # A set of its own, or files that a workflow tool has copied without a manifest.
        if _with(path, MANIFEST).exists() and not is_complete(path):
            raise CheckpointError(
                f"{path}: the checkpoint is incomplete or damaged", "Name an earlier one, or the prefix alone"
            )
        return Checkpoint(path)
    # From the newest: reading every set for its sum would take seconds where models are large.
    for _, prefix in reversed(numbered_sets(path)):
        if is_complete(prefix):
            return Checkpoint(prefix)
    if index.exists():
        return Checkpoint(path)
    raise CheckpointError(f"{path}: there is no complete checkpoint here", _nearby(path))


def numbered_sets(prefix: Path) -> list[tuple[int, Path]]:
    """Steps and prefixes of the sets ``PREFIX-STEP`` that have an index, by step."""
    pattern = re.compile(re.escape(prefix.name) + r"-(\d+)" + re.escape(INDEX))
    folder = prefix.parent
    names = os.listdir(folder) if folder.is_dir() else []
    steps = sorted(int(match[1]) for match in map(pattern.fullmatch, names) if match)
    return [(step, prefix.with_name(f"{prefix.name}-{step}")) for step in steps]


def is_complete(prefix: Path) -> bool:
    """Whether the set has a manifest and every part is as the manifest says."""
    try:
        manifest = json.loads(_with(prefix, MANIFEST).read_text())
        return all(
            _with(prefix, part).stat().st_size == manifest[part]["size"]
            and _digest(_with(prefix, part)) == manifest[part]["sha256"]
            for part in PARTS
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remove_set(prefix: Path) -> None:
    """Delete a set; the manifest goes first, so that a half-deleted set does not look complete."""
    for path in set_files(prefix):
        path.unlink(missing_ok=True)


def set_files(prefix: Path) -> list[Path]:
    """The files of one set, the manifest first."""
    return [_with(prefix, part) for part in (MANIFEST, *PARTS)]


def run_files(prefix: str | Path) -> list[Path]:
    """Every file that a run with this prefix has written: sets, links, the state file."""
    prefix = Path(prefix).absolute()
    if not prefix.parent.is_dir():
        return []
    ending = "|".join(re.escape(part) for part in (*PARTS, MANIFEST))
    pattern = re.compile(re.escape(prefix.name) + rf"(-\d+)?({ending})")
    files = [prefix.parent / name for name in sorted(os.listdir(prefix.parent)) if pattern.fullmatch(name)]
    state = prefix.parent / "checkpoint"
    return [*files, state] if files and state.exists() else files


def _state_prefix(folder: Path) -> str:
    """The prefix, without step, that the text file ``checkpoint`` of a folder names; ``model.ckpt`` without one."""
    state = folder / "checkpoint"
    if not state.exists():
        return "model.ckpt"
    match = re.search(r'^model_checkpoint_path:\s*"(.*)"', state.read_text(errors="replace"), re.MULTILINE)
    if match is None:
        raise CheckpointError(f"{state}: expected a line model_checkpoint_path, found none")
    return re.sub(r"-\d+$", "", match[1])


def _with(prefix: Path, part: str) -> Path:
    return prefix.with_name(prefix.name + part)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest()
            if hasattr(hashlib, "file_digest")
            else hashlib.sha256(file.read()).hexdigest()
        )


def _nearby(path: Path) -> str | None:
    found = sorted(p.name for p in path.parent.glob("*.index")) if path.parent.is_dir() else []
    return f"Found beside it: {', '.join(found[:5])}" if found else None
