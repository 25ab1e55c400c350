"""Gradients of force and virial, for rows of four components (SeA) and of one (SeR).

Both maps are linear in net_deriv: the gradient of each is its transpose, an op of its own, and the gradient of the
transpose is the map again, so that losses may hold derivatives of the force.
"""

from __future__ import annotations

from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


def _sel(op) -> dict[str, int]:
    """The attributes that the ops of four components have."""
    names = ("n_a_sel", "n_r_sel") if "n_a_sel" in op.node_def.attr else ()
    return {name: op.get_attr(name) for name in names}


def refuse_atomic_virial(gradient) -> None:
    """Raise NotImplementedError for a loss that holds the atomic virial."""
    # TensorFlow fills in zeros for an output that the loss does not hold.
    if gradient is not None and gradient.op.type not in ("ZerosLike", "Fill", "Const"):
        raise NotImplementedError("the atomic virial has no gradient; put the virial into the loss instead")


def _register_force(name: str, function: str) -> None:
    @tf.RegisterGradient(f"ProdForce{name}")
    def _gradient(op, grad):
        transpose = getattr(op_module(), f"prod_force_{function}_grad")
        return [transpose(grad, *op.inputs, **_sel(op)), None, None, None]

    @tf.RegisterGradient(f"ProdForce{name}Grad")
    def _second_gradient(op, grad):
        _, _, deriv, nlist, natoms = op.inputs
        force = getattr(op_module(), f"prod_force_{function}")
        return [force(grad, deriv, nlist, natoms, **_sel(op)), None, None, None, None]


def _register_virial(name: str, function: str) -> None:
    @tf.RegisterGradient(f"ProdVirial{name}")
    def _gradient(op, grad_virial, grad_atom_virial):
        refuse_atomic_virial(grad_atom_virial)
        transpose = getattr(op_module(), f"prod_virial_{function}_grad")
        return [transpose(grad_virial, *op.inputs, **_sel(op)), None, None, None, None]

    @tf.RegisterGradient(f"ProdVirial{name}Grad")
    def _second_gradient(op, grad):
        _, _, deriv, rij, nlist, natoms = op.inputs
        virial, _ = getattr(op_module(), f"prod_virial_{function}")(grad, deriv, rij, nlist, natoms, **_sel(op))
        return [virial, None, None, None, None, None]


for _name, _function in (("SeA", "se_a"), ("SeR", "se_r")):
    _register_force(_name, _function)
    _register_virial(_name, _function)
