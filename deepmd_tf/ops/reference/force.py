"""Force, virial and their transposes, by loops over pairs."""

from __future__ import annotations

import numpy as np


def prod_force(net_deriv, deriv, nlist, *, nall: int | None = None):
    """See :func:`deepmd_tf.ops.core.prod_force`."""
    nf, nloc, nnei = nlist.shape
    force = np.zeros((nf, nloc if nall is None else nall, 3), net_deriv.dtype)
    for f, i, k in np.ndindex(nf, nloc, nnei):
        on_neighbor = net_deriv[f, i, k] @ deriv[f, i, k]  # [3]
        force[f, i] -= on_neighbor
        if nlist[f, i, k] >= 0:
            force[f, nlist[f, i, k]] += on_neighbor
    return force


def prod_force_grad(grad, deriv, nlist):
    """See :func:`deepmd_tf.ops.core.prod_force_grad`."""
    out = np.zeros(deriv.shape[:-1], grad.dtype)
    for f, i, k in np.ndindex(*nlist.shape):
        difference = -grad[f, i]
        if nlist[f, i, k] >= 0:
            difference = difference + grad[f, nlist[f, i, k] % grad.shape[1]]
        out[f, i, k] = deriv[f, i, k] @ difference
    return out


def prod_virial(net_deriv, deriv, rij, nlist, *, nall: int | None = None, atomic: bool = True):
    """See :func:`deepmd_tf.ops.core.prod_virial`."""
    nf, nloc, nnei = nlist.shape
    virial = np.zeros((nf, 3, 3), net_deriv.dtype)
    atom_virial = np.zeros((nf, nloc if nall is None else nall, 3, 3), net_deriv.dtype)
    for f, i, k in np.ndindex(nf, nloc, nnei):
        if nlist[f, i, k] < 0:
            continue
        term = np.outer(net_deriv[f, i, k] @ deriv[f, i, k], rij[f, i, k])
        virial[f] += term
        atom_virial[f, nlist[f, i, k]] += term
    return virial.reshape(nf, 9), atom_virial.reshape(nf, -1, 9) if atomic else None


def prod_virial_grad(grad, deriv, rij, nlist, *, grad_atom=None):
    """See :func:`deepmd_tf.ops.core.prod_virial_grad`."""
    out = np.zeros(deriv.shape[:-1], grad.dtype)
    for f, i, k in np.ndindex(*nlist.shape):
        if nlist[f, i, k] < 0:
            continue
        total = grad[f].reshape(3, 3)
        if grad_atom is not None:
            total = total + grad_atom[f, nlist[f, i, k]].reshape(3, 3)
        out[f, i, k] = deriv[f, i, k] @ total @ rij[f, i, k]
    return out
