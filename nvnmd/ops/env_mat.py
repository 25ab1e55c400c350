"""The environment matrix of the quantised networks: |q|^2 and q, the truncated distance vectors of the neighbours."""

from __future__ import annotations

from typing import NamedTuple

from deepmd_tf.ops.env_mat import EnvMatTensors
from nvnmd.ops.library import op_module


class MixedEnvMatTensors(NamedTuple):
    """Outputs of :func:`prod_env_mat_a_mix`: those of :class:`EnvMatTensors` and two more."""

    descrpt: object
    deriv: object
    rij: object
    nlist: object
    ntype: object  # [nf, nloc*nnei], type of the neighbour; the number of types where a slot is empty
    nmask: object  # [nf, nloc*nnei] bool, whether the slot holds a neighbour


def prod_env_mat_a(coord, atype, natoms, box, mesh, davg, dstd, *, rcut: float, sel, name=None) -> EnvMatTensors:
    """Rows of the neighbours of each atom, in one block of slots for each type.

    Parameters
    ----------
    coord : tensor [nf, nall*3]
        Positions, Å.
    atype : int32 tensor [nf, nall]
        Types below ``len(sel)``; negative for virtual atoms.
    natoms : int32 tensor [2 + ntypes]
        nloc, nall, number of atoms of each type.
    box : tensor [nf, 9]
        Lattice vectors as rows, Å; read only when the mesh is periodic.
    mesh : int32 tensor
        Length 0: open boundaries; 6: periodic; 16 or more: a neighbour list, as of ``ProdEnvMatA``.
    davg, dstd : tensor [ntypes, nnei*4]
        Checked for their shape, not used.
    rcut : float
        Cutoff, Å; rounded to float32 by the op.
    sel : sequence of int
        Neighbour slots of each type.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    EnvMatTensors
        Rows |q|^2 in Å^2 and q in Å; 0 in an empty slot. The derivative is by the position of the centre.

    Raises
    ------
    tf.errors.InvalidArgumentError
        When it runs, for shapes, types or a mesh that do not fit.
    """
    function = op_module().prod_env_mat_a_nvnmd_quantize
    return EnvMatTensors(*function(coord, atype, natoms, box, mesh, davg, dstd, **_attributes(rcut, sel), name=name))


def prod_env_mat_a_mix(
    coord, atype, natoms, box, mesh, davg, dstd, *, rcut: float, sel: int, name=None
) -> MixedEnvMatTensors:
    """:func:`prod_env_mat_a` with ``sel`` slots for neighbours of all types; the mesh may have length 1 or 7, too."""
    function = op_module().prod_env_mat_a_mix_nvnmd_quantize
    attributes = _attributes(rcut, [sel])
    return MixedEnvMatTensors(*function(coord, atype, natoms, box, mesh, davg, dstd, **attributes, name=name))


def _attributes(rcut: float, sel) -> dict:
    """The attributes of both ops; those that are not used have the values that graphs write."""
    return dict(rcut_a=-1.0, rcut_r=rcut, rcut_r_smth=rcut, sel_a=list(sel), sel_r=[0] * len(sel))
