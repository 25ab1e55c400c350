"""One training step as a graph: batch in, weights updated, nothing read back."""

from __future__ import annotations

import functools
import zlib

import numpy as np

from deepmd_tf.errors import CheckpointError, ConfigError
from deepmd_tf.nn.context import FOUND, BuildContext, ModelInput
from deepmd_tf.nn.table import PARTS
from deepmd_tf.tf1 import tf
from deepmd_tf.train.world import ALONE

GLOBAL_STEP = "global_step"
NOT_FINITE = "not_finite"


class TrainingGraph:
    """The graph of a training run. It holds no session.

    Parameters
    ----------
    model : EnergyModel
    loss : Loss
    requirements : list of DataRequirement
        What a batch brings beside coordinates, types and box.
    rate : callable, float
        Learning rate as a function of the step tensor, and its start value.
    optimizer : object with ``make(rate)``
    weights : TrainableWeights
    interface : numpy dtype
    records : mapping of str to value
        Facts that travel in the checkpoint as constants, e.g. the training script.
    tables : callable or None
        Makes the :class:`~deepmd_tf.nn.tabulated.TableSums` over the exact primitives; None trains without.
    group : World
        The processes that train together; the loss is the mean over them.

    Attributes
    ----------
    feeds : dict of str to placeholder
    train : operation
        One update; fails with ``InvalidArgumentError`` naming ``not_finite``, weights untouched, when
        loss or gradient is not finite, on whatever rank.
    stop, stopping : float64 scalars
        What this process feeds when it is asked to stop, and the sum of that over all, which is known after the step.
    errors : dict of str to float64 scalar
        Errors of the batch before the update, for the learning curve.
    rate, step : scalars
    tables : TableSums or None
        None where no network is tabulated.
    outside : int64 variable or None
        Look-ups beyond the ends of the tables in all steps so far.
    """

    def __init__(
        self, model, loss, requirements, rate, optimizer, weights, interface, records, tables=None, group=ALONE
    ):
        self.graph, self._group = tf.Graph(), group
        with self.graph.as_default():
            self.weights = weights
            self.feeds = self._placeholders(len(model.type_map), requirements, interface)
            tables = None if tables is None else tables(FOUND)
            primitives = FOUND if tables is None else tables.primitives()
            context = BuildContext(len(model.type_map), self.weights, np.dtype(interface), primitives)
            self.prediction = model.build(context, self._model_input())
            self.tables = tables if tables is not None and tables.outside else None
            self.outside = None if self.tables is None else _counter("table_outside")
            self._keep(tables)
            self._step = tf.get_variable(
                GLOBAL_STEP, (), tf.int64, tf.zeros_initializer(), trainable=False, use_resource=False
            )
            rate_of_step, start = rate
            # A copy: the variable itself moves on within the step that reads it.
            self.step = tf.identity(self._step) + 0
            self.stop = tf.placeholder_with_default(np.float64(0.0), (), name="stop")
            self.rate = rate_of_step(self.step)
            result = loss.build(self.prediction, self.feeds, self.feeds["type"] >= 0, self.rate / start)
            self.errors = result.errors
            self.train = self._update(result, optimizer.make(self.rate))
            self._record(records)
            self._variables = tf.global_variables()
            self._save_to = tf.placeholder(tf.string, [])
            # The op under tf.train.Saver, without the part for restoring that nobody here uses.
            self._save = tf.raw_ops.SaveV2(
                prefix=self._save_to, tensor_names=[v.op.name for v in self._variables],
                shape_and_slices=[""] * len(self._variables), tensors=self._variables,
            )  # fmt: skip

    def load(self, session, state: dict[str, np.ndarray] | None = None) -> None:
        """Give all variables their first values, or those of ``state``, a checkpoint to go on from.

        Raises
        ------
        CheckpointError
            The checkpoint lacks a variable or has it in another shape.
        """
        # What is known may hold more than the weights, such as the optimizer of the run they come from.
        weights = {name: self.weights.values[name] for name in self.weights.tensors}
        values = weights if state is None else self._checked(state)
        with self.graph.as_default():
            # The values take the place of what the initialisers would compute.
            feeds = {v.initializer.inputs[1]: values[v.op.name] for v in self._variables if v.op.name in values}
            session.run([v.initializer for v in [*self._variables, *tf.local_variables()]], feeds)
            self._group.spread(session, self._variables)

    def checksum(self, session) -> int:
        """A number that differs where trained weights differ in a bit."""
        with self.graph.as_default():
            weights = session.run(tf.trainable_variables())
        return functools.reduce(lambda sum_, array: zlib.crc32(array.tobytes(), sum_), weights, 0)

    def save(self, session, prefix: str) -> None:
        """Write all variables as a checkpoint of TensorFlow's format."""
        session.run(self._save, {self._save_to: prefix})

    def _checked(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What of a checkpoint belongs to this graph; the records are those of this run."""
        # A run that was begun without tables goes on with them.
        new = {variable.op.name for variable in getattr(self.tables, "intervals", [])} - state.keys()
        left_out = self._records | new
        wanted = [variable for variable in self._variables if variable.op.name not in left_out]
        for variable in wanted:
            name, shape = variable.op.name, tuple(variable.shape.as_list())
            if name not in state or state[name].shape != shape:
                found = f"shape {state[name].shape}" if name in state else "none"
                raise CheckpointError(
                    f"checkpoint: {name}: expected shape {shape}, found {found}",
                    "Restart with the input that the checkpoint was made with, or start from it with --init-model",
                )
        return {variable.op.name: state[variable.op.name] for variable in wanted}

    def _keep(self, tables) -> None:
        """Tables that stand for networks travel in the checkpoints, under the names of compressed models."""
        for name, parts in ({} if tables is None else tables.by_name).items():
            for part, value in zip(PARTS, parts):
                if value is not None:
                    self.weights.values[name + part] = value
                    self.weights.get(name + part, value.shape, value.dtype.name, None, trainable=False)

    def _placeholders(self, ntypes: int, requirements, interface) -> dict:
        dtype = np.dtype(interface).name
        feeds = {
            "coord": tf.placeholder(dtype, [None, None]),
            "box": tf.placeholder(dtype, [None, 9]),
            "type": tf.placeholder(tf.int32, [None, None]),
            "natoms": tf.placeholder(tf.int32, [2 + ntypes]),
            "mesh": tf.placeholder(tf.int32, [None]),
        }
        for requirement in requirements:
            kind = "float64" if requirement.high_precision else dtype
            feeds[requirement.key] = tf.placeholder(kind, [None, None])
            feeds[f"find_{requirement.key}"] = tf.placeholder(tf.float32, [])
        return feeds

    def _model_input(self) -> ModelInput:
        feeds = self.feeds
        return ModelInput(
            feeds["coord"], feeds["type"], feeds["natoms"], feeds["box"], feeds["mesh"],
            feeds.get("fparam"), feeds.get("aparam"),
        )  # fmt: skip

    def _update(self, result, optimizer):
        variables = tf.trainable_variables()
        # Each process gives its share of the loss, so that sums over processes are those of the mean loss.
        share = result.total / self._group.size
        pairs = [(g, v) for g, v in zip(tf.gradients(share, variables), variables) if g is not None]
        if not pairs:
            raise ConfigError("model: nothing is trainable", "Set trainable of the descriptor or the fitting net")
        gradients, variables = zip(*pairs)
        *gradients, total, self.stopping = self._group.sums([*gradients, share, self.stop])
        pairs = list(zip(gradients, variables))
        # Squares, as the optimizer forms them: what is finite here stays finite in its second moment.
        size = tf.add_n([tf.cast(tf.nn.l2_loss(g), tf.float64) for g in gradients])
        finite = tf.debugging.check_numerics(size + total, "loss or gradient is not finite", name=NOT_FINITE)
        # All readers of the weights come before any writer: the variables are updated in place.
        with tf.control_dependencies([finite, *result.errors.values()]):
            update = optimizer.apply_gradients(pairs, global_step=self._step)
            if self.tables is None:
                return update
            return tf.group(update, tf.assign_add(self.outside, tf.add_n(self.tables.outside)))

    def _record(self, records) -> None:
        self._records = set(records)
        for name, (value, dtype) in records.items():
            tf.get_variable(name, initializer=tf.constant(value, dtype), trainable=False, use_resource=False)

    def arrays(self, batch) -> list[np.ndarray]:
        """The arrays of a batch in the order and with the dtypes of :attr:`feeds`."""
        return [np.asarray(batch[key], tensor.dtype.as_numpy_dtype) for key, tensor in self.feeds.items()]


def _counter(name: str):
    """A variable that counts within a run and is no part of its checkpoints."""
    return tf.get_variable(
        name, (), tf.int64, tf.zeros_initializer(), trainable=False, use_resource=False,
        collections=[tf.GraphKeys.LOCAL_VARIABLES],
    )  # fmt: skip
