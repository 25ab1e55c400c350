"""Feed frames to a session: sorted by type, as many at once as memory allows, large ones in domains."""

from __future__ import annotations

import numpy as np

from deepmd_tf.infer.batch import FrameBatcher
from deepmd_tf.infer.domains import domains
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.inputs import Frames

# What an output has a row for: other outputs have one for each atom with an energy of its own.
PER_FRAME, PER_NEIGHBOR = ("energy", "virial"), ("force", "atom_virial")


class Evaluator:
    """Results of frames, in the order of their atoms.

    Parameters
    ----------
    model : FrozenModel
    session : ModelSession or FusedSession
        Runs it.
    batcher : FrameBatcher
        Says how much is evaluated at once.
    """

    def __init__(self, model: FrozenModel, session, batcher: FrameBatcher):
        self._model = model
        self._session = session
        self._batcher = batcher

    def run(self, frames: Frames, names: list[str]) -> dict[str, np.ndarray]:
        """Outputs ``names``, without their prefix ``o_``: [nf, width] per frame or [nf, N, width] per atom."""
        nframes, natoms = frames.types.shape
        result: dict[str, np.ndarray] = {}
        for index, order in frames.by_composition():
            nreal = order.shape[1]
            if nreal == 0:
                continue

            def evaluate(part, index=index, order=order):
                way = self._in_domains if order.shape[1] > self._batcher.domain else self._whole
                return way(frames, index[part], order[part], names)

            for name, values in zip(names, self._batcher.run(len(index), nreal, evaluate)):
                per_atom = name not in PER_FRAME
                shape = (nframes, natoms, values.shape[-1]) if per_atom else (nframes, values.shape[-1])
                target = result.setdefault(name, np.zeros(shape, dtype=values.dtype))
                target[(index[:, None], order) if per_atom else index] = values
        return {name: result.get(name, _zeros(name, nframes, natoms)) for name in names}

    def _whole(self, frames: Frames, index: np.ndarray, order: np.ndarray, names: list[str]) -> list[np.ndarray]:
        rows = index[:, None]
        found = self._session.run(
            [f"o_{name}" for name in names],
            self._feeds(
                frames.coords[rows, order],
                None if frames.cells is None else frames.cells[index],
                frames.types[rows, order],
                frames.fparam[index],
                frames.aparam[rows, order],
            ),
        )
        shape = order.shape
        return [values.reshape(*(shape[:1] if name in PER_FRAME else shape), -1) for name, values in zip(names, found)]

    def _in_domains(self, frames: Frames, index: np.ndarray, order: np.ndarray, names: list[str]) -> list[np.ndarray]:
        """One frame; sums are in float64."""
        frame, order = index[0], order[0]
        cell = None if frames.cells is None else frames.cells[frame].reshape(3, 3)
        types, aparam = frames.types[frame, order], frames.aparam[frame, order]
        totals: list = [None] * len(names)
        for domain in domains(frames.coords[frame, order], cell, self._model.rcut, self._batcher.domain):
            centers = domain.owner[: domain.count]
            feeds = self._feeds(
                domain.coord[None], None, types[domain.owner][None], frames.fparam[index], aparam[centers][None]
            )
            for k, values in enumerate(self._session.run([f"o_{name}" for name in names], feeds)):
                to = np.zeros(1, int) if names[k] in PER_FRAME else domain.owner
                to = to if names[k] in (*PER_FRAME, *PER_NEIGHBOR) else centers
                values = values.reshape(len(to), -1)
                if totals[k] is None:
                    rows = 1 if names[k] in PER_FRAME else len(order)
                    totals[k] = np.zeros((rows, values.shape[1])), values.dtype
                np.add.at(totals[k][0], to, values)
        return [
            (total if name in PER_FRAME else total[None]).astype(dtype) for name, (total, dtype) in zip(names, totals)
        ]

    def _feeds(self, coords, cells, types, fparam, aparam) -> dict[str, np.ndarray]:
        """Placeholders of the graph (contract C.1), flat.

        Atoms with an energy of their own come first, sorted by type, as many as ``aparam`` [nf, n, width] has rows;
        others of coords [nf, N, 3] and types [nf, N] are neighbours only.
        """
        nframes, natoms = types.shape
        count, dtype = aparam.shape[1], self._model.dtype
        cells = np.tile(np.eye(3), (nframes, 1, 1)) if (is_open := cells is None) else cells
        feeds = {
            "t_coord": coords.astype(dtype).reshape(-1),
            "t_box": cells.astype(dtype).reshape(-1),
            "t_type": types.reshape(-1),
            "t_natoms": np.array(
                [count, natoms, *np.bincount(types[0, :count], minlength=self._model.ntypes)], dtype=np.int32
            ),
            # The length alone selects the boundary: 6 periodic, 0 open (contract B.5).
            "t_mesh": np.zeros(0 if is_open else 6, dtype=np.int32),
        }
        if fparam.shape[-1]:
            feeds["t_fparam"] = fparam.astype(dtype).reshape(-1)
        if aparam.shape[-1]:
            feeds["t_aparam"] = aparam.astype(dtype).reshape(-1)
        return feeds


def _zeros(name: str, nframes: int, natoms: int) -> np.ndarray:
    """Results of frames without any real atom."""
    width = {"energy": 1, "force": 3, "virial": 9, "atom_energy": 1, "atom_virial": 9}.get(name, 0)
    return np.zeros((nframes, width) if name in PER_FRAME else (nframes, natoms, width))
