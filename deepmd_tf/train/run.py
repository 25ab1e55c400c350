"""From an input file to a trained model: reading, data, statistics, graph, loop, in this order."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from deepmd_tf.config.check import normalize
from deepmd_tf.config.compat import update_input
from deepmd_tf.config.read import read_input
from deepmd_tf.data.dataset import DataSet
from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError, DeepmdError
from deepmd_tf.export.checkpoint import numbered_sets, run_files, set_files
from deepmd_tf.export.files import set_aside, write_atomic
from deepmd_tf.export.script import MIN_NBOR_DIST, OBSERVED_TYPE, SCRIPT, SEED
from deepmd_tf.fitting.base import fittings
from deepmd_tf.infer.tables import StoredTables
from deepmd_tf.loss.base import losses
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.tabulated import TableInTheLoop
from deepmd_tf.nn.weights import TrainableWeights
from deepmd_tf.ops.library import op_module
from deepmd_tf.precision import interface_dtype
from deepmd_tf.train.introduce import introduce
from deepmd_tf.train.optimizer import optimizers
from deepmd_tf.train.parallel import world
from deepmd_tf.train.schedule import learning_rate
from deepmd_tf.train.schema import input_schema
from deepmd_tf.train.start import Start, start_from
from deepmd_tf.train.statistics import descriptor_parts, model_statistics, neighbor_facts
from deepmd_tf.train.step import TrainingGraph
from deepmd_tf.train.trainer import Trainer

log = logging.getLogger(__name__)


def train(
    input_file: str,
    *,
    restart: str | None = None,
    init_model: str | None = None,
    init_frz_model: str | None = None,
    use_pretrain_script: bool = False,
    output: str | None = "out.json",
    skip_neighbor_stat: bool = False,
) -> int:
    """Train the model that an input file describes; return the exit code.

    Parameters are the options of ``dp train``.

    Raises
    ------
    DeepmdError
        Whatever is wrong with input, data or checkpoints, named by file and key.
    """
    group = world()

    def read() -> tuple[dict, Start]:
        config = load_config(input_file, "input_v2_compat.json" if group.rank == 0 else None)
        start = start_from(restart, init_model, init_frz_model)
        if use_pretrain_script:
            config["model"] = _pretrained_model(start)
        return config, start

    config, start = group.together(read)
    return prepare(config, start, output=output, skip_neighbor_stat=skip_neighbor_stat).run()


@dataclass(frozen=True)
class TrainingRun:
    """A run that is ready to begin; nothing of an earlier one has been touched.

    Attributes
    ----------
    trainer : Trainer
    start : Start
    values : dict of str to ndarray
        Weights and statistics known before the first step, by name.
    min_nbor_dist : float or None
        The smallest distance in the training data, Å; None where it was not looked for.
    """

    trainer: Trainer
    start: Start
    values: dict[str, np.ndarray]
    min_nbor_dist: float | None

    def run(self, results: Iterable[Path] = ()) -> int:
        """Move what an earlier run has left out of the way, then train; as :meth:`Trainer.run`.

        ``results`` are files that belong to the run beside its checkpoints and learning curve.
        """
        if world().rank == 0:
            _clear_stage(self.trainer.settings, self.start, results)
        log.info(
            "%s, %d steps from step %d", self.start.origin, self.trainer.numb_steps - self.start.step, self.start.step
        )
        return self.trainer.run()


def prepare(
    config: dict, start: Start, *, output: str | None = "out.json", skip_neighbor_stat: bool = False
) -> TrainingRun:
    """Open the data, take the statistics and build the graph of a normalised input.

    Parameters
    ----------
    config : dict
        Normalised input; ``sel`` and ``type_map`` are settled in place.
    start : Start
        Where the first weights come from.
    output : str or None
        Where the complete input is written.
    skip_neighbor_stat : bool
        Do not look for closest neighbours and numbers of neighbours.

    Raises
    ------
    DeepmdError
        As :func:`train`.
    """
    begin = time.perf_counter()
    _warm_up()
    group = world()
    seed = group.shared(lambda: _seed(config, start))
    training, validation = group.together(lambda: open_data(config, seed))
    for key, part in descriptor_parts(config["model"]["descriptor"]).items():
        if reason := descriptors.get(part["type"]).jumps(part):
            log.warning("%s: %s", key, reason)
    config["model"]["type_map"] = _type_map(config, training)
    config["model"], min_nbor_dist, values = group.shared(
        lambda: _from_data(config["model"], training, start, skip_neighbor_stat)
    )
    model = make_model(config["model"])
    values = start.values or values
    weights = TrainableWeights(values, draws=not start.values)
    numb_steps = _numb_steps(config, training)
    introduce(group, training)
    if output is not None and group.rank == 0:
        write_atomic(output, json.dumps(config, indent=4).encode())
    graph = TrainingGraph(
        model,
        _loss(config),
        training.requirements,
        learning_rate(config["learning_rate"], numb_steps, group.size),
        _optimizer(config),
        weights,
        interface_dtype(),
        _records(config, min_nbor_dist, training),
        _tables(config, start, min_nbor_dist, training, validation),
        group,
    )
    log.info("data, statistics and graph ready in %.1f s", time.perf_counter() - begin)
    state = start.values if start.resume else None
    trainer = Trainer(graph, training, validation, config["training"], numb_steps, state, start.step, group)
    return TrainingRun(trainer, start, values, min_nbor_dist)


def load_config(input_file: str, converted: str | None = None) -> dict:
    """Read an input file, bring old versions up to date, check it and fill in the defaults.

    An input of an old version is also written, as brought up to date, to the file ``converted``.

    Raises
    ------
    ConfigError
        One line per fault.
    """
    return complete_config(read_input(input_file), input_file, converted)


def complete_config(raw: dict, source, converted: str | None = None) -> dict:
    """:func:`load_config` of what stands in the file ``source``."""
    raw, notes = update_input(raw, source=source)
    for note in notes:
        log.info("%s: %s", source, note)
    if notes and converted is not None:
        write_atomic(converted, json.dumps(raw, indent=4).encode())
    return normalize(raw, input_schema(), source=source)


def open_data(config: dict, seed: int | None) -> tuple[DataSet, DataSet | None]:
    """Open training and, where there is a section, validation data.

    Parameters
    ----------
    config : dict
        Normalised input.
    seed : int or None
        Seed of the order of frames; drawn where None.
    """
    section = config["training"]
    fitting = config["model"]["fitting_net"]
    requirements = [*_loss(config).requirements(), *fittings.get(fitting["type"]).requirements(fitting)]
    group = world()

    def opened(keys: dict) -> DataSet:
        keys = {key: value for key, value in keys.items() if key != "numb_btch"}
        data = DataSet.open(
            type_map=config["model"].get("type_map"), requirements=requirements, seed=seed,
            rank=group.rank, ranks=group.size, **keys,
        )  # fmt: skip
        section = config["model"]["descriptor"]
        descriptor = section["type"]
        parts = descriptor_parts(section).values()
        if data.mixed and not all(descriptors.get(part["type"]).mixed_types for part in parts):
            raise ConfigError(
                f"{data.systems[0].path}: is of the mixed-type format (real_atom_types.npy), which descriptor "
                f"{descriptor!r} does not take",
                "Write the frames of each composition as a system of their own, with its types in type.raw",
            )
        return data

    training = opened(section["training_data"])
    validation = section["validation_data"]
    return training, None if validation is None else opened(validation)


def _seed(config: dict, start: Start) -> int:
    """The seed of the order of frames: one for all ranks."""
    seeds = (start.seed, config["training"].get("seed"), secrets.randbits(31))
    return next(seed for seed in seeds if seed is not None)


def _from_data(section: dict, training: DataSet, start: Start, skip_neighbor_stat: bool) -> tuple:
    """The model section with ``sel`` settled, the smallest distance, and the statistics that the start has not."""
    min_nbor_dist = neighbor_facts(section, training, start, skip_neighbor_stat)
    values = {} if start.values else model_statistics(make_model(section), section, training)
    return section, min_nbor_dist, values


def _warm_up() -> None:
    """Load TensorFlow while the data are being read: it takes seconds and waits mostly for the disk."""

    def load() -> None:
        # What is wrong with the library is raised where it is needed, with a place to catch it.
        with contextlib.suppress(DeepmdError):
            op_module()

    threading.Thread(target=load, daemon=True).start()


def _pretrained_model(start: Start) -> dict:
    if start.script is None:
        raise ConfigError(
            "--use-pretrain-script needs a model that holds its input", "Give one with --init-model or --init-frz-model"
        )
    return start.script["model"]


def _type_map(config: dict, training: DataSet) -> list[str]:
    given = config["model"].get("type_map") or training.type_map
    return list(given) if given else [f"Type_{t}" for t in range(training.ntypes)]


def _numb_steps(config: dict, training: DataSet) -> int:
    section = config["training"]
    if section.get("numb_steps") is not None:
        return section["numb_steps"]
    return math.ceil(section["numb_epoch"] * training.steps_per_epoch() / training.ranks)


def _loss(config: dict):
    keys = dict(config["loss"])
    return losses.get(keys.pop("type"))(**keys)


def _optimizer(config: dict):
    keys = dict(config["optimizer"])
    return optimizers.get(keys.pop("type"))(**keys)


def _tables(config: dict, start: Start, min_nbor_dist: float | None, training: DataSet, validation: DataSet | None):
    if start.tables:
        return partial(StoredTables, stored=start.tables)
    if not config["training"]["embedding_table"]:
        return None
    systems = [*training.systems, *([] if validation is None else validation.systems)]
    return partial(
        TableInTheLoop, nearest=min_nbor_dist, atoms=training.atoms_per_batch(), pairs=_pairs_of_types(systems)
    )


def _pairs_of_types(systems) -> set[tuple[int, int]] | None:
    """Pairs of types that occur in one system; None where each frame has types of its own."""
    if any(system.mixed for system in systems):
        return None
    present = {tuple(np.unique(system.atom_types).tolist()) for system in systems}
    return {(a, b) for types in present for a in types for b in types}


def _records(config: dict, min_nbor_dist: float | None, training: DataSet) -> dict:
    return {
        SCRIPT: (json.dumps(config, separators=(",", ":")), "string"),
        MIN_NBOR_DIST: (-1.0 if min_nbor_dist is None else min_nbor_dist, "float64"),
        SEED: (training.seed, "int64"),
        OBSERVED_TYPE: (" ".join(_observed_types(config, training)), "string"),
    }


def _observed_types(config: dict, training: DataSet) -> list[str]:
    """The names of types that atoms of the training data have."""
    observed = np.unique(np.concatenate([np.unique(system.atom_types) for system in training.systems]))
    return [config["model"]["type_map"][t] for t in observed if t >= 0]


def _clear_stage(section: dict, start: Start, results: Iterable[Path]) -> None:
    """Move what an earlier run has left out of the way; it would be overwritten otherwise."""
    prefix = Path(section["save_ckpt"]).absolute()
    if start.resume:
        newer = [path for step, name in numbered_sets(prefix) if step > start.step for path in set_files(name)]
        folder = set_aside(newer)
    else:
        folder = set_aside([*run_files(prefix), Path(section["disp_file"]), *results])
    if folder is not None:
        log.info("files of an earlier run moved to %s", folder)
