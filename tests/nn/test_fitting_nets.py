"""All types in one op or layer by layer: the same energies, forces and gradients of a loss that holds forces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.nn.fitting_nets import fitting_at_once
from deepmd_tf.tf1 import tf
from tests.descriptor.test_se_e2_a import section
from tests.fitting.test_ener import VARIANTS as OPTIONS
from tests.suites.physics import CUBIC, crystal
from tests.support.graphs import ModelUnderTest

AT_ONCE = replace(PORTABLE, fitting=fitting_at_once)
VARIANTS = OPTIONS | {
    "relu6": {"activation_function": "relu6"},
    "gelu_tf": {"activation_function": "GELU_tf"},
    "silut:1.5": {"activation_function": "silut:1.5"},
    "float32": {"precision": "float32"},
    "shared layers": {"neuron": [9, 9, 9], "layer_name": [None, "same", "same", None]},
    "layers that are not trained": {"neuron": [9, 9], "trainable": [False, True, False]},
    "everything": {"neuron": [9, 9], "atom_ener": [-1.5, None], "numb_fparam": 2, "numb_aparam": 3},
}


def both(options: dict) -> list[ModelUnderTest]:
    """The same model with the two ways."""
    by_layers = ModelUnderTest(section(fitting=options))
    return [by_layers, ModelUnderTest(section(fitting=options), weights=by_layers.weights, primitives=AT_ONCE)]


def frames(options: dict) -> tuple:
    """Two frames with parameters."""
    coord, atype = crystal(CUBIC)
    rng = np.random.default_rng(4)
    coord = np.stack([coord, coord + rng.normal(0, 0.05, coord.shape)])
    fparam = rng.normal(size=(2, 2)) if "numb_fparam" in options else None
    aparam = rng.normal(size=(2, len(atype), 3)) if "numb_aparam" in options else None
    return coord, atype, CUBIC, fparam, aparam


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_energies_forces_and_gradients(name):
    options = VARIANTS[name]
    tolerance = 2e-5 if name == "float32" else 1e-12
    given, found, gradients = frames(options), [], []
    for model in both(options):
        found.append(model(*given))
        with model.session.graph.as_default():
            output = model.output
            loss = tf.add_n([tf.reduce_sum(x**2) for x in (output.energy, output.force, output.virial)])
            weights = [t for n, t in model.store.tensors.items() if n.endswith(("matrix", "bias", "idt"))]
            got = tf.gradients(loss, weights, unconnected_gradients="zero")
        gradients.append(model.session.run(got, model.feeds(*given)))
    for key, value in found[0].items():
        np.testing.assert_allclose(found[1][key], value, rtol=0, atol=tolerance * max(1.0, np.abs(value).max()))
    assert len(gradients[0]) >= 10
    for a, b in zip(*gradients):
        np.testing.assert_allclose(b, a, rtol=0, atol=10 * tolerance * max(1.0, np.abs(a).max()))


@pytest.mark.parametrize("precision", ["float64", "float32", "float16", "bfloat16"])
def test_which_graphs_hold_the_op(precision):
    def kinds(primitives):
        model = ModelUnderTest(section(fitting={"precision": precision}), primitives=primitives)
        return {op.type for op in model.session.graph.get_operations()}

    assert "DpFitting" not in kinds(PORTABLE)
    assert ("DpFitting" in kinds(FOUND)) == (precision in ("float64", "float32"))
