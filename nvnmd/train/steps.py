"""The two steps: train, freeze, and write what the next step, the device and other programs read."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.files import saving, write_atomic
from deepmd_tf.export.freeze import freeze_checkpoint
from deepmd_tf.export.script import MIN_NBOR_DIST
from deepmd_tf.log import ROOT, copied_to
from deepmd_tf.selfcheck.run import write_checked
from deepmd_tf.train.parallel import world
from deepmd_tf.train.run import TrainingRun, prepare
from deepmd_tf.train.start import Start, start_from
from nvnmd.config import Config, s_range
from nvnmd.config_file import read_config, write_config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.write import write_model
from nvnmd.dictionaries import read_dictionary, write_dictionary
from nvnmd.mapping import mapping_tables
from nvnmd.model.quantized.tables import weights_of_tables
from nvnmd.train.plan import FIRST, FOLDERS, SECOND, Plan
from nvnmd.train.verify import verify

log = logging.getLogger(f"{ROOT}.{__name__}")

# Names of weights in the dictionary of other programs; what an optimizer keeps beside them is none of it.
WEIGHTS = ("descrpt_attr", "type_embed_net", "filter_type_", "layer_", "final_layer", "fitting_attr/t_bias_atom_e")
RESULTS = {
    FIRST: ("train.json", "frozen_model.pb", "config.npy", "weight.npy", "map.npy"),
    SECOND: ("train.json", "frozen_model.pb", "config.npy", "weight.npy", "model.pb"),
}
# Settings that the second step must share with the tables and weights of the first.
SHARED = ("version", "sub_version", "max_nnei", "sel", "rcut", "rcut_smth", "type_map")


def first_step(
    plan: Plan, *, init_model: str | None = None, restart: str | None = None, skip_neighbor_stat: bool = False
) -> int:
    """Train in floating point; write the frozen model, settings, weights and tables to ``nvnmd_cnn``.

    Parameters
    ----------
    plan : Plan
    init_model, restart : str, optional
        Checkpoint to start from, or to go on with.
    skip_neighbor_stat : bool
        Do not look for the closest neighbours: the range of s is not known then, and not checked.

    Returns
    -------
    int
        Exit code of the training; where it is not 0 nothing was written but its checkpoints.

    Raises
    ------
    DeepmdError
        Whatever is wrong with input, data or checkpoints, or cannot be written.
    """
    folder = _make_folder(FIRST)
    with copied_to(folder / "train.log"):
        complete = plan.training_input(FIRST)
        start = world().together(lambda: start_from(restart, init_model))
        run = prepare(complete, start, skip_neighbor_stat=skip_neighbor_stat)
        config = _measured(plan, run, complete["model"]["type_map"])
        if code := _train(FIRST, complete, run):
            return code
        world().shared(lambda: _write_first(folder, config, complete["training"]["save_ckpt"]))
        return 0


def second_step(
    plan: Plan, *, init_model: str | None = None, restart: str | None = None, skip_neighbor_stat: bool = False
) -> int:
    """Train in the numbers of the device; write frozen model, settings, weights and model file to ``nvnmd_qnn``.

    Weights and tables are those of the first step; ``init_model`` gives other weights of the fitting net. Parameters,
    result and errors as :func:`first_step`.

    Raises
    ------
    ConfigError
        The first step had other settings.
    ModelFormatError
        Its files are missing or broken.
    """
    folder = _make_folder(SECOND)
    with copied_to(folder / "train.log"):
        config, tables, start = world().together(lambda: _from_first_step(plan, init_model, restart))
        complete = plan.training_input(SECOND)
        run = prepare(complete, start, skip_neighbor_stat=skip_neighbor_stat)
        if code := _train(SECOND, complete, run):
            return code
        world().shared(lambda: _write_second(folder, plan, config, tables, complete["training"]["save_ckpt"]))
        return 0


def both_steps(plan: Plan, *, skip_neighbor_stat: bool = False) -> int:
    """The first step, then the second; return the exit code of the one that ended early, or 0."""
    second = plan.with_second_step()
    second.training_input(SECOND)  # Its faults are told before the first step has taken its time.
    code = first_step(plan, skip_neighbor_stat=skip_neighbor_stat)
    return code or second_step(second, skip_neighbor_stat=skip_neighbor_stat)


def weight_dictionary(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of a checkpoint by the names of ``weight.npy``, float64, with two that other programs look up.

    Source: NVNMD format, weight dictionary keys.
    """
    found = {
        name.replace("/", "."): np.asarray(value, np.float64)
        for name, value in values.items()
        if name.startswith(WEIGHTS) and "/Adam" not in name
    }
    found["train_attr.min_nbor_dist"] = max(float(np.asarray(values[MIN_NBOR_DIST])), 0.0)
    found["t_bias_atom_e"] = found["fitting_attr.t_bias_atom_e"]
    return found


