"""Which frame made a step fail."""

from __future__ import annotations

import numpy as np

from deepmd_tf.ops.core import neighbor_stat

MOST_NAMED = 8
# Å; wide enough to see atoms that are too close, and cheap.
SEARCH_RADIUS = 4.0


def blame_frames(session, graph, dataset, batch) -> tuple[bool, str]:
    """Name the frames of a batch that give non-finite errors alone, with their smallest distance.

    Names all frames of the batch when none of them does so alone, and tells which is the case.
    """
    guilty = [f for f in range(batch.nframes) if not _is_finite(session, graph, _frame(batch, f))]
    named = guilty or range(batch.nframes)
    text = "; ".join(_place(dataset, batch, f) for f in list(named)[:MOST_NAMED])
    return bool(guilty), ("It comes from " if guilty else "No frame alone causes it; the batch holds ") + text


def _frame(batch, index: int) -> dict:
    """The batch with one frame only: arrays with a frame axis are cut, the others shared."""
    one = dict(batch)
    for key, value in batch.items():
        if isinstance(value, np.ndarray) and value.ndim == 2:
            one[key] = value[index : index + 1]
    return one


def _is_finite(session, graph, frame: dict) -> bool:
    feeds = dict(zip(graph.feeds.values(), graph.arrays(frame)))
    wanted = [graph.prediction.energy, graph.prediction.force, graph.errors["rmse"]]
    return all(np.isfinite(value).all() for value in session.run(wanted, feeds))


def _place(dataset, batch, index: int) -> str:
    """System, set and frame, as the user finds them on the disk, and the smallest distance in the frame."""
    at = lambda entry: entry[index] if isinstance(entry, list) else entry  # noqa: E731
    system = dataset.systems[at(batch.system)]
    coord, atype = batch["coord"][index : index + 1], batch["type"][index : index + 1]
    box = batch["box"][index : index + 1] if system.pbc else None
    found = neighbor_stat(coord, atype, box, rcut=SEARCH_RADIUS, ntypes=dataset.ntypes)
    _, i, j = found.min_pair
    name = system.frame_place(at(batch.set), int(batch.frames[index]))
    if i < 0:
        return f"{name} (no two atoms within {SEARCH_RADIUS} Å)"
    first, second = sorted((system.file_atom(int(i)), system.file_atom(int(j))))
    return f"{name} (smallest distance {found.min_distance:.4f} Å, atoms {first} and {second})"
