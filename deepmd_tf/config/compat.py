"""Convert input files of older versions, and keys that have moved, to the present form.

A v0 input is flat: ``use_smooth``, ``filter_neuron`` and the rest stand at the top. A v1 input has the
sections of today, with the data directly in ``training`` and ``learning_rate/decay_rate``. The rules are
those that the field's programs apply, so that an old file means what it meant.
"""

from __future__ import annotations

import copy
import math

from deepmd_tf.config.arguments import show
from deepmd_tf.errors import ConfigError

DATA_KEYS = {
    "systems": "systems", "set_prefix": "set_prefix", "batch_size": "batch_size", "auto_prob": "auto_prob",
    "auto_prob_style": "auto_prob", "sys_prob": "sys_probs", "sys_probs": "sys_probs", "sys_weights": "sys_probs",
}  # fmt: skip
V0_TRAINING = (
    "seed", "systems", "set_prefix", "stop_batch", "batch_size", "disp_file", "disp_freq", "numb_test", "save_freq",
    "save_ckpt", "disp_training", "time_training", "profiling", "profiling_file",
)  # fmt: skip
# Keys that version 0 had and that say nothing: any value of the first, the usual value of the others.
V0_SILENT = {"load_ckpt": None, "coord_norm": True, "type_fitting_net": False}
WARMUP_KEYS = ("warmup_steps", "warmup_ratio", "warmup_start_factor")
OPTIMIZER_KEYS = (
    "adam_beta1", "adam_beta2", "weight_decay", "momentum", "muon_momentum", "lr_adjust", "lr_adjust_coeff",
    "muon_mode", "enable_gram", "flash_muon", "magma_muon",
    "kf_blocksize", "kf_start_pref_e", "kf_limit_pref_e", "kf_start_pref_f", "kf_limit_pref_f",
)  # fmt: skip
STEPS = ("stop_batch", "numb_steps", "numb_step", "num_steps", "num_step")


def update_input(config: dict, source=None) -> tuple[dict, list[str]]:
    """Return the input in its present form and one line per conversion made; none if it was up to date.

    ``config`` is left as it is. Checking is left to :func:`deepmd_tf.config.check.normalize`: what a
    conversion does not know stays where it is and is reported there. ``source`` names the file in messages.

    Raises
    ------
    ConfigError
        A key is given in its old and in its new place, or an old input lacks one that the conversion needs.
    """
    try:
        return _update(copy.deepcopy(config))
    except ConfigError as error:
        prefix = "" if source is None else f"{source}: "
        raise ConfigError(f"{prefix}{error.message}", error.hint) from None


def _update(config: dict) -> tuple[dict, list[str]]:
    lines: list[str] = []
    if "model" not in config and _is_v0(config):
        config = _from_v0(config)
        lines.append("input of version 0 converted to version 2")
    training = config.get("training")
    if not isinstance(training, dict):
        return config, lines
    if "systems" in training:
        lines += [] if lines else ["input of version 1 converted to version 2"]
        _from_v1(config, training)
    _drop_obsolete(training, lines)
    _move(config, training, "learning_rate", {key: key for key in WARMUP_KEYS}, lines)
    _move(config, training, "optimizer", {"opt_type": "type", **{key: key for key in OPTIMIZER_KEYS}}, lines)
    return config, lines


def _is_v0(config: dict) -> bool:
    return "systems" in config or "use_smooth" in config


def _from_v0(old: dict) -> dict:
    """The v1 form of a flat input."""
    old = {key: value for key, value in old.items() if not key.startswith("_")}
    take = _Taker(old)
    new = {
        "model": {"descriptor": _v0_descriptor(take), "fitting_net": _v0_fitting(take)},
        "learning_rate": {"type": "exp", **take.those("decay_steps", "decay_rate"), "start_lr": take("start_lr")},
        "loss": take.those(*(f"{end}_pref_{term}" for term in ("e", "f", "v", "ae") for end in ("start", "limit"))),
        "training": take.those(*V0_TRAINING),
    }
    model_keys = take.those("type_map")
    new["model"] = {**model_keys, **new["model"]}
    # The rest is unknown to version 0 too; at the top of the new form the checker names it.
    silent = {key for key, usual in V0_SILENT.items() if usual is None or old.get(key) == usual}
    new.update((key, value) for key, value in old.items() if key not in take.taken | silent)
    return new


