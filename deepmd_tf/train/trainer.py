"""The training loop."""

from __future__ import annotations

import logging
import math
import signal

import numpy as np

from deepmd_tf.data.prefetch import Prefetch
from deepmd_tf.errors import TrainingError
from deepmd_tf.export.checkpoint import CheckpointWriter
from deepmd_tf.infer.session import session_config
from deepmd_tf.tf1 import tf
from deepmd_tf.train.blame import blame_frames
from deepmd_tf.train.lcurve import LearningCurve
from deepmd_tf.train.report import Report
from deepmd_tf.train.table import TableGuard

log = logging.getLogger(__name__)

READY_BATCHES = 8


class Trainer:
    """Runs a training from its first step to its last.

    Parameters
    ----------
    graph : TrainingGraph
    training, validation : DataSet
        ``validation`` may be None.
    settings : dict
        Normalised section ``training``.
    numb_steps : int
        Step to go to.
    state : dict of str to ndarray, optional
        Checkpoint to go on from.
    first : int
        Step of that checkpoint, else 0.
    """

    def __init__(self, graph, training, validation, settings: dict, numb_steps: int, state=None, first: int = 0):
        self.graph, self.training, self.validation = graph, training, validation
        self.settings, self.numb_steps, self.state, self.first = settings, numb_steps, state, first
        self.disp_freq, self.save_freq = settings["disp_freq"], settings["save_freq"]
        self.validation_batches = (settings["validation_data"] or {}).get("numb_btch", 1)

    def run(self) -> int:
        """Train; return the exit code, 0 or 128 plus the number of the signal that ended the run.

        Raises
        ------
        TrainingError
            Loss or gradient is not finite; the frame is named, the weights are as before that step.
        SaveError
            A checkpoint or the learning curve cannot be written.
        """
        with tf.Session(graph=self.graph.graph, config=session_config()) as session, _Signals() as stop:
            self.graph.load(session, self.state)
            writer = CheckpointWriter(self.settings["save_ckpt"], self.settings["max_ckpt_keep"], self.graph.save)
            return _Loop(self, session, writer, stop).run()


class _Loop:
    """One pass through the steps, with what only lives while a session is open."""

    def __init__(self, trainer: Trainer, session, writer: CheckpointWriter, stop: _Signals):
        self.t, self.session, self.writer, self.stop = trainer, session, writer, stop
        graph = trainer.graph
        feeds = list(graph.feeds.values())
        shown = [*graph.errors.values(), graph.rate]
        self.advance = session.make_callable(graph.train, feed_list=feeds)
        self.advance_and_show = session.make_callable([*shown, graph.train], feed_list=feeds)
        self.show = session.make_callable(shown, feed_list=feeds)
        self.report = Report(trainer.first, trainer.numb_steps, trainer.settings["time_training"])
        self.tables = None
        if graph.tables is not None:
            self.tables = TableGuard(session, graph, trainer.settings["table_tolerance"])
        self.curve = None
        if trainer.settings["disp_training"]:
            resume = trainer.first if trainer.state is not None else None
            self.curve = LearningCurve(
                trainer.settings["disp_file"], list(graph.errors), trainer.validation is not None, resume
            )

    def run(self) -> int:
        t = self.t
        step = t.first
        if self.tables:
            self.tables.check()
        with Prefetch(self._ready, t.first, READY_BATCHES) as batches:
            while step < t.numb_steps and not self.stop.number:
                self._step(step, *next(batches))
                step += 1
                self.report.tick(step)
                if step % t.save_freq == 0 and step < t.numb_steps:
                    self._save(step)
            if self.curve and not self.stop.number and step % t.disp_freq == 0:
                arrays = next(batches)[1]
                self._row(step, lambda: self.show(*arrays))
            self._save(step)
            self.report.summary(step, batches.waited)
        if self.stop.number:
            log.warning(
                "stopped by %s at step %d; go on with --restart %s", self.stop.name, step, t.settings["save_ckpt"]
            )
            return 128 + self.stop.number
        return 0

    def _ready(self, step: int):
        """Batch and arrays of a step, made by the threads that work ahead."""
        batch = self.t.training.batch(step)
        return batch, self.t.graph.arrays(batch)

    def _step(self, step: int, batch, arrays) -> None:
        try:
            if self.curve and step % self.t.disp_freq == 0:
                self._row(step, lambda: self.advance_and_show(*arrays)[:-1])
            else:
                self.advance(*arrays)
        except tf.errors.InvalidArgumentError as error:
            if "is not finite" not in error.message:
                raise
            # The update did not happen, so what is saved here is the sound state before it.
            self._save(step)
            places = blame_frames(self.session, self.t.graph, self.t.training, batch)
            raise TrainingError(
                f"step {step}: loss or gradient is not finite. {places}",
                f"The weights before this step are saved in {self.t.settings['save_ckpt']}-{step}",
            ) from error

    def _row(self, step: int, show) -> None:
        """Write and print the errors of the weights after ``step`` updates; ``show`` may update them itself."""
        validation = self._validation_errors(step) if self.t.validation is not None else None
        *values, rate = show()
        training = dict(zip(self.t.graph.errors, values))
        self.curve.row(step, training, validation, rate)
        self.report.line(step, training, validation, rate)

    def _validation_errors(self, step: int) -> dict:
        """Errors over ``numb_btch`` batches, weighted by numbers of atoms; which ones depends on the step alone."""
        count = self.t.validation_batches
        sums, weights = np.zeros(len(self.t.graph.errors)), np.zeros(len(self.t.graph.errors))
        for index in range(count):
            batch = self.t.validation.batch(step // self.t.disp_freq * count + index)
            values = np.array(self.show(*self.t.graph.arrays(batch))[:-1])
            natoms = np.where(np.isnan(values), 0, batch["natoms"][0])
            sums += np.nan_to_num(values) * natoms
            weights += natoms
        means = [s / w if w else math.nan for s, w in zip(sums, weights)]
        return dict(zip(self.t.graph.errors, means))

    def _save(self, step: int) -> None:
        if step > self.t.first or self.t.state is None:
            self.report.clear_bar()
            if self.tables and step > self.t.first:
                self.tables.check()
            log.debug("checkpoint %s", self.writer.save(self.session, step))


class _Signals:
    """While entered, SIGTERM and SIGINT ask the loop to save and leave instead of ending the process."""

    HANDLED = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.number = 0

    @property
    def name(self) -> str:
        return signal.Signals(self.number).name

    def __enter__(self):
        self._before = {number: signal.signal(number, self._note) for number in self.HANDLED}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, _frame):
        if self.number:
            # Asked twice: the user does not want to wait.
            raise KeyboardInterrupt
        self.number = number
