"""The virial ops."""

from __future__ import annotations

from deepmd_tf.ops.library import op_module


def prod_virial_se_a(net_deriv, deriv, rij, nlist, natoms, *, nnei: int, name=None):
    """Virial and atomic virial from the derivative of the energy by the environment matrix.

    Parameters
    ----------
    net_deriv, deriv, nlist, natoms, nnei, name
        As :func:`~deepmd_tf.ops.force.prod_force_se_a`.
    rij : tensor [nf, nloc*nnei*3]
        ``rij`` of :func:`~deepmd_tf.ops.env_mat.prod_env_mat_a`, Å.

    Returns
    -------
    virial : tensor [nf, 9]
        eV: sum over neighbours of force (row) times distance (column), which is minus dE/dh contracted with h.
        Gradients of first and higher order with respect to ``net_deriv`` are registered.
    atom_virial : tensor [nf, nall*9]
        eV: each term given to the neighbour. It has no gradient; nothing is computed unless it is read.
    """
    return op_module().prod_virial_se_a(
        net_deriv=net_deriv, in_deriv=deriv, rij=rij, nlist=nlist, natoms=natoms, n_a_sel=nnei, n_r_sel=0, name=name
    )


def prod_virial_se_r(net_deriv, deriv, rij, nlist, natoms, *, nnei: int, name=None):
    """Virial and atomic virial from the derivative of the energy by the radial environment matrix.

    Parameters
    ----------
    net_deriv, deriv, nlist, natoms, nnei, name
        As :func:`~deepmd_tf.ops.force.prod_force_se_r`.
    rij : tensor [nf, nloc*nnei*3]
        ``rij`` of :func:`~deepmd_tf.ops.env_mat.prod_env_mat_r`, Å.

    Returns
    -------
    virial : tensor [nf, 9]
    atom_virial : tensor [nf, nall*9]
        As :func:`prod_virial_se_a`.
    """
    del nnei  # so that the two ops can be called alike
    return op_module().prod_virial_se_r(
        net_deriv=net_deriv, in_deriv=deriv, rij=rij, nlist=nlist, natoms=natoms, name=name
    )
