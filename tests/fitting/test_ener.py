"""The energy fitting against its equations in NumPy, option by option."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.model.make import make_model
from tests.descriptor.test_se_e2_a import section
from tests.suites.physics import cluster
from tests.support.graphs import ModelUnderTest, complete
from tests.support.numpy_model import atom_energies

RNG = np.random.default_rng(0)
FPARAM, APARAM = RNG.normal(size=(1, 2)), RNG.normal(size=(9, 3))

VARIANTS = {
    "time steps": {"neuron": [9, 9, 9]},
    "no time steps": {"neuron": [9, 9], "resnet_dt": False},
    "other widths": {"neuron": [5, 10, 10, 4]},
    "frame parameters": {"numb_fparam": 2},
    "atomic parameters": {"numb_aparam": 3},
    "both": {"numb_fparam": 2, "numb_aparam": 3},
    "mask": {"numb_aparam": 3, "use_aparam_as_mask": True},
    "energy in vacuum": {"atom_ener": [-1.5, 2.5]},
    "energy in vacuum of one type": {"atom_ener": [None, 2.5], "numb_fparam": 2},
    **{
        name: {"activation_function": name}
        for name in ("gelu", "relu", "softplus", "sigmoid", "silu", "silut", "linear")
    },
}


@pytest.mark.parametrize("name", VARIANTS)
def test_equals_the_equations_in_numpy(name):
    options = VARIANTS[name]
    model = ModelUnderTest(section(fitting=options))
    coord, atype = cluster()
    order = np.argsort(atype, kind="stable")
    given = {}
    if "numb_fparam" in options:
        given["fparam"] = FPARAM
    if "numb_aparam" in options:
        given["aparam"] = APARAM
    expected = np.empty(len(atype))
    expected[order] = atom_energies(
        coord[order].ravel(),
        atype[order],
        None,
        model.section,
        model.weights,
        fparam=given.get("fparam"),
        aparam=APARAM[order] if "aparam" in given else None,
    )
    got = model(coord, atype, **given)
    assert np.allclose(got["atom_energy"][0], expected, rtol=0, atol=1e-12)


def test_given_energy_is_that_of_the_isolated_atom():
    model = ModelUnderTest(section({"set_davg_zero": True}, {"atom_ener": [-1.5, None]}))
    model.weights["fitting_attr/t_bias_atom_e"][:] = [-1.5, 0.7]
    model.weights["descrpt_attr/t_avg"][:] = 0.0
    model = ModelUnderTest(model.section, weights=model.weights)
    assert model([[0.0, 0, 0]], np.array([0]))["energy"][0] == pytest.approx(-1.5, abs=1e-13)
    assert model([[0.0, 0, 0]], np.array([1]))["energy"][0] != pytest.approx(0.7, abs=1e-3)


def test_layers_of_one_name_share_their_weights():
    model = ModelUnderTest(section(fitting={"neuron": [9, 9, 9], "layer_name": [None, "same", "same", None]}))
    names = [name for name in model.weights if name.startswith("share_")]
    assert sorted(names) == [f"share_same_type_{t}/{kind}" for t in (0, 1) for kind in ("bias", "idt", "matrix")]
    assert "layer_1_type_0/matrix" not in model.weights


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"neuron": []}, "model/fitting_net/neuron"),
        ({"trainable": [True]}, "model/fitting_net/trainable: expected 3 values, one per layer and the last, found 1"),
        ({"atom_ener": [1.0]}, "model/fitting_net/atom_ener: expected 2 values, one per type, found 1"),
        ({"layer_name": ["a"]}, "model/fitting_net/layer_name: expected 3 values"),
        ({"activation_function": "gleu"}, "Did you mean 'gelu'"),
    ],
)
def test_bad_values_are_named(keys, message):
    with pytest.raises(ConfigError) as caught:
        make_model(complete(section(fitting=keys)))
    assert message in str(caught.value)
