"""Inputs of the environment matrix ops, for tests against loops over pairs and against deepmd-kit."""

from __future__ import annotations

import numpy as np

from nvnmd import fixed_point
from tests.ops.cases import CASES, RCUT, RCUT_SMTH, Case

BY_TYPE, MIXED = "ProdEnvMatANvnmdQuantize", "ProdEnvMatAMixNvnmdQuantize"


def inputs(case: Case, *, mixed: bool, mesh=None) -> list[np.ndarray]:
    """The inputs of an op in their order."""
    nf, natoms = case.atype.shape
    dtype, ntypes = case.coord.dtype, len(case.sel)
    if mesh is None:
        mesh = np.zeros(mixed + (0 if case.box is None else 6), np.int32)
    unused = np.full((ntypes, 4 * case.nnei), np.nan, dtype)
    counts = np.array([natoms, natoms, natoms] + [0] * (ntypes - 1), np.int32)
    box = np.zeros((nf, 9), dtype) if case.box is None else case.box
    return [case.coord, case.atype, counts, box, np.asarray(mesh, np.int32), unused, unused]


def attributes(case: Case, *, mixed: bool) -> dict:
    sel = [case.nnei] if mixed else list(case.sel)
    return dict(rcut_a=-1.0, rcut_r=RCUT, rcut_r_smth=RCUT_SMTH, sel_a=sel, sel_r=[0] * len(sel))


def rows(rij, holds):
    """What the ops say of vectors [..., 3]: descrpt [..., 4] and deriv [..., 4, 3], 0 where a slot is empty."""
    q = fixed_point.flt(rij) * holds[..., None]
    deriv = np.concatenate([-2 * q[..., None, :], np.broadcast_to(-np.eye(3), (*q.shape, 3))], axis=-2)
    return np.concatenate([fixed_point.dotmul(q, q), q], axis=-1), deriv * holds[..., None, None]


def mesh_of_list(nlists) -> np.ndarray:
    """The mesh tensor of neighbours by value: [16 numbers, centres, counts, rows]."""
    counts = [len(row) for row in nlists]
    head = [len(nlists)] + [0] * 15
    return np.array([*head, *range(len(nlists)), *counts, *(j for row in nlists for j in row)], np.int32)


def all_cases() -> dict:
    """{name: (case, mixed)}."""
    return {
        f"{name} {'mixed' if mixed else 'by type'}": (case, mixed) for name, case in CASES.items() for mixed in (0, 1)
    }
