"""From the input of ``dp train-nvnmd`` to the inputs of two ordinary trainings.

Source: NVNMD format, user JSON; what the step expands the input to.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

from deepmd_tf.config.compat import STEPS
from deepmd_tf.config.read import read_input
from deepmd_tf.errors import ConfigError
from deepmd_tf.log import ROOT
from deepmd_tf.registry import did_you_mean
from deepmd_tf.train.run import complete_config
from nvnmd.config import Config
from nvnmd.model.quantized.weight_formats import FORMATS

log = logging.getLogger(f"{ROOT}.{__name__}")

FIRST, SECOND = "s1", "s2"
FOLDERS = {FIRST: Path("nvnmd_cnn"), SECOND: Path("nvnmd_qnn")}
SECTIONS = ("learning_rate", "loss", "optimizer", "training")
# Flags that other programs write into their own files; here the step alone decides.
FLAGS = ("enable", "restore_descriptor", "restore_fitting_net", "quantize_descriptor", "quantize_fitting_net")
FILES = {"config_file": "config.npy", "weight_file": "weight.npy", "map_file": "map.npy"}
COMPONENTS = {
    (FIRST, 0): ("nvnmd_se_a", "nvnmd_ener"),
    (SECOND, 0): ("nvnmd_quantized_se_a", "nvnmd_quantized_ener"),
    (FIRST, 1): ("nvnmd_se_atten", "nvnmd_ener_types"),
    (SECOND, 1): ("nvnmd_quantized_se_atten", "nvnmd_quantized_ener_types"),
}
SEED = 1
# Of the steps of the first step that the second one takes, unless the input tells.
SHARE = 20
LENGTHS = (*STEPS, "numb_epoch", "num_epochs", "num_epoch", "numb_epochs")


@dataclass(frozen=True)
class Plan:
    """What an input file asks for.

    Attributes
    ----------
    source : str
        The input file.
    config : Config
        Settings of the model, within the limits of the device.
    weight_format : str
        Numbers of the second step.
    sections : dict of str to dict
        Of the step that stands first in the file.
    second_step : dict or None
        Sections that are others in the second step.
    files : dict of str to Path
        Where the second step finds settings, weights and tables.
    """

    source: str
    config: Config
    weight_format: str
    sections: dict[str, dict]
    second_step: dict | None
    files: dict[str, Path]

    @classmethod
    def read(cls, path: str) -> Plan:
        """The plan of an input file.

        Raises
        ------
        ConfigError
            The file cannot be read, a key is unknown or missing, or a limit of the device is broken.
        """
        content = read_input(path)
        try:
            return cls._of(path, content)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}", error.hint) from None

    @classmethod
    def _of(cls, path: str, content: dict) -> Plan:
        section = _own_section(content)
        if "model" in content:
            log.warning("%s: model: not used, the section nvnmd describes the model", path)
        if any(section.get(flag) for flag in FLAGS):
            log.warning("%s: nvnmd/%s: not used, the step decides", path, next(f for f in FLAGS if section.get(f)))
        files = {name: FOLDERS[FIRST] / name for name in FILES.values()}
        files |= {name: Path(section[key]) for key, name in FILES.items() if section.get(key, "none") != "none"}
        return cls(
            path,
            Config.from_input(section),
            section.get("weight_format", "device"),
            {name: content[name] for name in SECTIONS if name in content},
            section.get("second_step"),
            files,
        )

    def with_second_step(self) -> Plan:
        """The plan with sections of the second step.

        Where the file has none, it goes on as the first step ends: with the last prefactors of the loss, from ten times
        the last learning rate down to it, for a twentieth of the steps.
        """
        if self.second_step is not None:
            return self
        first = self.training_input(FIRST)
        training = _share_of(first["training"])
        start, stop = _last_rates(first["learning_rate"])
        log.info("second step: %s %g, learning rate from %.1e to %.1e", *next(iter(training.items())), start, stop)
        rule = first["learning_rate"]["scale_by_worker"]
        rate = {"type": "exp", "start_lr": start, "stop_lr": stop, "scale_by_worker": rule}
        return replace(self, second_step={"learning_rate": rate, "loss": _last(first["loss"]), "training": training})

    def training_input(self, step: str) -> dict:
        """The complete input of an ordinary training.

        Raises
        ------
        ConfigError
            One line per fault.
        """
        sections = {name: dict(value) for name, value in self.sections.items() if isinstance(value, dict)}
        if step == SECOND and self.second_step is not None:
            sections |= {name: value for name, value in self.second_step.items() if name != "training"}
            sections["training"] = _merged(sections.get("training", {}), self.second_step.get("training", {}))
        descriptor, fitting = COMPONENTS[step, self.config.version]
        sel = list(self.config.sel) if self.config.version == 0 else self.config.sel[0]
        radii = {"rcut": self.config.rcut, "rcut_smth": self.config.rcut_smth}
        model = {
            "descriptor": {"type": descriptor, "sel": sel, **radii, "seed": SEED},
            "fitting_net": {"type": fitting, "seed": SEED},
        }
        if step == SECOND:
            model["fitting_net"]["weight_format"] = self.weight_format
        if self.config.type_map:
            model["type_map"] = list(self.config.type_map)
        complete = complete_config({"model": model, **self.sections, **sections}, self.source)
        training = complete["training"]
        for key in ("disp_file", "save_ckpt"):
            training[key] = str(FOLDERS[step] / Path(training[key]).name)
        return complete


def _merged(training: dict, other: dict) -> dict:
    """The keys of both; a number of steps goes by several names, of which only one may remain."""
    left_out = LENGTHS if any(name in other for name in LENGTHS) else ()
    return {**{key: value for key, value in training.items() if key not in left_out}, **other}


def _share_of(training: dict) -> dict:
    """The length of the second step by that of the first."""
    if training.get("numb_steps") is not None:
        return {"numb_steps": math.ceil(training["numb_steps"] / SHARE)}
    return {"numb_epoch": training["numb_epoch"] / SHARE}


def _last_rates(section: dict) -> tuple[float, float]:
    """First and last learning rate of the second step; a first step that ends at nothing gives a thousandth."""
    first, last = section["start_lr"], section.get("stop_lr")
    last = (first * section["stop_lr_ratio"] if last is None else last) or first / 1000
    return min(10 * last, first), last


def _last(loss: dict) -> dict:
    """The loss with the prefactors that it ends with."""
    prefix = "start_pref_"
    ends = {key: loss["limit_pref_" + key.removeprefix(prefix)] for key in loss if key.startswith(prefix)}
    return {**loss, **ends}


def _own_section(content: dict) -> dict:
    """The section ``nvnmd``, with the keys that are this program's own checked."""
    for name in content:
        if name not in (*SECTIONS, "nvnmd", "model") and not str(name).startswith("_"):
            raise ConfigError(f"{name}: unknown section", did_you_mean(name, (*SECTIONS, "nvnmd")))
    section = content.get("nvnmd")
    if not isinstance(section, dict):
        raise ConfigError("nvnmd: missing, expected a section with sel, rcut and rcut_smth")
    section = {key: value for key, value in section.items() if not str(key).startswith("_")}
    chosen = section.get("weight_format", "device")
    if chosen not in FORMATS:
        raise ConfigError(f"nvnmd/weight_format: expected {' or '.join(FORMATS)}, found {chosen!r}")
    second = section.get("second_step", {})
    if not isinstance(second, dict) or not all(isinstance(second.get(name, {}), dict) for name in SECTIONS):
        raise ConfigError(f"nvnmd/second_step: expected sections as {', '.join(SECTIONS)}, found {second!r}")
    for name in second:
        if name not in SECTIONS:
            raise ConfigError(f"nvnmd/second_step/{name}: unknown section", did_you_mean(name, SECTIONS))
    return section
