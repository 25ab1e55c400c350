"""Several processes, joined by Horovod. The only module that imports it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence

import numpy as np

from deepmd_tf.errors import ConfigError, RankError
from deepmd_tf.infer.session import session_config
from deepmd_tf.tf1 import tf
from deepmd_tf.train.cores import share_of_cores
from deepmd_tf.train.message import pack, unpack
from deepmd_tf.train.watch import Watch, absent
from deepmd_tf.train.world import Result, World

# TensorFlow comes first, with the settings of this program; and Horovod needs its Keras, which `dp` else leaves out.
tf.Graph  # noqa: B018
_kept = os.environ.pop("TF_USE_LEGACY_KERAS", None)
import horovod.tensorflow as hvd  # noqa: E402

if _kept is not None:
    os.environ["TF_USE_LEGACY_KERAS"] = _kept

TIMEOUT_VARIABLE, TIMEOUT = "DP_RANK_TIMEOUT", 50
PULSE = 1.0  # seconds between signs of life while ranks work on their own
WORKING, DONE = "working", "done"


class HorovodWorld(World):
    """The processes of a launcher.

    Parameters
    ----------
    started : int
        How many the launcher says there are.

    Raises
    ------
    ConfigError
        Horovod finds another number of them, or an environment variable is no number.
    """

    def __init__(self, started: int):
        timeout = _timeout()
        _settle_horovod(timeout)
        hvd.init()
        if hvd.size() != started:
            raise ConfigError(
                f"{started} processes were started, Horovod finds {hvd.size()}",
                "Start them with horovodrun, or build Horovod with the MPI of this launcher (docs/distributed.md)",
            )
        self.rank, self.size = hvd.rank(), hvd.size()
        _share_the_host(hvd.local_rank(), hvd.local_size())
        self._mail = _Mail()
        self._watch = Watch(timeout, self._suspects)
        self._processes: list[tuple[str, int]] = []
        self._processes = self.gather((socket.gethostname(), os.getpid()))

    def together(self, work: Callable[[], Result]) -> Result:
        task = _Task(work)
        while True:
            task.wait(PULSE)
            states = self.gather(task.state)
            failed = [rank for rank, state in enumerate(states) if isinstance(state, dict)]
            if failed[:1] == [self.rank]:
                raise task.error
            if failed:
                failure = states[failed[0]]
                raise RankError(f"rank {failed[0]}: {failure['text']}", exit_code=failure["exit_code"],
                                told=self.rank > 0)  # fmt: skip
            if all(state == DONE for state in states):
                return task.result

    def shared(self, work: Callable[[], Result]) -> Result:
        mine = self.together(work if self.rank == 0 else lambda: None)
        return self.gather(mine)[0]

    def gather(self, item) -> list:
        with self.exchange("an exchange"):
            return [unpack(part) for part in self._mail.gather(pack(item))]

    def sums(self, tensors: Sequence) -> list:
        tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
        sums = {}
        for dtype in sorted({tensor.dtype.name for tensor in tensors}):
            places = [place for place, tensor in enumerate(tensors) if tensor.dtype.name == dtype]
            group = [tensors[place] for place in places]
            sums |= zip(places, hvd.grouped_allreduce(group, op=hvd.Sum, name=f"sums_{dtype}"))
        return [sums[place] for place in range(len(tensors))]

    def spread(self, session, variables: Sequence) -> None:
        numbers = [variable for variable in variables if variable.dtype.base_dtype != tf.string]
        with session.graph.as_default():
            update = hvd.broadcast_variables(numbers, root_rank=0)
        with self.exchange("the first weights"):
            session.run(update)

    def mean_of(self, values: Sequence[float], weight: float) -> Sequence[float]:
        mine = np.array(values, np.float64)
        weights = np.where(np.isnan(mine), 0.0, weight)
        parts = self.gather([np.where(np.isnan(mine), 0.0, mine) * weights, weights])
        with np.errstate(invalid="ignore"):
            return sum(part[0] for part in parts) / sum(part[1] for part in parts)

    @contextlib.contextmanager
    def exchange(self, what: str):
        with self._watch(what):
            try:
                yield
            except tf.errors.OpError as error:
                if isinstance(error, tf.errors.InvalidArgumentError) or "orovod" not in str(error):
                    raise
                raise RankError(f"{what}: another rank does not answer{self._suspects()}") from error

    def _suspects(self) -> str:
        """Which ranks on this host have ended, or where to look for them."""
        host = socket.gethostname()
        here = [rank for rank, (name, _) in enumerate(self._processes) if name == host]
        gone = [f"rank {rank} (process {self._processes[rank][1]}) {how}" for rank in here
                if rank != self.rank and (how := absent(self._processes[rank][1]))]  # fmt: skip
        if gone:
            return f": {', '.join(gone)} on {host}"
        elsewhere = sorted({name for name, _ in self._processes} - {host})
        return f": none on {host}, so one on {', '.join(elsewhere)}" if elsewhere else ""


class _Mail:
    """Bytes of all ranks to all ranks."""

    def __init__(self):
        graph = tf.Graph()
        with graph.as_default(), tf.device("/cpu:0"):
            self._given = tf.placeholder(tf.uint8, [None])
            self._sizes = hvd.allgather(tf.shape(self._given), name="sizes")
            self._parts = hvd.allgather(self._given, name="parts")
        # The first session of a process makes the threads of all: those of the training, that they do not compete.
        self._session = tf.Session(graph=graph, config=session_config())

    def gather(self, item: bytes) -> list[bytes]:
        given = np.frombuffer(item, np.uint8)
        sizes, parts = self._session.run([self._sizes, self._parts], {self._given: given})
        return [part.tobytes() for part in np.split(parts, np.cumsum(sizes)[:-1])]


class _Task:
    """Work in a thread, so that the main one can give signs of life."""

    def __init__(self, work: Callable):
        self.state, self.result, self.error = WORKING, None, None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when the work is done, or after some time."""
        self._thread.join(seconds)

    def _run(self, work: Callable) -> None:
        try:
            self.result = work()
            self.state = DONE
        except BaseException as error:
            self.error = error
            self.state = {"text": str(error), "exit_code": getattr(error, "exit_code", 1)}


def _timeout() -> int:
    value = os.environ.get(TIMEOUT_VARIABLE, "").strip() or str(TIMEOUT)
    if not value.isdecimal() or int(value) == 0:
        raise ConfigError(f"environment variable {TIMEOUT_VARIABLE}: expected a number of seconds, found {value!r}")
    return int(value)


def _settle_horovod(timeout: int) -> None:
    """Settings of Horovod and MPI that nobody has chosen; they are read when Horovod starts."""
    # Processes that wait leave the cores to those that compute.
    os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    # Horovod names the ranks that others wait for; in time, before the watch ends them.
    os.environ.setdefault("HOROVOD_STALL_CHECK_TIME_SECONDS", str(max(1, int(0.4 * timeout))))


def _share_the_host(local_rank: int, local_size: int) -> None:
    """Leave each process of a host its share of the cores and, where there are any, one accelerator."""
    threads = str(share_of_cores(local_rank, local_size))
    for kind in ("INTRA", "INTER"):
        name = f"{kind}_OP_PARALLELISM_THREADS"
        if not any(os.environ.get(f"{prefix}_{name}") for prefix in ("DP", "TF")):
            os.environ[f"DP_{name}"] = threads
    devices = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if not devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(local_rank)
    elif len(devices) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[local_rank % len(devices)]
