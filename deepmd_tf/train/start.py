"""Where the first weights of a run come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.export.script import SEED, min_nbor_dist, training_script
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.stored import look_ups
from deepmd_tf.nn.table import tables_by_name
from deepmd_tf.tf1 import tf
from deepmd_tf.train.pretrained import Pretrained
from deepmd_tf.train.step import GLOBAL_STEP


@dataclass(frozen=True)
class Start:
    """What a run knows before it looks at its data.

    Attributes
    ----------
    origin : str
        For messages: "from scratch", or the file.
    values : dict of str to ndarray
        Weights and statistics by name; empty from scratch.
    script : dict or None
        Input of the model that the values come from.
    tables : list or dict of Table
        Tables of a compressed model, which stay as they are; see :class:`~deepmd_tf.infer.tables.StoredTables`.
    pretrained : Pretrained or None
        The model to fine-tune; its values are brought to the data once these are open.
    resume : bool
        Go on with optimizer, step and order of frames, instead of beginning a new run.
    """

    origin: str = "from scratch"
    values: dict[str, np.ndarray] = field(default_factory=dict)
    script: dict | None = None
    tables: list | dict = field(default_factory=list)
    pretrained: Pretrained | None = None
    resume: bool = False

    @property
    def from_scratch(self) -> bool:
        """Whether weights are drawn."""
        return not self.values and self.pretrained is None

    @property
    def step(self) -> int:
        """The first step of the run."""
        return int(self.values[GLOBAL_STEP]) if self.resume else 0

    @property
    def seed(self) -> int | None:
        """The seed of the order of frames, where the run goes on."""
        return int(self.values[SEED]) if self.resume else None

    @property
    def min_nbor_dist(self) -> float | None:
        """The smallest distance in the training data, Å, where it is known."""
        return min_nbor_dist(self.values) if self.resume else None

    def model_section(self, use_script: bool, given):
        """The section ``model`` of the run whose input has ``given`` there; ``use_script`` takes that of the origin.

        Raises
        ------
        ConfigError
            The origin holds no input, or what is given cannot be had with its weights.
        """
        if self.pretrained is not None:
            return self.pretrained.completed(given, use_script)
        if use_script and self.script is None:
            raise ConfigError(
                "--use-pretrain-script needs a model that holds its input",
                "Give one with --init-model, --init-frz-model or --finetune",
            )
        return self.script["model"] if use_script else given


def start_from(
    restart: str | None, init_model: str | None, init_frz_model: str | None = None, finetune: str | None = None
) -> Start:
    """The start that the options of a training command ask for; from scratch without any."""
    if finetune is not None:
        return Start(finetune, pretrained=Pretrained.open(finetune))
    if restart is not None:
        return from_checkpoint(restart, resume=True)
    if init_model is not None:
        return from_checkpoint(init_model, resume=False)
    return Start() if init_frz_model is None else from_frozen(init_frz_model)


def from_checkpoint(path: str | Path, resume: bool) -> Start:
    """Start from a checkpoint; ``resume`` goes on with its run.

    Raises
    ------
    CheckpointError, ModelFormatError
        There is no complete checkpoint, or it is not one of a training run.
    """
    checkpoint = find_checkpoint(path)
    values = checkpoint.values()
    script = training_script(values, str(checkpoint.prefix))
    return Start(str(checkpoint.prefix), values, script, tables_by_name(values), resume=resume)


def from_frozen(path: str | Path) -> Start:
    """Start from the weights of a frozen model, ours or one of deepmd-kit.

    The tables of a compressed model stand for its embedding networks and are not trained.

    Raises
    ------
    ModelFormatError
        The file is no model.
    """
    model = FrozenModel(path)
    values = {name: value for name, value in model.constants().items() if tf.as_dtype(value.dtype).is_floating}
    tables = tables_by_name(values) or list(look_ups(model).values())
    return Start(str(path), values, model.training_script or None, tables)
