"""Neighbour statistics against a direct count and against figures of deepmd-kit."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.cli import neighbor_stat as command
from deepmd_tf.cli.main import main
from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, DataError
from deepmd_tf.stat import cache, neighbor
from deepmd_tf.stat.neighbor import neighbor_statistics


def direct_count(system: System, rcut: float, ntypes: int, mixed: bool) -> tuple[float, list[int]]:
    """Distances between all images, from the definition; images more than three cells off must not matter."""
    nearest, most = 100.0, np.zeros(1 if mixed else ntypes, int)
    cells = np.array(list(itertools.product(range(-3, 4), repeat=3))) if system.pbc else np.zeros((1, 3))
    for set_index, (_, nframes) in enumerate(system.sets):
        arrays = system.load(set_index, np.arange(nframes))
        for coord, box, types in zip(arrays["coord"], arrays["box"], arrays["type"]):
            images = coord.reshape(-1, 3) + (cells @ box.reshape(3, 3))[:, None]  # [ncells, N, 3]
            for i in np.flatnonzero(types >= 0):
                distance = np.linalg.norm(images - coord.reshape(-1, 3)[i], axis=-1)
                near = (distance < rcut) & (types >= 0) & (distance > 0)
                counts = [(near & (types == t)).sum() for t in range(ntypes)]
                most = np.maximum(most, sum(counts) if mixed else counts)
                nearest = min(nearest, distance[near].min(initial=100.0))
    return nearest, most.tolist()


SYSTEMS = {
    "periodic": {"nframes": [3, 2]},
    "small cell": {"length": 3.0, "types": [0, 1]},
    "triclinic": {"triclinic": True, "types": [0, 1, 1, 0, 1, 1, 1, 0, 0]},
    "not periodic": {"pbc": False},
    "no pair": {"pbc": False, "types": [1]},
    "mixed": {"types": [0, 0, 0], "arrays": {"real_atom_types": np.array([[0, 1, 1], [1, -1, 0], [1, 1, -1]])}},
}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("kind", SYSTEMS)
def test_against_a_direct_count(make_system, kind, mixed):
    system = System.open(make_system(**SYSTEMS[kind]), ["O", "H"])
    found = neighbor_statistics([system], 5.0, 2, mixed=mixed)
    nearest, most = direct_count(system, 5.0, 2, mixed)
    assert list(found.max_neighbors) == most
    np.testing.assert_allclose(found.min_distance, nearest, rtol=1e-12)


def test_several_systems_in_threads(make_system):
    systems = [System.open(make_system(f"s{i}", seed=i), ["O", "H"]) for i in range(7)]
    alone = [neighbor_statistics([s], 5.0, 2, cache=False) for s in systems]
    for workers in (1, 3):
        found = neighbor_statistics(systems, 5.0, 2, cache=False, workers=workers)
        assert found.min_distance == min(a.min_distance for a in alone)
        for t in range(2):
            most = max(a.max_neighbors[t] for a in alone)
            first = next(a for a in alone if a.max_neighbors[t] == most)
            assert (found.max_neighbors[t], found.worst[t]) == (most, first.worst[t])


@pytest.mark.parametrize("atoms_per_piece", [1, 20000])
def test_worst_frame_is_named_as_in_the_file(make_system, monkeypatch, atoms_per_piece):
    """One atom of type 1, first in the file and last in memory, sees four of type 0 in frame 1 of the second set."""
    monkeypatch.setattr(neighbor, "_ATOMS_PER_PIECE", atoms_per_piece)
    far = np.linspace(0, 60, 5)[:, None] * np.ones(3)
    near = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]], float)
    coords = [far.reshape(1, -1).repeat(2, 0), np.stack([far.ravel(), near.ravel()])]
    path = make_system(types=[1, 0, 0, 0, 0], nframes=[2, 2], pbc=False, arrays={"coord": coords})
    found = neighbor_statistics([System.open(path)], 1.2, 2)
    assert found.max_neighbors == (4, 1)
    assert found.worst[0] == (path, "set.001", 1, 0)
    assert str(found.worst[0]) == f"frame 1 of {path}/set.001, atom 0"
    assert found.worst[1] == (path, "set.001", 1, 1)


def test_atoms_at_one_place_are_named(make_system):
    path = make_system(types=[1, 0, 0, 0])
    coord = np.load(f"{path}/set.000/coord.npy")
    coord[2, 9:] = coord[2, :3] + [8.0, 0, 0]  # an image of atom 0
    np.save(f"{path}/set.000/coord.npy", coord)
    with pytest.raises(DataError, match=r"set.000, frame 2: atoms 0 and 3 are at the same place"):
        neighbor_statistics([System.open(path)], 5.0, 2)


def test_result_is_kept_until_the_data_change(make_system):
    path = make_system()
    first = neighbor_statistics([System.open(path)], 5.0, 2)
    (file,) = cache.cache_folder().iterdir()
    kept = json.loads(file.read_text())
    kept["min_distance"] = 0.5
    file.write_text(json.dumps(kept))
    assert neighbor_statistics([System.open(path)], 5.0, 2).min_distance == 0.5
    assert neighbor_statistics([System.open(path)], 4.0, 2).min_distance == first.min_distance
    assert neighbor_statistics([System.open(path)], 5.0, 2, mixed=True).min_distance == first.min_distance
    os.utime(f"{path}/set.000/coord.npy", ns=(1, 1))
    assert neighbor_statistics([System.open(path)], 5.0, 2) == first


@pytest.mark.parametrize("rcut", [0.0, -1.0, float("nan"), float("inf")])
def test_cutoff_has_to_be_a_length(make_system, rcut):
    with pytest.raises(ConfigError, match="rcut: expected a positive length"):
        neighbor_statistics([System.open(make_system())], rcut, 2)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"min_distance": 1, "max_neighbors": [1], "worst": [null]}'])
def test_a_spoilt_cache_is_ignored(make_system, content):
    system = System.open(make_system())
    first = neighbor_statistics([system], 5.0, 2)
    (file,) = cache.cache_folder().iterdir()
    file.write_text(content)
    assert neighbor_statistics([system], 5.0, 2) == first


def test_a_cache_that_cannot_be_written_is_no_fault(make_system, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPMD_TF_CACHE", str(tmp_path / "file" / "below"))
    assert neighbor_statistics([System.open(make_system())], 5.0, 2).min_distance > 0


def test_command_prints_the_figures(make_system, capsys):
    path = make_system()
    expected = neighbor_statistics([System.open(path)], 5.0, 2)
    assert main(["neighbor-stat", "-s", path, "-r", "5.0", "-t", "O", "H"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"min_nbor_dist: {expected.min_distance:.6f}"
    assert lines[1] == f"max_nbor_size: [{expected.max_neighbors[0]} {expected.max_neighbors[1]}]"
    assert command.NAME == "neighbor-stat"


def test_water_as_deepmd_kit_counts(shared_data, tmp_path):
    """``dp neighbor-stat -r 6 -t O H`` of deepmd-kit 3.2.0 prints 0.892452 and [38 72] once atoms lie in the cell."""
    data = DataSet.open(str(shared_data / "water" / "data_0"), type_map=["O", "H"], batch_size=1)
    found = neighbor_statistics(data.systems, 6.0, 2)
    assert f"{found.min_distance:.6f}" == "0.892452"
    assert found.max_neighbors == (38, 72)
    assert Path(found.worst[1].system).name == "data_0" and found.worst[1].frame == 57
