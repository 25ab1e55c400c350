"""What is freed is used again, in processes of their own: the settings of an allocator hold for a whole process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Arrays of 8 MB, as those of a training step, come and go; the system clears 2,048 pages for each that it has to give.
CODE = """
import resource, sys
import numpy as np
from deepmd_tf.memory import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "keep" else None)
np.ones(4_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    a = np.ones(1_000_000)
    b = np.ones(2_000_000)
    del a, b
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(mode: str, **more) -> list[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | more
    done = subprocess.run([sys.executable, "-c", CODE, mode], env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_arrays_that_come_and_go_ask_the_system_once():
    told, faults = run("keep")
    assert told == "True"
    assert int(faults) < 7000  # once for both, not fifty times
    assert int(run("leave")[1]) > 4 * int(faults)


def test_a_choice_of_the_user_stands():
    assert run("keep", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
