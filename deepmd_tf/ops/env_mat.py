"""The environment matrix ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deepmd_tf.ops.library import op_module


class EnvMatTensors(NamedTuple):
    """Outputs of the ops, with nnei = sum(sel) and the C = 4 or 1 components of a row."""

    descrpt: object  # [nf, nloc*nnei*C]
    deriv: object  # [nf, nloc*nnei*C*3]
    rij: object  # [nf, nloc*nnei*3], Å
    nlist: object  # [nf, nloc*nnei], -1 where a slot is empty


class MixedEnvMatTensors(NamedTuple):
    """Outputs of :func:`prod_env_mat_a_mix`, with nnei = nsel: those of :class:`EnvMatTensors` and two more."""

    descrpt: object  # [nf, nloc*nnei*4]
    deriv: object  # [nf, nloc*nnei*4*3]
    rij: object  # [nf, nloc*nnei*3], Å
    nlist: object  # [nf, nloc*nnei], -1 where a slot is empty
    ntype: object  # [nf, nloc*nnei], type of the neighbour; ntypes where a slot is empty
    nmask: object  # [nf, nloc*nnei] bool, whether the slot holds a neighbour


def prod_env_mat_a(
    coord, atype, natoms, box, mesh, davg, dstd, *, rcut: float, rcut_smth: float, sel: Sequence[int], name=None
) -> EnvMatTensors:
    """Rows s(r) (1, x/r, y/r, z/r) of the neighbours of each atom, shifted and scaled, and their derivative.

    Parameters
    ----------
    coord : tensor [nf, nall*3]
        Positions, Å.
    atype : int32 tensor [nf, nall]
        Types below ``len(sel)``; negative for virtual atoms.
    natoms : int32 tensor [2 + ntypes]
        nloc, nall, number of atoms of each type.
    box : tensor [nf, 9]
        Lattice vectors as rows, Å; read only when the mesh has length 6.
    mesh : int32 tensor
        Length 0: open boundaries; 6: periodic; above 16: a neighbour list (see the documentation of the op).
    davg, dstd : tensor [ntypes, nnei*4]
        Mean and scale by type of the centre.
    rcut, rcut_smth : float
        Cutoff and start of the switching function, Å; rounded to float32 by the op.
    sel : sequence of int
        Neighbour slots of each type.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    EnvMatTensors
    """
    return EnvMatTensors(
        *op_module().prod_env_mat_a(
            coord=coord,
            type=atype,
            natoms=natoms,
            box=box,
            mesh=mesh,
            davg=davg,
            dstd=dstd,
            rcut_a=-1.0,
            rcut_r=rcut,
            rcut_r_smth=rcut_smth,
            sel_a=list(sel),
            sel_r=[0] * len(sel),
            name=name,
        )
    )


def prod_env_mat_a_mix(
    coord, atype, natoms, box, mesh, davg, dstd, *, rcut: float, rcut_smth: float, nsel: int, name=None
) -> MixedEnvMatTensors:
    """:func:`prod_env_mat_a` with neighbours of all types in one block, sorted by distance.

    Types may differ from frame to frame.

    Parameters
    ----------
    coord, atype, natoms, box, rcut, rcut_smth, name
        As :func:`prod_env_mat_a`, with the number of types that ``natoms`` tells.
    mesh : int32 tensor
        As :func:`prod_env_mat_a`; length 1 is open as 0 is, and length 7 periodic as 6 is.
    davg, dstd : tensor [ntypes, nsel*4]
        Mean and scale by type of the centre.
    nsel : int
        Neighbour slots of an atom.

    Returns
    -------
    MixedEnvMatTensors
    """
    return MixedEnvMatTensors(
        *op_module().prod_env_mat_a_mix(
            coord=coord,
            type=atype,
            natoms=natoms,
            box=box,
            mesh=mesh,
            davg=davg,
            dstd=dstd,
            rcut_a=-1.0,
            rcut_r=rcut,
            rcut_r_smth=rcut_smth,
            sel_a=[nsel],
            sel_r=[0],
            name=name,
        )
    )


def prod_env_mat_r(
    coord, atype, natoms, box, mesh, davg, dstd, *, rcut: float, rcut_smth: float, sel: Sequence[int], name=None
) -> EnvMatTensors:
    """The radial environment matrix: s(r) of the neighbours of each atom, shifted and scaled, and its derivative.

    Parameters
    ----------
    coord, atype, natoms, box, mesh, rcut, rcut_smth, sel, name
        As :func:`prod_env_mat_a`, whose first component this is.
    davg, dstd : tensor [ntypes, nnei]
        Mean and scale by type of the centre.

    Returns
    -------
    EnvMatTensors
        With one component.
    """
    return EnvMatTensors(
        *op_module().prod_env_mat_r(
            coord=coord,
            type=atype,
            natoms=natoms,
            box=box,
            mesh=mesh,
            davg=davg,
            dstd=dstd,
            rcut=rcut,
            rcut_smth=rcut_smth,
            sel=list(sel),
            name=name,
        )
    )
