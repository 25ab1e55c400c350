"""Two hosts: network namespaces with addresses and names of their own, and a cable between them that can be pulled."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepmd_tf.export.checkpoint import find_checkpoint
from tests.support.processes import needs_horovod, needs_mpi, settings
from tests.train.test_distributed import prepared

NETWORK = "10.77.0"
# Stands for ssh: takes the name of a host and a command.
AGENT = """#!/bin/sh
shift
exec ip netns exec {other} unshare --uts sh -c "hostname node-b; $*"
"""
OPTIONS = f"--mca btl tcp,self --mca btl_tcp_if_include {NETWORK}.0/24 --mca oob_tcp_if_include {NETWORK}.0/24"
# Else mpirun takes minutes to notice.
ALERT = "--mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3"


def possible() -> bool:
    """Whether this user may make network namespaces, and has the programs for it."""
    if os.getuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "mpirun"))):
        return False
    name = f"dp-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made


pytestmark = [needs_horovod, needs_mpi, pytest.mark.skipif(not possible(), reason="needs network namespaces")]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def hosts():
    """Names of two namespaces, of this test alone, and of the ends of the cable."""
    a, b = (f"dp-{os.getpid()}-{side}" for side in "ab")
    ip("netns", "add", a)
    ip("netns", "add", b)
    ip("link", "add", "cable-a", "netns", a, "type", "veth", "peer", "name", "cable-b", "netns", b)
    for number, (name, end) in enumerate(((a, "cable-a"), (b, "cable-b")), start=1):
        ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", end)
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", end, "up")
    yield a, b
    for name in (a, b):
        found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
        for process in found.stdout.split():
            os.kill(int(process), signal.SIGKILL)
        ip("netns", "del", name)


def start(hosts, folder, options: str = "", **env) -> subprocess.Popen:
    """One process on each host; what they say goes to the file ``said``."""
    a, b = hosts
    agent = folder / "agent.sh"
    agent.write_text(AGENT.format(other=b))
    agent.chmod(0o755)
    passed = " ".join(f"-x {name}" for name in (*env, "PATH", "PYTHONPATH", "TF_CPP_MIN_LOG_LEVEL"))
    line = (
        f"hostname node-a; exec mpirun -H {NETWORK}.1,{NETWORK}.2 -np 2 --mca plm_rsh_agent {agent} {OPTIONS} "
        f"{options} {passed} "
        f"{sys.executable} -m deepmd_tf train input.json"
    )
    with (folder / "said").open("w") as said:
        return subprocess.Popen(
            ["ip", "netns", "exec", a, "unshare", "--uts", "sh", "-c", line],
            cwd=folder, env=settings(**env), stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip


def ranks(hosts) -> list[int]:
    """The processes that train, on both hosts."""
    found = []
    for name in hosts:
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout
        lines = {int(pid): Path(f"/proc/{pid}/cmdline") for pid in pids.split()}
        words = {pid: line.read_bytes().split(b"\0") for pid, line in lines.items() if line.exists()}
        found += [pid for pid, line in words.items() if line[1:3] == [b"-m", b"deepmd_tf"]]
    return found


def test_two_hosts_train_together(hosts, tmp_path):
    prepared(tmp_path, steps=4, batch=1)
    code = start(hosts, tmp_path).wait(120)
    said = (tmp_path / "said").read_text()
    assert code == 0 and "node-a" in said and "node-b" in said, said
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] == 4


@pytest.mark.parametrize(
    ("seconds", "options", "word"),
    [
        (6, "", "no answer from other ranks for 6 s: none on node-a, so one on node-b"),
        # The launcher notices 6 to 11 s after the last it heard, which the processes have to outwait.
        (40, ALERT, "lost communication with a remote daemon"),
    ],
    ids=["by the processes", "by the launcher"],
)
def test_a_cable_that_is_pulled(hosts, tmp_path, seconds, options, word):
    """Nobody gets an answer, nobody is told: all processes end, with the word where to look."""
    prepared(tmp_path, steps=1_000_000, batch=1, save_freq=20)
    run = start(hosts, tmp_path, options, DP_RANK_TIMEOUT=str(seconds))
    deadline = time.monotonic() + 90
    while not (tmp_path / "model.ckpt-20.meta").exists():
        assert time.monotonic() < deadline and run.poll() is None, (tmp_path / "said").read_text()
        time.sleep(0.1)
    assert len(ranks(hosts)) >= 2
    ip("-n", hosts[1], "link", "set", "cable-b", "down")
    begin = time.monotonic()
    while ranks(hosts):
        assert time.monotonic() - begin < 60, (tmp_path / "said").read_text()
        time.sleep(0.2)
    assert word in (tmp_path / "said").read_text()
    assert find_checkpoint(tmp_path / "model.ckpt").values()["global_step"] >= 20