def _v0_descriptor(take: _Taker) -> dict:
    if not take("use_smooth"):
        return {"type": "loc_frame", **take.those("sel_a", "sel_r", "rcut", "axis_rule")}
    descriptor = {"type": "se_e2_a", "sel": take("sel_a"), "rcut": take("rcut")}
    descriptor["rcut_smth"] = take("rcut_smth", default=descriptor["rcut"])
    descriptor["neuron"] = take("filter_neuron")
    descriptor["axis_neuron"] = take("axis_neuron", "n_axis_neuron")
    resnet_dt = take("filter_resnet_dt", default=False)
    descriptor["resnet_dt"] = resnet_dt if "resnet_dt" in take.source else False
    return {**descriptor, **take.those("seed")}


def _v0_fitting(take: _Taker) -> dict:
    resnet_dt = take("fitting_resnet_dt", default=take("resnet_dt", default=True))
    return {"neuron": take("fitting_neuron", "n_neuron"), "resnet_dt": resnet_dt, **take.those("seed")}


class _Taker:
    """Takes keys of an old input and remembers which, so that the rest can be reported."""

    def __init__(self, source: dict):
        self.source, self.taken = source, set()

    def __call__(self, *names: str, **default):
        """The value under the first of ``names`` that is there; without ``default`` one has to be."""
        self.taken.update(names)
        for name in names:
            if name in self.source:
                return self.source[name]
        if default:
            return default["default"]
        raise ConfigError(f"{names[0]}: missing key of an input of version 0")

    def those(self, *names: str) -> dict:
        """The keys among ``names`` that are there."""
        return {name: self(name) for name in names if name in self.source}


def _from_v1(config: dict, training: dict) -> None:
    """Move the data into a section of their own, and turn the decay rate into the learning rate it ends at."""
    if "training_data" in training:
        raise ConfigError(
            "training/systems: data are given here and in training/training_data", "Keep them in training/training_data"
        )
    data = training["training_data"] = {}
    for old, new in DATA_KEYS.items():
        if old in training:
            if new in data:
                raise ConfigError(f"training/{old}: given under several names", "Keep one of them")
            data[new] = training.pop(old)
    _stop_lr(config.get("learning_rate"), training)


def _stop_lr(rate, training: dict) -> None:
    steps = next((training[name] for name in STEPS if name in training), None)
    if not isinstance(rate, dict) or "decay_rate" not in rate or "stop_lr" in rate or "stop_lr_ratio" in rate:
        return
    numbers = [rate.get("start_lr"), rate["decay_rate"], rate.get("decay_steps", 5000), steps]
    if not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in numbers) or min(numbers[:3]) <= 0:
        raise ConfigError(
            "learning_rate/decay_rate: an input of version 1 needs positive numbers for start_lr, decay_rate, "
            f"decay_steps and the number of steps, found {show(numbers)}"
        )
    start_lr, decay_rate, decay_steps, steps = numbers
    rate["stop_lr"] = start_lr * math.exp(math.log(decay_rate) * steps / decay_steps)
    del rate["decay_rate"]


def _drop_obsolete(training: dict, lines: list[str]) -> None:
    if training.pop("numb_test", None) is not None:
        lines.append("training/numb_test: dropped, the number of test frames is now given to 'dp test'")
    for name in ("training_data", "validation_data"):
        data = training.get(name)
        if not isinstance(data, dict) or "set_prefix" not in data:
            continue
        if data["set_prefix"] != "set":
            raise ConfigError(
                f'training/{name}/set_prefix: expected "set", found {show(data["set_prefix"])}',
                "Rename the folders of the data to set.*",
            )
        del data["set_prefix"]
        lines.append(f"training/{name}/set_prefix: dropped, sets are always the folders set.*")


def _move(config: dict, training: dict, section: str, names: dict[str, str], lines: list[str]) -> None:
    """Move keys out of ``training`` into the section they belong to now."""
    for old, new in names.items():
        if old not in training:
            continue
        target = config.setdefault(section, {})
        if not isinstance(target, dict):
            return
        if new in target:
            raise ConfigError(f"training/{old}: also given as {section}/{new}", f"Keep {section}/{new}")
        target[new] = training.pop(old)
        lines.append(f"training/{old}: moved to {section}/{new}")
