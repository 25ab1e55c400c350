"""Force and virial together: by the operations of the field, or in one of our own."""

from __future__ import annotations

from typing import NamedTuple

from deepmd_tf.ops.force import prod_force_se_a, prod_force_se_r
from deepmd_tf.ops.library import op_module
from deepmd_tf.ops.virial import prod_virial_se_a, prod_virial_se_r


class ForceVirialTensors(NamedTuple):
    """Force, virial and atomic virial."""

    force: object  # [nf, nall*3], eV/Å
    virial: object  # [nf, 9], eV
    atom_virial: object  # [nf, nall*9], eV


def force_virial_by_two(net_deriv, deriv, rij, nlist, natoms, *, nnei: int, components: int = 4) -> ForceVirialTensors:
    """Force, virial and atomic virial by two operations of the field; parameters as :func:`force_virial`."""
    force, virial = {4: (prod_force_se_a, prod_virial_se_a), 1: (prod_force_se_r, prod_virial_se_r)}[components]
    return ForceVirialTensors(
        force(net_deriv, deriv, nlist, natoms, nnei=nnei), *virial(net_deriv, deriv, rij, nlist, natoms, nnei=nnei)
    )


def force_virial(net_deriv, deriv, rij, nlist, natoms, *, nnei: int, components: int = 4) -> ForceVirialTensors:
    """Force, virial and atomic virial in one pass over ``deriv``, the largest array of a step.

    The results are those of :func:`force_virial_by_two`; what nothing reads is not computed.

    Parameters
    ----------
    net_deriv : tensor [nf, nloc*nnei*C]
        Derivative of the energy by ``descrpt``, eV.
    deriv : tensor [nf, nloc*nnei*C*3]
        ``deriv`` of the environment matrix, 1/Å.
    rij : tensor [nf, nloc*nnei*3]
        Å.
    nlist : int32 tensor [nf, nloc*nnei]
        Neighbours, -1 for an empty slot.
    natoms : int32 tensor [2 + ntypes]
        nloc, nall, number of atoms of each type.
    nnei : int
        Neighbour slots of an atom.
    components : int, optional
        C: 4 for rows s(r) (1, x/r, y/r, z/r), 1 for s(r) alone.

    Returns
    -------
    ForceVirialTensors
        Force and virial have registered gradients of first and higher order with respect to ``net_deriv``; the atomic
        virial has none.
    """
    del nnei, components  # read off the inputs; here so that both functions can be called alike
    return ForceVirialTensors(
        *op_module().dp_force_virial(net_deriv=net_deriv, in_deriv=deriv, rij=rij, nlist=nlist, natoms=natoms)
    )
