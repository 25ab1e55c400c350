"""Small random systems on disk, in each format the program reads. Positions are random but never too close."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def random_frames(
    natoms: int = 6, nframes: int = 3, length: float = 8.0, seed: int = 0, triclinic: bool = False
) -> dict:
    """Arrays of ``nframes`` frames: atoms on a jittered grid, random labels.

    Returns
    -------
    dict
        coord, force [nf, N*3], box, virial [nf, 9], energy [nf].
    """
    rng = np.random.default_rng(seed)
    side = int(np.ceil(natoms ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:natoms] + 0.5
    cell = length * np.eye(3)
    if triclinic:
        cell += np.tril(rng.uniform(-0.15, 0.15, (3, 3)), -1) * length
    fractional = (grid + rng.uniform(-0.25, 0.25, (nframes, natoms, 3))) / side
    return {
        "coord": (fractional @ cell).reshape(nframes, -1),
        "box": np.tile(cell.ravel(), (nframes, 1)),
        "energy": rng.normal(-10.0, 1.0, nframes),
        "force": rng.normal(0.0, 1.0, (nframes, natoms * 3)),
        "virial": rng.normal(0.0, 1.0, (nframes, 9)),
    }


def write_system(
    folder: Path | str,
    types=(1, 0, 0, 1, 0, 0),
    *,
    nframes: int | list[int] = 3,
    type_map=("O", "H"),
    pbc: bool = True,
    seed: int = 0,
    length: float = 8.0,
    triclinic: bool = False,
    arrays: dict | None = None,
    drop: tuple[str, ...] = (),
    form: str = "npy",
) -> str:
    """Write a random system and return the path under which the program opens it.

    Parameters
    ----------
    folder : Path
        Folder to make, or for ``form="hdf5"`` the file "x.hdf5" or "x.hdf5#/group".
    types : sequence of int
        Content of type.raw.
    nframes : int or list of int
        Frames of each set.
    arrays : dict
        More arrays, or others in the place of the random ones: ``{"fparam": [nf, 2]}``; a list has one per set.
    drop : tuple of str
        Arrays to leave out.
    form : str
        "npy", "raw" (one set only) or "hdf5".
    """
    counts = [nframes] if isinstance(nframes, int) else list(nframes)
    files: dict[str, object] = {"type.raw": np.asarray(types, np.int64)}
    if type_map is not None:
        files["type_map.raw"] = list(type_map)
    if not pbc:
        files["nopbc"] = None
        drop = (*drop, "box")
    for index, count in enumerate(counts):
        content = random_frames(len(types), count, length, seed + index, triclinic)
        for key, value in (arrays or {}).items():
            content[key] = np.asarray(value[index] if isinstance(value, list) else value)
        for key in content.keys() - set(drop):
            files[f"set.{index:03d}/{key}"] = content[key]
    {"npy": _write_npy, "raw": _write_raw, "hdf5": _write_hdf5}[form](str(folder), files)
    return str(folder)


def _write_npy(folder: str, files: dict) -> None:
    for name, content in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "/" in name:
            np.save(f"{path}.npy", content)
        else:
            _write_text(path, content)


def _write_raw(folder: str, files: dict) -> None:
    for name, content in files.items():
        path = Path(folder) / name
        if "/" in name:
            path = Path(folder) / f"{path.name}.raw"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(path, content.reshape(len(content), -1), fmt="%.17g")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_text(path, content)


def _write_text(path: Path, content) -> None:
    path.write_text("" if content is None else "\n".join(map(str, content)) + "\n")


def _write_hdf5(path: str, files: dict) -> None:
    file, _, group = path.partition("#")
    with h5py.File(file, "a") as handle:
        node = handle.require_group(group or "/")
        for name, content in files.items():
            if content is None:
                content = np.array(1)
            elif isinstance(content, list):
                content = np.array(content, dtype="S")
            node[f"{name}.npy" if "/" in name else name] = content
