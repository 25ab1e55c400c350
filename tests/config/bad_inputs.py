"""Malformed input files and command lines, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

from deepmd_tf.descriptor.base import descriptors
from tests.support.plugins import own

TITLE = "Input files and command lines"
NAME = "input.json"
BASE = {
    "model": {
        "type_map": ["O", "H"],
        "descriptor": {"type": "se_e2_a", "sel": [46, 92], "rcut": 6.0, "neuron": [4, 8]},
        "fitting_net": {"neuron": [16, 16]},
    },
    "learning_rate": {"start_lr": 0.001, "stop_lr": 1e-8},
    "training": {"training_data": {"systems": ["data"]}, "numb_steps": 10},
}


@dataclass(frozen=True)
class Row:
    """A fault.

    Attributes
    ----------
    what : str
        The fault in words, for the manual.
    content : dict or str or list of str
        A whole input, the text of an input file, or the arguments of ``dp``.
    message : str
        All that the user is told, after ``dp COMMAND: error:``.
    file : str
        Name of the input file.
    """

    what: str
    content: dict | str | list
    message: str
    file: str = NAME

    @property
    def text(self) -> str:
        """The text of the input file."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content)


def edit(path: str, *removed: str, **keys) -> dict:
    """The base input with ``keys`` set and ``removed`` left out in the section ``path``."""
    config = copy.deepcopy(BASE)
    section = config
    for name in filter(None, path.split("/")):
        section = section.setdefault(name, {})
    for name in removed:
        del section[name]
    section.update(keys)
    return config


# New descriptors are found, not listed: neither in the program nor here.
SUPPORTED = own(", ".join(name for name, _ in descriptors))
OLD = "a key of the reference that this program does not support yet"
DESCRIPTOR, RATE, TRAINING = "model/descriptor", "learning_rate", "training"
KNOWN_V0 = {"use_smooth": True, "systems": "data", "sel_a": [46, 92], "rcut": 6.0}
V1 = {**edit("training", "training_data", systems="data"), "learning_rate": {"start_lr": 0.001, "decay_rate": 0}}

