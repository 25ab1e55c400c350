"""Who trains: printed once where several processes do."""

from __future__ import annotations

import logging
import os
import socket

from deepmd_tf.tf1 import tf

log = logging.getLogger(__name__)


def introduce(group, training) -> None:
    """Log rank, host, device and threads of all processes, and how many frames a step takes in all."""
    if group.size == 1:
        return
    log.info("%d processes train together:", group.size)
    log.info("  rank  host                  device        threads")
    for rank, (host, device, threads) in enumerate(group.gather(_this_process())):
        log.info("  %4d  %-20s  %-12s  %7s", rank, host, device, threads)
    frames = training.frames_per_batch()
    least, most = int(frames.min()), int(frames.max())
    each = str(least) if least == most else f"{least} to {most}"
    total = str(least * group.size) if least == most else f"{least * group.size} to {most * group.size}"
    log.info("batch of each process: %s frames; of a step, all together: %s", each, total)


def _this_process() -> list:
    gpus = tf.config.list_physical_devices("GPU")
    device = f"GPU {os.environ.get('CUDA_VISIBLE_DEVICES', '0')}" if gpus else "CPU"
    return [socket.gethostname(), device, os.environ.get("DP_INTRA_OP_PARALLELISM_THREADS") or "all"]
