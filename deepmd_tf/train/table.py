"""Watches over the tables that a training goes through: their error, their size, their ends."""

from __future__ import annotations

import logging

from deepmd_tf.tf1 import tf

log = logging.getLogger(__name__)


class TableGuard:
    """Keeps the error of the tables below a tolerance by doubling their intervals, and says what it finds.

    Parameters
    ----------
    session : tf.Session
    graph : TrainingGraph
    tolerance : float
        Largest error of features and slopes, relative to the largest of each network.
    """

    def __init__(self, session, graph, tolerance: float):
        self._session, self._tables, self._tolerance = session, graph.tables, tolerance
        self._outside, self._reported = graph.outside, 0
        with graph.graph.as_default():
            counts = self._tables.intervals
            self._state = list(zip(self._tables.errors, counts)) if counts else []
            self._double = [tf.assign(count, 2 * count).op for count in counts]

    def check(self) -> None:
        """Measure, double where needed, and report; the weights are not touched."""
        if self._state:
            self._check_errors()
        outside = self._session.run(self._outside)
        if outside > self._reported:
            log.warning(
                "embedding tables: %d look-ups beyond their ends since the last report, continued linearly there; "
                "a pair of atoms is nearer than the neighbour statistics say",
                outside - self._reported,
            )
            self._reported = outside

    def _check_errors(self) -> None:
        found = [self._refined(*ops) for ops in zip(self._state, self._double)]
        error = max(error for error, _ in found)
        log.info(
            "embedding tables: %s intervals, interpolation error %.1e",
            " + ".join(str(intervals) for _, intervals in found),
            error,
        )
        if error > self._tolerance:
            log.warning(
                "embedding tables: the error is above training/table_tolerance = %.1e; "
                "training/embedding_table = false trains without tables",
                self._tolerance,
            )

    def _refined(self, state, double) -> tuple[float, int]:
        """Error and number of intervals of the tables of one sum, doubled while that helps and is needed."""
        error, intervals = self._session.run(state)
        while error > self._tolerance and intervals < self._tables.LAST:
            self._session.run(double)
            before = error
            error, intervals = self._session.run(state)
            if error > before / 2:
                break
        return error, intervals