def _make_folder(step: str) -> Path:
    folder = FOLDERS[step]
    with saving(folder):
        folder.mkdir(exist_ok=True)
    return folder


def _train(step: str, complete: dict, run: TrainingRun) -> int:
    folder = FOLDERS[step]
    code = run.run([folder / name for name in RESULTS[step]])
    if code == 0 and world().rank == 0:
        write_atomic(folder / "train.json", json.dumps(complete, indent=4).encode())
    return code


def _measured(plan: Plan, run: TrainingRun, type_map: list[str]) -> Config:
    """The settings with the range of s in the training data, which the tables have to hold."""
    avg, std = (run.values[f"descrpt_attr/{name}"] for name in ("t_avg", "t_std"))
    config, dmin = plan.config, run.min_nbor_dist or 0.0
    smin, smax = s_range(avg, std, dmin, config.rcut, config.rcut_smth)
    if not dmin:
        log.warning("%s: the range of s is not known without neighbour statistics, and not checked", plan.source)
        smax = replace(config, smin=smin, smax=smin + 1).s_start + config.s_span
    try:
        return config.with_range(dmin, smin, smax, len(type_map))
    except ConfigError as error:
        raise ConfigError(f"{plan.source}: {error.message}", error.hint) from None


def _from_first_step(plan: Plan, init_model: str | None, restart: str | None) -> tuple[Config, dict, Start]:
    """Settings and tables of the first step, and the start that its weights, or others, make."""
    config = _settings_of_first_step(plan)
    weights, tables = (read_dictionary(plan.files[name]) for name in ("weight.npy", "map.npy"))
    encode(config, weights, tables)  # What the device cannot hold is told now, not after the training.
    start = start_from(restart, init_model) if init_model or restart else Start("the weights of the first step")
    if not start.resume:
        trained = {name.replace(".", "/"): value for name, value in weights.items()}
        start = replace(start, values={**trained, **start.values, **weights_of_tables(tables)})
    return config, tables, start


def _settings_of_first_step(plan: Plan) -> Config:
    """The settings that tables and weights were made with; they must be those of the input."""
    path = plan.files["config.npy"]
    config = read_config(path)
    for name in SHARED:
        asked, found = getattr(plan.config, name), getattr(config, name)
        if asked != found and not (name == "type_map" and not asked):
            raise ConfigError(
                f"{plan.source}: nvnmd/{name}: expected {found}, as {path} says of the first step, found {asked}",
                "Do the first step with this input, or give the settings of the first step",
            )
    return config


def _write_first(folder: Path, config: Config, checkpoint: str) -> None:
    prefix, graph_def = freeze_checkpoint(checkpoint)
    write_checked(folder / "frozen_model.pb", graph_def, prefix)
    weights = weight_dictionary(find_checkpoint(prefix).values())
    write_config(folder / "config.npy", config)
    write_dictionary(folder / "weight.npy", weights)
    write_dictionary(folder / "map.npy", mapping_tables(config, weights))
    log.info("%s: frozen_model.pb, config.npy, weight.npy, map.npy", folder)


def _write_second(folder: Path, plan: Plan, config: Config, tables: dict, checkpoint: str) -> None:
    prefix, graph_def = freeze_checkpoint(checkpoint)
    write_checked(folder / "frozen_model.pb", graph_def, prefix)
    weights = weight_dictionary(find_checkpoint(prefix).values())
    write_config(folder / "config.npy", config.with_sections(config.layout))
    write_dictionary(folder / "weight.npy", weights)
    model = encode(config, weights, tables)
    verify(model, folder / "frozen_model.pb", exact=plan.weight_format == "device")
    write_model(folder / "model.pb", model)
    log.info("%s: frozen_model.pb, config.npy, weight.npy, model.pb", folder)
