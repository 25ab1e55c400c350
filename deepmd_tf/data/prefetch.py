"""Batches made ready ahead of the step that needs them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class Prefetch(Generic[Batch]):
    """Iterator over ``batch_of_step(start), batch_of_step(start + 1), ...``, computed ahead in threads.

    An error of a batch is raised when its turn comes. Use it as a context manager, or call :meth:`close`.

    Parameters
    ----------
    batch_of_step : callable
        A pure function of the step; called by several threads at once.
    start : int
        First step.
    depth : int
        Batches kept ready.
    workers : int
        Threads.

    Attributes
    ----------
    waited : float
        Seconds the consumer has waited for batches so far.
    """

    def __init__(self, batch_of_step: Callable[[int], Batch], start: int = 0, depth: int = 4, workers: int = 2):
        self._batch_of_step = batch_of_step
        self._next = start
        self._pool = ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="batch")
        self._ready: deque[Future] = deque()
        self._closed = False
        self.waited = 0.0
        for _ in range(max(1, depth)):
            self._submit()

    def _submit(self) -> None:
        self._ready.append(self._pool.submit(self._batch_of_step, self._next))
        self._next += 1

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._closed:
            raise StopIteration
        begin = time.perf_counter()
        batch = self._ready.popleft().result()
        self.waited += time.perf_counter() - begin
        self._submit()
        return batch

    def close(self) -> None:
        """Drop what is not needed any more and join the threads."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ready.clear()

    def __enter__(self) -> Prefetch[Batch]:
        return self

    def __exit__(self, *_) -> None:
        self.close()
