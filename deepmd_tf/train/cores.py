"""The cores of a host, shared by the processes on it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from deepmd_tf.errors import ConfigError

BIND_VARIABLE = "DP_BIND_TO"
TOPOLOGY = Path("/sys/devices/system/cpu")


def share_of_cores(local_rank: int, local_size: int) -> int:
    """Give this process its share of the cores, bind it there, and return how many there are.

    A process that is moved from core to core loses its caches and disturbs the one it is moved to: two processes of
    one thread took 25 % longer for a step then. Where the launcher has bound processes already, that stays.

    Raises
    ------
    ConfigError
        ``DP_BIND_TO`` is neither ``core`` nor ``none``.
    """
    bind = os.environ.get(BIND_VARIABLE, "").strip() or "core"
    if bind not in ("core", "none"):
        raise ConfigError(f"environment variable {BIND_VARIABLE}: expected 'core' or 'none', found {bind!r}")
    allowed = os.sched_getaffinity(0)
    if len(allowed) < os.cpu_count():
        return len(allowed)
    count = max(1, len(allowed) // local_size)
    if bind == "core" and local_size * count <= len(allowed):
        mine = by_place(allowed)[local_rank * count : (local_rank + 1) * count]
        # Threads that are there already, such as Horovod's; those to come inherit it.
        for task in map(int, os.listdir("/proc/self/task")):
            with contextlib.suppress(ProcessLookupError):  # it may have ended
                os.sched_setaffinity(task, mine)
    return count


def by_place(cores, topology: Path = TOPOLOGY) -> list[int]:
    """Logical cores in an order where those of one core, and those of one socket, stand side by side."""

    def place(core: int) -> tuple[int, int, int]:
        folder = topology / f"cpu{core}" / "topology"
        try:
            package, inside = (int((folder / name).read_text()) for name in ("physical_package_id", "core_id"))
        except (OSError, ValueError):
            package, inside = 0, core
        return package, inside, core

    return sorted(cores, key=place)
