"""What processes tell each other, and how a process that waits for others ends; all within one process."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from deepmd_tf.errors import TrainingError
from deepmd_tf.train.message import pack, unpack
from deepmd_tf.train.trainer import _Loop
from deepmd_tf.train.watch import absent
from deepmd_tf.train.world import ALONE


def test_messages_keep_every_bit():
    item = {
        "values": {"a/b": np.array([[1 / 3, np.nan], [-0.0, np.inf]]), "c": np.arange(3, dtype=np.int32)},
        "list": [None, True, "ü", 0.1, 2**60, np.float64(0.1), np.zeros((0, 4))],
        "array": 1,
    }
    found = unpack(pack(item))
    for name, value in item["values"].items():
        assert found["values"][name].dtype == value.dtype
        assert found["values"][name].tobytes() == value.tobytes()
    assert found["list"][:6] == item["list"][:6] and found["list"][6].shape == (0, 4)
    assert found["array"] == 1


@pytest.mark.parametrize("item", [object(), {"a": np.array([object()])}, {1, 2}])
def test_messages_hold_nothing_that_runs(item):
    with pytest.raises((TypeError, ValueError)):
        unpack(pack(item))


def test_alone_everything_is_as_it_was():
    assert (ALONE.rank, ALONE.size) == (0, 1)
    tensors = [object(), object()]
    assert ALONE.sums(tensors) == tensors
    assert ALONE.shared(lambda: 3) == ALONE.together(lambda: 3) == 3
    assert ALONE.gather("x") == ["x"]


def test_weights_that_differ_stop_the_run():
    """One rank of three has other weights; a fault of memory, say."""
    group = SimpleNamespace(size=3, gather=lambda checksum: [checksum, checksum, checksum + 1])
    loop = _Loop.__new__(_Loop)
    loop.t = SimpleNamespace(graph=SimpleNamespace(checksum=lambda session: 7))
    loop.session, loop.group = None, group
    with pytest.raises(TrainingError, match="step 40: the weights of rank 2 differ from those of rank 0"):
        loop._compare_weights(40)
    group.gather = lambda checksum: [checksum] * 3
    loop._compare_weights(40)


WATCHED = """
import time
from deepmd_tf.log import configure
from deepmd_tf.train.watch import Watch
configure()
watch = Watch(1.0, lambda: ": rank 3")
for _ in range(3):
    with watch("step 1"):
        time.sleep(0.6)
time.sleep(2.0)
print("alive", flush=True)
with watch("step 2"):
    time.sleep(60)
"""


def test_the_watch_ends_a_process_that_waits_too_long():
    """Not one that waits often, nor one that does something else."""
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 5 and done.stdout == "alive\n"
    assert "step 2: no answer from other ranks for 1 s: rank 3" in done.stderr
    # Between the two it was the others who may have waited; that is told once.
    assert done.stderr.count("other ranks may be waiting for this one: no exchange for 1 s") == 1


def test_processes_that_are_gone_or_stopped():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert absent(child.pid) == ""
    child.send_signal(19)
    while absent(child.pid) == "":
        pass
    assert absent(child.pid) == "is stopped"
    child.kill()
    child.wait()
    assert absent(child.pid) == "has ended"