KEYS = [
    Row("misspelt key", edit(DESCRIPTOR, selx=[46, 92]),
        "input.json: model/descriptor/selx: unknown key. Did you mean 'sel'?"),
    Row("misspelt section", edit("", trianing={}), "input.json: trianing: unknown key. Did you mean 'training'?"),
    Row("no choice of a descriptor", edit(DESCRIPTOR, "type"),
        f"input.json: model/descriptor/type: missing key; supported: {SUPPORTED}"),
    Row("missing key", edit(RATE, "start_lr"), "input.json: learning_rate/start_lr: missing key; expected float"),
    Row("missing section", edit("model", "fitting_net"),
        "input.json: model/fitting_net: missing key; expected a section"),
    Row("two faults in one file", edit(TRAINING, "training_data", disp_freq=0),
        "input.json: training/training_data: missing key; expected a section\n"
        "input.json: training/disp_freq: expected a value >= 1, found 0"),
    Row("key under two names", edit(DESCRIPTOR, axis_neuron=4, n_axis_neuron=4),
        "input.json: model/descriptor/axis_neuron: given under several names: axis_neuron, n_axis_neuron. "
        "Keep one of them"),
    Row("key of another backend", edit(DESCRIPTOR, env_protection=0.1),
        f"input.json: model/descriptor/env_protection = 0.1: {OLD}; only its default 0.0 is accepted"),
    Row("key without a default that is not supported", edit("model", use_srtab="table.txt"),
        f'input.json: model/use_srtab = "table.txt": {OLD}; leave it out'),
    Row("section of another backend", edit("validating", full_validation=True),
        f"input.json: validating/full_validation = true: {OLD}; only its default false is accepted"),
    Row("descriptor that is not supported", edit(DESCRIPTOR, type="dpa2"),
        'input.json: model/descriptor/type = "dpa2": known in the reference, not supported yet; '
        f"supported: {SUPPORTED}"),
    Row("model that is not supported", edit("model", type="pairtab"),
        'input.json: model/type = "pairtab": known in the reference, not supported yet; supported: standard'),
    Row("misspelt choice", edit("model", type="standrd"),
        "input.json: model/type: unknown choice \"standrd\". Did you mean 'standard'?"),
    Row("multi-task input", edit(TRAINING, data_dict={}),
        "input.json: training/data_dict: multi-task training is not supported. Train one model per input file"),
]  # fmt: skip
VALUES = [
    Row("text for a number", edit(DESCRIPTOR, rcut="6.0"),
        'input.json: model/descriptor/rcut: expected float, found "6.0". Write 6.0 without quotes'),
    Row("fraction for a whole number", edit(TRAINING, numb_steps=1e6),
        "input.json: training/numb_steps: expected int, found 1000000.0. Write 1000000"),
    Row("truth value for a number", edit(TRAINING, disp_freq=True),
        "input.json: training/disp_freq: expected int, found true"),
    Row("number for a list", edit("model", type_map="O"), 'input.json: model/type_map: expected list[str], found "O"'),
    Row("list with a wrong entry", edit(DESCRIPTOR, sel=[46, 92.5]),
        "input.json: model/descriptor/sel: expected list[int] | str, found [46, 92.5]"),
    Row("list for a section", edit("model", descriptor=[1]),
        "input.json: model/descriptor: expected a section, found [1]"),
    Row("negative learning rate", edit(RATE, start_lr=-0.001),
        "input.json: learning_rate/start_lr: expected a value > 0, found -0.001"),
    Row("number beyond all bounds", json.dumps(BASE).replace("0.001", "1e999"),
        "input.json: learning_rate/start_lr: expected float, found Infinity"),
    Row("value out of a list", edit(RATE, scale_by_worker="cubic"),
        'input.json: learning_rate/scale_by_worker: expected one of "linear", "sqrt", "none"; found "cubic"'),
    Row("both of two that exclude each other", edit(RATE, stop_lr_ratio=0.1),
        "input.json: learning_rate: 'stop_lr' and 'stop_lr_ratio' exclude each other: give one of them, found both"),
    Row("none of two", edit(RATE, "stop_lr"),
        "input.json: learning_rate: one of 'stop_lr' and 'stop_lr_ratio' is needed, found neither"),
    Row("steps and epochs", edit(TRAINING, numb_epoch=3),
        "input.json: training: 'numb_steps' and 'numb_epoch' exclude each other: give one of them, found both"),
    Row("neither steps nor epochs", edit(TRAINING, "numb_steps"),
        "input.json: training: one of 'numb_steps' and 'numb_epoch' is needed, found neither"),
    Row("warm-up given twice", edit(RATE, warmup_steps=5, warmup_ratio=0.1),
        "input.json: learning_rate: 'warmup_steps' and 'warmup_ratio' exclude each other: "
        "give one of them, found both"),
    Row("no data", edit("training/training_data", systems=[]),
        "input.json: training/training_data/systems: expected at least one entry, found []"),
    Row("batch size 0", edit("training/training_data", batch_size=0),
        "input.json: training/training_data/batch_size: expected a value >= 1, found 0"),
]  # fmt: skip
FILES = [
    Row("trailing comma", '{"model": {},\n}',
        "input.json, line 1, column 13: not valid JSON: remove the trailing comma"),
    Row("comment in JSON", '{\n// water\n"model": {}}',
        'input.json, line 2, column 1: not valid JSON: there are no comments; a key that begins with "_", such as '
        '"_comment", is ignored'),
    Row("single quotes", "{'model': {}}",
        'input.json, line 1, column 2: not valid JSON: names and texts stand in double quotes, "'),
    Row("Python's True", '{"a": True}',
        "input.json, line 1, column 7: not valid JSON: true, false and null are written in small letters"),
    Row("file cut short", '{"model": ', "input.json, line 1, column 11: not valid JSON: the file ends too early"),
    Row("empty file", "", "input.json, line 1, column 1: not valid JSON: the file ends too early"),
    Row("key twice", '{"model": {},\n "model": {}}',
        'input.json, line 1, 2: key "model" is given twice in one section. Keep one of them'),
    Row("NaN", '{"learning_rate": {"start_lr": NaN}}',
        "input.json: NaN is not a number that an input may hold. Write a finite number"),
    Row("list at the top", "[1, 2]", "input.json: expected a section of keys at the top, found list"),
    Row("nested without end", "[" * 100_000, "input.json: nested too deeply for an input file"),
    Row("key twice in YAML", "model: {}\nmodel: {}\n",
        "input.yaml, line 2, column 1: not valid YAML: key 'model' is given twice in one section", "input.yaml"),
    Row("tab in YAML", "model:\n\ttype: standard\n",
        "input.yaml, line 2, column 1: not valid YAML: found character '\\t' that cannot start any token",
        "input.yaml"),
    Row("Python object in YAML", "model: !!python/object/apply:os.system [ls]\n",
        "input.yaml, line 1, column 8: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'", "input.yaml"),
    Row("number as a key in YAML", "1: 2\n",
        "input.yaml, line 1, column 1: not valid YAML: a key has to be a name; put it in quotes", "input.yaml"),
    Row("unknown extension", "{}", "input.toml: unknown kind of input file. Name it with one of .json, .yaml, .yml",
        "input.toml"),
]  # fmt: skip
OLD_INPUTS = [
    Row("version 0 without a mandatory key", {**KNOWN_V0, "n_axis_neuron": 4},
        "input.json: filter_neuron: missing key of an input of version 0"),
    Row("version 1 with data in both places", edit(TRAINING, systems="data"),
        "input.json: training/systems: data are given here and in training/training_data. "
        "Keep them in training/training_data"),
    Row("version 1 with a decay rate of 0", V1,
        "input.json: learning_rate/decay_rate: an input of version 1 needs positive numbers for start_lr, decay_rate, "
        "decay_steps and the number of steps, found [0.001, 0, 5000, 10]"),
    Row("warm-up in the old and the new place", edit("", training={**BASE["training"], "warmup_steps": 5},
        learning_rate={**BASE["learning_rate"], "warmup_steps": 5}),
        "input.json: training/warmup_steps: also given as learning_rate/warmup_steps. "
        "Keep learning_rate/warmup_steps"),
    Row("another name for the sets", edit("training/training_data", set_prefix="batch"),
        'input.json: training/training_data/set_prefix: expected "set", found "batch". '
        "Rename the folders of the data to set.*"),
]  # fmt: skip
COMMANDS = [
    Row("another backend", ["--pt", "doc-train-input"],
        "this program has the TensorFlow backend alone, not PyTorch. Leave the option out, or give --tf"),
    Row("backend that does not exist", ["-b", "tensorflw", "doc-train-input"],
        "there is no backend 'tensorflw'. Did you mean 'tensorflow'?"),
    Row("documentation of multi-task inputs", ["doc-train-input", "--multi-task"],
        "--multi-task: multi-task training is not supported. Train one model per input file"),
    Row("log file in a folder that is not there", ["doc-train-input", "-l", "no/such/folder/log"],
        "log file no/such/folder/log: cannot be written: No such file or directory. Give another file with --log-path"),
]  # fmt: skip
INPUTS = KEYS + VALUES + FILES + OLD_INPUTS
ROWS = INPUTS + COMMANDS
