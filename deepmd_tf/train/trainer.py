"""The training loop."""

from __future__ import annotations

import logging
import math
import signal

import numpy as np

from deepmd_tf.data.prefetch import Prefetch
from deepmd_tf.errors import RankError, TrainingError
from deepmd_tf.export.checkpoint import CheckpointWriter
from deepmd_tf.infer.session import session_config
from deepmd_tf.tf1 import tf
from deepmd_tf.train.blame import blame_frames
from deepmd_tf.train.lcurve import LearningCurve
from deepmd_tf.train.report import Report
from deepmd_tf.train.table import TableGuard
from deepmd_tf.train.world import ALONE

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
    group : World
        The processes that train together; the first of them writes the files.
    """

    def __init__(
        self, graph, training, validation, settings: dict, numb_steps: int, state=None, first: int = 0, group=ALONE
    ):
        self.group = group
        self.graph, self.training, self.validation = graph, training, validation
        self.settings, self.numb_steps, self.state, self.first = settings, numb_steps, state, first
        self.disp_freq, self.save_freq = settings["disp_freq"], settings["save_freq"]
        self.validation_batches = (settings["validation_data"] or {}).get("numb_btch", 1)

    def run(self) -> int:
        """Train; return the exit code, 0 or 128 plus the number of the signal that ended the run.

        Raises
        ------
        TrainingError
            Loss or gradient is not finite: the frame is named, the weights are as before that step. Or the weights of
            the processes have come to differ.
        SaveError
            A checkpoint or the learning curve cannot be written.
        """
        signals = _Signals(alone=self.group.size == 1)
        with tf.Session(graph=self.graph.graph, config=session_config()) as session, signals as stop:
            self.graph.load(session, self.state)
            writer = None
            if self.group.rank == 0:
                writer = CheckpointWriter(self.settings["save_ckpt"], self.settings["max_ckpt_keep"], self.graph.save)
            return _Loop(self, session, writer, stop).run()


class _Loop:
    """One pass through the steps, with what only lives while a session is open."""

    def __init__(self, trainer: Trainer, session, writer: CheckpointWriter | None, stop: _Signals):
        self.t, self.session, self.writer, self.stop = trainer, session, writer, stop
        self.group, graph = trainer.group, trainer.graph
        feeds = list(graph.feeds.values())
        shown = [*graph.errors.values(), graph.rate]
        # All processes leave after the same step, so each tells the others what it was asked.
        self.agreement = [graph.stopping] if self.group.size > 1 else []
        updating = [*feeds, *([graph.stop] if self.agreement else [])]
        self.advance = session.make_callable([*self.agreement, graph.train], feed_list=updating)
        self.advance_and_show = session.make_callable([*shown, *self.agreement, graph.train], feed_list=updating)
        self.show = session.make_callable(shown, feed_list=feeds)
        self.report = Report(trainer.first, trainer.numb_steps, trainer.settings["time_training"])
        self.tables = None
        if graph.tables is not None:
            self.tables = TableGuard(session, graph, trainer.settings["table_tolerance"])
        self.curve = None
        self.rows = trainer.settings["disp_training"]
        if self.rows and self.group.rank == 0:
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
            while step < t.numb_steps and not self.stop.agreed:
                self._step(step, *next(batches))
                step += 1
                self.report.tick(step)
                if step % t.save_freq == 0 and step < t.numb_steps:
                    self._save(step)
            if self.rows and not self.stop.agreed and step % t.disp_freq == 0:
                batch, arrays = next(batches)
                self._row(step, batch, lambda: self.show(*arrays))
            self._save(step)
            self.report.summary(step, batches.waited)
        if self.stop.agreed:
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
            if self.rows and step % self.t.disp_freq == 0:
                self._row(step, batch, lambda: self._advance(self.advance_and_show, step, arrays))
            else:
                self._advance(self.advance, step, arrays)
        except tf.errors.InvalidArgumentError as error:
            if "is not finite" not in error.message:
                raise
            # The update did not happen, so what is saved here is the sound state before it.
            self._save(step)
            raise self._not_finite(step, batch) from error

    def _advance(self, call, step: int, arrays) -> list:
        """One update; return what ``call`` shows."""
        asked = [self.stop.number] if self.agreement else []
        with self.group.exchange(f"step {step}"):
            *shown, _ = call(*arrays, *asked)
        if self.agreement:
            *shown, stopping = shown
            self.stop.agree(stopping > 0)
        return shown

    def _row(self, step: int, batch, show) -> None:
        """Write and print the errors of the weights after ``step`` updates; ``show`` may update them itself."""
        validation = self._validation_errors(step) if self.t.validation is not None else None
        *values, rate = show()
        training = dict(zip(self.t.graph.errors, self.group.mean_of(values, batch.natoms)))
        if self.curve:
            self.curve.row(step, training, validation, rate)
        self.report.line(step, training, validation, rate)

    def _validation_errors(self, step: int) -> dict:
        """Errors over ``numb_btch`` batches, weighted by numbers of atoms; which ones depends on the step alone."""
        count = self.t.validation_batches
        sums, weights = np.zeros(len(self.t.graph.errors)), np.zeros(len(self.t.graph.errors))
        for index in range(count):
            batch = self.t.validation.batch(step // self.t.disp_freq * count + index)
            values = np.array(self.show(*self.t.graph.arrays(batch))[:-1])
            natoms = np.where(np.isnan(values), 0, batch.natoms)
            sums += np.nan_to_num(values) * natoms
            weights += natoms
        means = [s / w if w else math.nan for s, w in zip(sums, weights)]
        return dict(zip(self.t.graph.errors, self.group.mean_of(means, weights.max())))

    def _save(self, step: int) -> None:
        if step > self.t.first or self.t.state is None:
            self.report.clear_bar()
            if self.tables and step > self.t.first:
                self.tables.check()
            self._compare_weights(step)
            log.debug("checkpoint %s", self.group.shared(lambda: str(self.writer.save(self.session, step))))

    def _compare_weights(self, step: int) -> None:
        """Weights are not sent around after the start: they stay equal, or the run is worth nothing."""
        if self.group.size == 1:
            return
        sums = self.group.gather(self.t.graph.checksum(self.session))
        others = [rank for rank, found in enumerate(sums) if found != sums[0]]
        if others:
            raise TrainingError(
                f"step {step}: the weights of rank {', '.join(map(str, others))} differ from those of rank 0",
                "No checkpoint was written; restart from the one before, and have the memory of these machines tested",
            )

    def _not_finite(self, step: int, batch) -> Exception:
        """The error of all ranks, with the frames that cause it on any of them."""
        found = self.group.together(lambda: blame_frames(self.session, self.t.graph, self.t.training, batch))
        told = list(enumerate(self.group.gather(list(found))))
        named = [entry for entry in told if entry[1][0]] or told
        who = "rank {}: {}" if self.group.size > 1 else "{1}"
        places = " ".join(who.format(rank, text) for rank, (_, text) in named)
        message = f"step {step}: loss or gradient is not finite. {places}"
        if self.group.rank > 0:
            return RankError(message, exit_code=TrainingError.exit_code, told=True)
        return TrainingError(
            message, f"The weights before this step are saved in {self.t.settings['save_ckpt']}-{step}"
        )


class _Signals:
    """While entered, SIGTERM and SIGINT ask the loop to save and leave instead of ending the process.

    Parameters
    ----------
    alone : bool
        Whether what this process is asked counts at once; else when all have agreed.
    """

    HANDLED = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, alone: bool):
        self.number = 0
        self._alone, self._agreed = alone, False

    @property
    def agreed(self) -> bool:
        """Whether to leave now."""
        return self.number > 0 if self._alone else self._agreed

    def agree(self, leave: bool) -> None:
        """Leave after this step; the signal may have come to other processes alone."""
        if leave:
            self._agreed = True
            self.number = self.number or signal.SIGTERM

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
