"""Fitting networks of all atom types with their derivative, as one op.

Energy and derivative come out of one pass over the atoms; the gradient that training takes of both, through forces, is
one more op. The ops are this program's own: graphs that train hold them, frozen models that other programs read do not.
"""

from __future__ import annotations

from collections.abc import Sequence

from deepmd_tf.ops.library import op_module


def fitting_net(
    x,
    natoms,
    weights: Sequence,
    *,
    neuron: Sequence[int],
    activation_function: str,
    timestep: bool,
    name: str | None = None,
):
    r"""Energy of each atom by the network of its type, and the derivative of the energy.

    .. math::  h_0 = x, \quad h_{k+1} = \phi(h_k W_k + b_k) \,[\odot\, \mathrm{idt}_k] \,[+\, h_k], \quad
               E = h_L w + b, \quad \mathrm{slope} = \partial E / \partial x

    The terms in brackets are there for a layer :math:`k \geq 1` as wide as the one before it; ``idt`` only with
    ``timestep``.

    Parameters
    ----------
    x : tensor [n, d]
        float32 or float64; n = frames * natoms[0], in each frame the atoms are sorted by type.
    natoms : int32 tensor [2 + ntypes]
        Atoms per frame, the same with ghosts, and atoms per frame of each type.
    weights : sequence of tensors
        For each type: of each hidden layer matrix [in, out], bias [out] and, where it has one, idt [out]; then matrix
        [in, 1] and bias [1] of the final layer. Types may share tensors.
    neuron : sequence of int
        Widths of the hidden layers, at least one.
    activation_function : str
        A name of :func:`deepmd_tf.nn.activation.activation`, in any case.
    timestep : bool
        Whether layers have ``idt``.
    name : str, optional
        Name of the op in the graph.

    Returns
    -------
    energy : tensor [n]
    slope : tensor [n, d]
        Differentiable once by everything; what nothing reads costs nothing.

    Raises
    ------
    ValueError
        When the graph is built, for shapes that do not agree.
    tf.errors.InvalidArgumentError
        When it runs, for shapes that do not agree or an activation that is not known.
    """
    energy, slope, _ = op_module().dp_fitting(
        x=x,
        natoms=natoms,
        weights=list(weights),
        neuron=list(neuron),
        activation=activation_function.lower(),
        timestep=timestep,
        name=name,
    )
    return energy, slope
