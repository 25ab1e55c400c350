"""Conversion of old inputs; the expected forms are those that deepmd-kit 3.2.0 writes to input_v2_compat.json."""

from __future__ import annotations

import copy

import pytest

from deepmd_tf.config.check import normalize
from deepmd_tf.config.compat import update_input
from deepmd_tf.errors import ConfigError
from deepmd_tf.train.schema import input_schema

V0 = {
    "use_smooth": True, "sel_a": [46, 92], "rcut_smth": 5.8, "rcut": 6.0, "filter_neuron": [2, 4],
    "filter_resnet_dt": True, "n_axis_neuron": 2, "n_neuron": [5, 5], "resnet_dt": True, "coord_norm": True,
    "type_fitting_net": False, "systems": ["data"], "set_prefix": "set", "stop_batch": 2, "batch_size": 1,
    "start_lr": 0.005, "decay_steps": 5000, "decay_rate": 0.95, "start_pref_e": 0.02, "limit_pref_e": 1,
    "start_pref_f": 1000, "limit_pref_f": 1, "start_pref_v": 0, "limit_pref_v": 0, "seed": 1,
    "disp_file": "lcurve.out", "disp_freq": 1, "numb_test": 1, "save_freq": 1000, "save_ckpt": "model.ckpt",
    "load_ckpt": "model.ckpt", "disp_training": True, "time_training": True, "profiling": False,
}  # fmt: skip
FROM_V0 = {
    "model": {
        "descriptor": {"seed": 1, "type": "se_e2_a", "sel": [46, 92], "rcut": 6.0, "rcut_smth": 5.8, "neuron": [2, 4],
                       "axis_neuron": 2, "resnet_dt": True},
        "fitting_net": {"seed": 1, "neuron": [5, 5], "resnet_dt": True},
    },
    "learning_rate": {"type": "exp", "decay_steps": 5000, "start_lr": 0.005,
                      "stop_lr": pytest.approx(0.0049998974144636185, rel=1e-14)},
    "loss": {"start_pref_e": 0.02, "limit_pref_e": 1, "start_pref_f": 1000, "limit_pref_f": 1, "start_pref_v": 0,
             "limit_pref_v": 0},
    "training": {"seed": 1, "stop_batch": 2, "disp_file": "lcurve.out", "disp_freq": 1, "save_freq": 1000,
                 "save_ckpt": "model.ckpt", "disp_training": True, "time_training": True, "profiling": False,
                 "training_data": {"systems": ["data"], "batch_size": 1}},
}  # fmt: skip
V1 = {
    "model": {"type_map": ["O", "H"], "descriptor": {"type": "se_a", "sel": [46, 92]}, "fitting_net": {"neuron": [5]}},
    "learning_rate": {"type": "exp", "start_lr": 0.005, "decay_steps": 1, "decay_rate": 0.95},
    "training": {"systems": ["data"], "set_prefix": "set", "stop_batch": 2, "batch_size": 1, "numb_test": 1,
                 "sys_weights": [1.0], "auto_prob_style": "prob_uniform"},
}  # fmt: skip


def test_v0():
    converted, lines = update_input(V0)
    assert converted == FROM_V0
    assert lines[0] == "input of version 0 converted to version 2"
    normalize(converted, input_schema())


def test_v0_local_frame_keeps_its_keys():
    old = {**V0, "use_smooth": False, "sel_r": [0, 0], "axis_rule": [0] * 12, "fitting_neuron": [7]}
    old.pop("rcut_smth"), old.pop("filter_neuron"), old.pop("n_axis_neuron")
    converted, _ = update_input(old)
    assert converted["model"]["descriptor"] == {
        "type": "loc_frame", "sel_a": [46, 92], "sel_r": [0, 0], "rcut": 6.0, "axis_rule": [0] * 12
    }  # fmt: skip
    assert converted["model"]["fitting_net"]["neuron"] == [7]


@pytest.mark.parametrize(
    ("given", "descriptor", "fitting"),
    [
        ({}, False, True),
        ({"resnet_dt": False, "filter_resnet_dt": True}, True, False),
        ({"filter_resnet_dt": True}, False, True),
        ({"resnet_dt": True, "fitting_resnet_dt": False, "filter_resnet_dt": False}, False, False),
    ],
)
def test_v0_time_steps(given, descriptor, fitting):
    old = {key: value for key, value in V0.items() if "resnet_dt" not in key} | given
    model = update_input(old)[0]["model"]
    assert (model["descriptor"]["resnet_dt"], model["fitting_net"]["resnet_dt"]) == (descriptor, fitting)


def test_unknown_key_of_v0_is_reported_by_the_checker():
    converted, _ = update_input({**V0, "sel_b": 1, "coord_norm": False})
    with pytest.raises(ConfigError, match="sel_b: unknown key") as caught:
        normalize(converted, input_schema())
    assert "coord_norm: unknown key" in str(caught.value)


def test_v1():
    converted, lines = update_input(V1)
    assert converted["learning_rate"] == {
        "type": "exp", "start_lr": 0.005, "decay_steps": 1, "stop_lr": pytest.approx(0.0045125, rel=1e-14)
    }  # fmt: skip
    assert converted["training"] == {
        "stop_batch": 2,
        "training_data": {
            "systems": ["data"], "batch_size": 1, "sys_probs": [1.0], "auto_prob": "prob_uniform",
        },
    }  # fmt: skip
    assert lines[0] == "input of version 1 converted to version 2"
    normalize(converted, input_schema())


def test_moved_keys():
    new = update_input(V1)[0]
    new["training"].update(warmup_steps=1, adam_beta1=0.8, opt_type="Adam")
    moved, lines = update_input(new)
    assert moved["learning_rate"]["warmup_steps"] == 1
    assert moved["optimizer"] == {"type": "Adam", "adam_beta1": 0.8}
    assert moved["training"] == update_input(V1)[0]["training"]
    assert lines == [
        "training/warmup_steps: moved to learning_rate/warmup_steps",
        "training/opt_type: moved to optimizer/type",
        "training/adam_beta1: moved to optimizer/adam_beta1",
    ]


@pytest.mark.parametrize("old", [V0, V1])
def test_the_input_is_left_alone_and_a_second_pass_changes_nothing(old):
    before = copy.deepcopy(old)
    converted, _ = update_input(old)
    assert old == before
    assert update_input(converted) == (converted, [])


@pytest.mark.parametrize(
    "odd",
    [{}, {"training": 3}, {"training": []}, {"model": None}, {"learning_rate": 1, "training": {"warmup_steps": 1}}],
)
def test_what_is_no_old_input_is_left_to_the_checker(odd):
    assert update_input(odd) == (odd, [])
