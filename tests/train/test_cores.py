"""How the processes of a host share its cores."""

from __future__ import annotations

import os

import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.train.cores import by_place, share_of_cores


@pytest.fixture
def host(monkeypatch):
    """A host whose cores can be chosen; what this process is bound to comes back."""
    bound = {}
    monkeypatch.delenv("DP_BIND_TO", raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda task, cores: bound.update({task: list(cores)}))

    def make(allowed: int, total: int):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)))
        monkeypatch.setattr(os, "cpu_count", lambda: total)
        return bound

    return make


def test_each_process_has_cores_of_its_own(host):
    bound = host(64, 64)
    taken = []
    for rank in range(8):
        assert share_of_cores(rank, 8) == 8
        assert os.getpid() in bound  # the main thread, and all others with it
        assert all(cores == bound[os.getpid()] for cores in bound.values())
        taken += bound[os.getpid()]
    assert sorted(taken) == list(range(64))


def test_what_a_launcher_has_bound_stays(host):
    bound = host(4, 64)
    assert share_of_cores(3, 16) == 4 and not bound


def test_more_processes_than_cores_are_not_bound(host):
    bound = host(2, 2)
    assert share_of_cores(2, 3) == 1 and not bound


def test_binding_can_be_turned_off(host, monkeypatch):
    bound = host(8, 8)
    monkeypatch.setenv("DP_BIND_TO", "none")
    assert share_of_cores(1, 2) == 4 and not bound
    monkeypatch.setenv("DP_BIND_TO", "socket")
    with pytest.raises(ConfigError, match="DP_BIND_TO: expected 'core' or 'none', found 'socket'"):
        share_of_cores(1, 2)


def test_logical_cores_of_one_core_stand_together(tmp_path):
    """Numbered as Linux does with two threads a core on two sockets: the second threads come last."""
    for core in range(8):
        folder = tmp_path / f"cpu{core}" / "topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{core // 2 % 2}\n")
        (folder / "core_id").write_text(f"{core % 2}\n")
    assert by_place(range(8), tmp_path) == [0, 4, 1, 5, 2, 6, 3, 7]
    assert by_place([3, 1], tmp_path / "nowhere") == [1, 3]
