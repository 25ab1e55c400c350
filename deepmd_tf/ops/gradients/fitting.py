"""Gradient of the fitting networks."""

from __future__ import annotations

from deepmd_tf.ops.gradients.zero import is_zero
from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


@tf.RegisterGradient("DpFitting")
def _fitting_gradient(op, g_energy, g_slope, g_saved):
    """The energy alone gives g_energy * slope, which can be differentiated once more; the rest is one op."""
    if not is_zero(g_saved):
        raise NotImplementedError("what the fitting saves for its gradient has no gradient itself")
    x, natoms, *weights = op.inputs
    direct = is_zero(g_slope)
    dx, dweights = op_module().dp_fitting_grad(
        x=x,
        natoms=natoms,
        weights=weights,
        saved=op.outputs[2],
        g_energy=g_energy,
        g_slope=[] if direct else [g_slope],
        **{name: op.get_attr(name) for name in ("neuron", "activation", "timestep")},
    )
    if direct:
        dx = g_energy[:, None] * op.outputs[1]
    return [dx, None, *dweights]
