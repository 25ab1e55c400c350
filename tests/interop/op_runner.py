"""Runs ops of a library that defines them, ours or, inside its environment, deepmd-kit's.

    python op_runner.py IN.npz OUT.npz

IN holds for each CASE ``CASE/op`` (name of the op), ``CASE/attrs`` (JSON) and its inputs ``CASE/0``, ``CASE/1``..., and
``definitions``, names of ops; OUT gets the outputs ``CASE/0``, ``CASE/1``... and ``definitions`` (JSON): inputs,
outputs and attributes of each op.
"""

import json
import sys

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import op_def_registry


def run(cases, modules):
    """Outputs of each case: {name: (op, attrs, inputs)} to {name: [arrays]}."""
    found = {}
    for name, (op, attrs, inputs) in cases.items():
        snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in op).lstrip("_")
        function = next(getattr(module, snake) for module in modules if hasattr(module, snake))
        with tf.Graph().as_default(), tf.Session() as session:
            outputs = function(*(tf.constant(array) for array in inputs), **attrs)
            found[name] = session.run(list(outputs) if isinstance(outputs, (tuple, list)) else [outputs])
    return found


def definition(op):
    """What a graph that holds the op depends on: names, types and defaults."""
    entry = op_def_registry.get(op)
    attrs = {attr.name: [attr.type, str(attr.default_value), str(attr.allowed_values)] for attr in entry.attr}
    arguments = [[[arg.name, arg.type_attr, arg.type] for arg in args] for args in (entry.input_arg, entry.output_arg)]
    return [*arguments, attrs]


def main(given, results):
    from deepmd.tf.env import op_grads_module, op_module

    with np.load(given, allow_pickle=False) as arrays:
        cases = {}
        for name in sorted({key.split("/")[0] for key in arrays if "/" in key}):
            count = sum(key.startswith(f"{name}/") for key in arrays) - 2
            inputs = [arrays[f"{name}/{k}"] for k in range(count)]
            cases[name] = (str(arrays[f"{name}/op"]), json.loads(str(arrays[f"{name}/attrs"])), inputs)
        definitions = {str(op): definition(str(op)) for op in arrays["definitions"]}
    found = run(cases, (op_module, op_grads_module))
    flat = {f"{name}/{k}": array for name, outputs in found.items() for k, array in enumerate(outputs)}
    np.savez(results, definitions=json.dumps(definitions), **flat)


if __name__ == "__main__":
    main(*sys.argv[1:])
