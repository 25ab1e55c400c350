"""The whole schema on whole inputs; key by key it is held by tests/config/test_reference.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmd_tf.config.check import normalize
from deepmd_tf.config.compat import update_input
from deepmd_tf.config.read import read_input
from deepmd_tf.errors import ConfigError
from deepmd_tf.train.schema import input_schema

# Written by deepmd-kit 3.2.0 from V1; its "_origin" says how.
OUT_OF_DEEPMD_KIT = Path(__file__).with_name("deepmd_kit_out.json")
V1 = {
    "model": {
        "type_map": ["O", "H"],
        "descriptor": {"type": "se_a", "sel": [46, 92], "rcut": 6.0, "rcut_smth": 5.8, "neuron": [2, 4],
                       "axis_neuron": 2, "resnet_dt": False, "seed": 1},
        "fitting_net": {"neuron": [5, 5], "resnet_dt": True, "seed": 1},
    },
    "learning_rate": {"type": "exp", "start_lr": 0.005, "decay_steps": 1, "decay_rate": 0.95},
    "loss": {"start_pref_e": 0.02},
    "training": {"systems": ["data"], "set_prefix": "set", "stop_batch": 2, "batch_size": 1, "seed": 1,
                 "disp_file": "lcurve.out", "disp_freq": 1, "numb_test": 1, "save_freq": 2, "save_ckpt": "model.ckpt",
                 "profiling": False, "adam_beta1": 0.8, "opt_type": "Adam", "warmup_steps": 1},
}  # fmt: skip


def load(config: dict) -> dict:
    return normalize(update_input(config)[0], input_schema())


def test_an_old_input_means_what_it_means_to_deepmd_kit():
    """Both programs complete the same input; ours reads what the other wrote and arrives at the same."""
    ours, theirs = load(V1), load(read_input(OUT_OF_DEEPMD_KIT))
    stop_lr = theirs["learning_rate"].pop("stop_lr")
    assert ours["learning_rate"].pop("stop_lr") == pytest.approx(stop_lr, rel=1e-14)
    assert ours == theirs


def test_a_complete_input_is_an_input_again():
    complete = load(V1)
    assert load(complete) == complete


def test_absent_keys_without_a_default_stay_absent():
    """The script inside a model file may hold only what other programs accept, and null is no list of names."""
    config = {**V1, "model": {key: value for key, value in V1["model"].items() if key != "type_map"}}
    complete = load(config)
    assert "type_map" not in complete["model"] and "numb_epoch" not in complete["training"]


@pytest.mark.parametrize("sections", [{"optimizer", "loss"}])
def test_sections_that_may_be_left_out(sections):
    config = {key: value for key, value in load(V1).items() if key not in sections}
    complete = load(config)
    assert complete["optimizer"] == {"type": "Adam", "adam_beta1": 0.9, "adam_beta2": 0.999, "weight_decay": 0.0}
    assert complete["loss"]["type"] == "ener" and complete["loss"]["start_pref_f"] == 1000


def test_epochs_instead_of_steps():
    config = load(V1)
    del config["training"]["numb_steps"]
    config["training"]["num_epochs"] = 1.5
    assert load(config)["training"]["numb_epoch"] == 1.5


def test_a_whole_learning_rate_section_is_needed():
    with pytest.raises(ConfigError, match="learning_rate: missing key"):
        load({key: value for key, value in load(V1).items() if key != "learning_rate"})
