"""Gradients of the tabulated features: the same three ops for each form of the sum."""

from __future__ import annotations

from deepmd_tf.ops.gradients.zero import is_zero
from deepmd_tf.ops.library import op_module
from deepmd_tf.tf1 import tf


def _register(form: str) -> None:
    """Register first and second gradient of one form, ``two_body`` say, whose ops differ by name alone."""
    name = "DpTable" + form.title().replace("_", "")

    @tf.RegisterGradient(name)
    def _gradient(op, grad_x, _):
        drows, dtable = _call(f"dp_table_{form}_grad", op, grad_x)
        return _by_input(op, rows=drows, table=dtable)

    @tf.RegisterGradient(f"{name}Grad")
    def _second_gradient(op, grad_drows, grad_dtable):
        _refuse(grad_dtable)
        ddx, dtable, drows = _call(f"dp_table_{form}_grad_grad", op, grad_drows)
        return _by_input(op, rows=drows, table=dtable, dx=ddx)


@tf.RegisterGradient("DpTableFactor")
def _factor_gradient(op, grad_x, _):
    drows, dfactor, dtable = _call("dp_table_factor_grad", op, grad_x)
    return _by_input(op, rows=drows, factor=dfactor, table=dtable)


@tf.RegisterGradient("DpTableFactorGrad")
def _factor_second_gradient(op, grad_drows, grad_dfactor, grad_dtable):
    _refuse(grad_dtable)
    ddx, drows, dfactor, dtable = _call("dp_table_factor_grad_grad", op, grad_drows, grad_dfactor)
    return _by_input(op, rows=drows, factor=dfactor, table=dtable, dx=ddx)


@tf.RegisterGradient("DpTableRows")
def _rows_gradient(op, grad_y, _):
    dx, dtable = op_module().dp_table_rows_grad(*op.inputs, grad_y)
    return _by_input(op, x=dx, table=dtable)


@tf.RegisterGradient("DpTableRowsGrad")
def _rows_second_gradient(op, grad_dx, grad_dtable):
    _refuse(grad_dtable)
    ddy, dx, dtable = op_module().dp_table_rows_grad_grad(*op.inputs, grad_dx)
    return _by_input(op, x=dx, table=dtable, dy=ddy)


def _refuse(grad_dtable) -> None:
    """A loss of the derivative by the table itself."""
    if not is_zero(grad_dtable):
        raise NotImplementedError("the derivative by the table has no gradient of its own; only that by the rows")


def _call(name: str, op, *cotangents):
    """The next op of the family: the inputs and attributes of this one, and cotangents of its outputs."""
    return getattr(op_module(), name)(*op.inputs, *cotangents, sel=op.get_attr("sel"), nets=op.get_attr("nets"))


def _by_input(op, **gradients):
    """The gradients in the order of the inputs; None for the others."""
    return [gradients.get(argument.name) for argument in op.op_def.input_arg]


for _form in ("two_body", "two_rows", "radial", "three_body"):
    _register(_form)
