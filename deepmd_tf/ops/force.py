"""The force ops."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def prod_force_se_a(net_deriv, deriv, nlist, natoms, *, nnei: int, name=None):
    """Force on each atom from the derivative of the energy by the environment matrix.

    Parameters
    ----------
    net_deriv : tensor [nf, nloc*nnei*4]
        Derivative of the energy by ``descrpt``, eV.
    deriv : tensor [nf, nloc*nnei*4*3]
        ``deriv`` of :func:`~deepmd_tf.ops.env_mat.prod_env_mat_a`, 1/Å.
    nlist : int32 tensor [nf, nloc*nnei]
        Neighbours, -1 for an empty slot.
    natoms : int32 tensor [2 + ntypes]
        nloc, nall, number of atoms of each type.
    nnei : int
        Neighbour slots of an atom.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    tensor [nf, nall*3]
        eV/Å. Gradients of first and higher order with respect to ``net_deriv`` are registered.
    """
    return op_module().prod_force_se_a(
        net_deriv=net_deriv, in_deriv=deriv, nlist=nlist, natoms=natoms, n_a_sel=nnei, n_r_sel=0, name=name
    )


def prod_force_se_r(net_deriv, deriv, nlist, natoms, *, nnei: int, name=None):
    """Force on each atom from the derivative of the energy by the radial environment matrix.

    Parameters
    ----------
    net_deriv : tensor [nf, nloc*nnei]
        Derivative of the energy by ``descrpt``, eV.
    deriv : tensor [nf, nloc*nnei*3]
        ``deriv`` of :func:`~deepmd_tf.ops.env_mat.prod_env_mat_r`, 1/Å.
    nlist, natoms, name
        As :func:`prod_force_se_a`.
    nnei : int
        Neighbour slots of an atom. The op reads it off its inputs.

    Returns
    -------
    tensor [nf, nall*3]
        eV/Å. Gradients of first and higher order with respect to ``net_deriv`` are registered.
    """
    del nnei  # so that the two ops can be called alike
    return op_module().prod_force_se_r(net_deriv=net_deriv, in_deriv=deriv, nlist=nlist, natoms=natoms, name=name)
