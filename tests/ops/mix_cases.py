"""Inputs of the environment matrix of mixed types, for tests against loops over pairs and against deepmd-kit."""

from __future__ import annotations

import numpy as np

from tests.ops.cases import CASES, RCUT, RCUT_SMTH, Case, make, statistics


def _mixed(case: Case) -> Case:
    """The types of each frame in an order of their own."""
    return case._replace(atype=np.random.default_rng(5).permuted(case.atype, axis=1))


def _two_compositions() -> Case:
    """Three frames: of the first type alone, of the last alone, and of all three."""
    case = make(types=3, sel=(10, 12, 14), frames=3)
    case.atype[0], case.atype[1] = 0, 2
    return case


MIX_CASES = {
    **{name: _mixed(case) for name, case in CASES.items() if len(case.sel) == 2},
    "two_compositions": _mixed(_two_compositions()),
    "padded": _mixed(make(size=7.0)._replace(atype=np.repeat([[0, 1, -1]], 2, axis=0).repeat(8, axis=1))),
}


def mix_inputs(case: Case, mesh=None) -> dict:
    """The inputs of the op in their order; natoms is what is written for frames whose numbers of types differ."""
    nf, natoms = case.atype.shape
    dtype, (davg, dstd) = case.coord.dtype, statistics(case)
    if mesh is None:
        mesh = np.zeros(1 if case.box is None else 7)
    return dict(
        coord=case.coord,
        atype=case.atype.astype(np.int32),
        natoms=np.array([natoms, natoms, natoms] + [0] * (len(case.sel) - 1), np.int32),
        box=np.zeros((nf, 9), dtype) if case.box is None else case.box,
        mesh=np.asarray(mesh, np.int32),
        davg=davg.astype(dtype),
        dstd=dstd.astype(dtype),
    )


def mix_attributes(case: Case) -> dict:
    """The attributes that graphs hold."""
    return dict(rcut_a=-1.0, rcut_r=RCUT, rcut_r_smth=RCUT_SMTH, sel_a=[case.nnei], sel_r=[0])
