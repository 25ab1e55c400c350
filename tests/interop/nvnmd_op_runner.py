"""Runs gradients of ops of a library that defines them, ours or, inside its environment, deepmd-kit's.

    python nvnmd_op_runner.py IN.npz OUT.npz

IN holds for each CASE ``CASE/op`` (name of the op), ``CASE/attrs`` (JSON) and its inputs ``CASE/0``, ``CASE/1``...; OUT
gets the gradients ``CASE/0``, ``CASE/1``... that :func:`gradients` returns.
"""

import json
import sys

import numpy as np
import tensorflow.compat.v1 as tf


def cotangent(shape, seed):
    """Numbers of both signs; some are zero."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=shape) * 8) / 8 * rng.uniform(1, 2, shape)


def gradients(op, attrs, inputs, module):
    """First gradients by all inputs that have one, then gradients of a combination of those, where they exist."""
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in op).lstrip("_")
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = [tf.placeholder(array.dtype, array.shape) for array in inputs]
        outputs = getattr(module, snake)(*tensors, **attrs)
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        feeds = dict(zip(tensors, inputs))
        shapes = [array.shape for array in session.run(outputs, feeds)]
        gs = [tf.placeholder("float64", shape) for shape in shapes]
        feeds.update({g: cotangent(shape, k) for k, (g, shape) in enumerate(zip(gs, shapes))})
        for y, shape in zip(outputs, shapes):
            y.set_shape(shape)  # deepmd-kit's ops know none
        first = [slope for slope in tf.gradients(outputs, tensors, grad_ys=gs) if slope is not None]
        for slope, value in zip(first, session.run(first, feeds)):
            slope.set_shape(value.shape)
        again = [tf.constant(cotangent(slope.shape.as_list(), 9 + k)) for k, slope in enumerate(first)]
        second = [slope for slope in tf.gradients(first, [*tensors, *gs], grad_ys=again) if slope is not None]
        return session.run([*first, *second], feeds)


def main(given, results):
    from deepmd.tf.env import op_module

    flat = {}
    with np.load(given, allow_pickle=False) as arrays:
        for name in sorted({key.split("/")[0] for key in arrays if "/" in key}):
            count = sum(key.startswith(f"{name}/") for key in arrays) - 2
            inputs = [arrays[f"{name}/{k}"] for k in range(count)]
            found = gradients(str(arrays[f"{name}/op"]), json.loads(str(arrays[f"{name}/attrs"])), inputs, op_module)
            flat.update({f"{name}/{k}": array for k, array in enumerate(found)})
    np.savez(results, **flat)


if __name__ == "__main__":
    main(*sys.argv[1:])
