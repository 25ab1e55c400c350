"""Batches as a pure function of the step: epochs, frequencies, ranks, rules, merged frames."""

from __future__ import annotations

import logging
import os
from collections import Counter

import numpy as np
import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.sampler import Sampler, SetPlan
from deepmd_tf.errors import ConfigError, DataError

ENERGY, FORCE = DataRequirement("energy", 1), DataRequirement("force", 3, atomic=True)


def where(batch) -> tuple:
    return batch.system, batch.set, tuple(batch.frames.tolist())


def test_keys_and_shapes_of_a_batch(make_system):
    data = DataSet.open(make_system(), type_map=["O", "H", "X"], requirements=[ENERGY, FORCE], batch_size=2, seed=1)
    batch = data.batch(0)
    shapes = {key: value.shape for key, value in batch.items()}
    assert shapes == {
        "coord": (2, 18), "box": (2, 9), "type": (2, 6), "natoms": (5,), "mesh": (6,),
        "energy": (2, 1), "find_energy": (), "force": (2, 18), "find_force": (),
    }  # fmt: skip
    assert batch["natoms"].dtype == batch["type"].dtype == np.int32
    assert isinstance(batch["find_force"], np.float32) and batch["find_force"] == 1
    assert (data.ntypes, batch.nframes) == (3, 2)
    assert data.atoms_per_batch() == 12


def test_jumping_to_a_step_equals_walking_there(make_system):
    paths = [make_system(f"s{i}", nframes=[3 + i, 7], seed=i) for i in range(4)]
    settings = {"batch_size": 2, "seed": 7}
    walked = [where(DataSet.open(paths, **settings).batch(0))]
    data = DataSet.open(paths, **settings)
    walked = [where(data.batch(step)) for step in range(3000)]
    for step in (2999, 0, 1024, 1023, 2048, 17, 2500):
        assert where(DataSet.open(paths, **settings).batch(step)) == walked[step]
        assert where(data.batch(step)) == walked[step]


def test_an_epoch_has_each_frame_at_most_once_and_the_rest_changes():
    plan = [SetPlan(10, None), SetPlan(2, None), SetPlan(7, None)]
    sampler = Sampler([plan], [3], np.ones(1), seed=5)
    assert sampler.nbatches.tolist() == [3 + 1 + 2]
    left_out = set()
    for epoch in range(20):
        draws = [sampler.draw(6 * epoch + i) for i in range(6)]
        assert [(d.set_index, len(d.frames)) for d in draws] == [(0, 3)] * 3 + [(1, 2)] + [(2, 3)] * 2
        for set_index, rest in ((0, 1), (1, 0), (2, 1)):
            seen = np.concatenate([d.frames for d in draws if d.set_index == set_index]).tolist()
            missing = set(range(plan[set_index].nframes)) - set(seen)
            assert len(set(seen)) == len(seen) and len(missing) == rest
            left_out |= {(set_index, frame) for frame in missing}
    assert len(left_out) > 10


def test_copies_do_not_compound():
    sampler = Sampler([[SetPlan(4, np.array([2, 1, 0, 1]))]], [1], np.ones(1), seed=5)
    assert sampler.nbatches.tolist() == [4]
    for epoch in range(5):
        seen = Counter(int(sampler.draw(4 * epoch + i).frames[0]) for i in range(4))
        assert seen == {0: 2, 1: 1, 3: 1}


def test_copies_are_read_from_the_data(make_system):
    data = DataSet.open(make_system(arrays={"numb_copy": np.array([2, 0, 1])}), batch_size=1, seed=1)
    assert data.nbatches.tolist() == [3]
    assert Counter(int(data.batch(i).frames[0]) for i in range(30)) == {0: 20, 2: 10}


def test_frequencies_follow_the_probabilities():
    probabilities = np.array([0.1, 0.0, 0.6, 0.3, 0.0])
    sampler = Sampler([[SetPlan(5, None)]] * 5, [1] * 5, probabilities, seed=3)
    counts = np.bincount([sampler.draw(i).system for i in range(20000)], minlength=5)
    assert counts[[1, 4]].tolist() == [0, 0]
    sigma = np.sqrt(20000 * probabilities * (1 - probabilities))
    assert (np.abs(counts - 20000 * probabilities) <= 4 * sigma).all()


def test_rounding_never_draws_an_impossible_system():
    """Probabilities whose sum stays below 1, as rounding may leave it, though never by this much."""
    sampler = Sampler([[SetPlan(5, None)]] * 3, [1] * 3, np.array([0.5, 0.4, 0.0]), seed=3)
    assert {sampler.draw(i).system for i in range(2000)} == {0, 1}


def test_epochs_go_on_over_many_steps():
    """Draws are counted in blocks of a thousand; no epoch of five frames notices."""
    sampler = Sampler([[SetPlan(5, None)]], [1], np.ones(1), seed=3)
    frames = np.concatenate([sampler.draw(i).frames for i in range(3000)]).reshape(-1, 5)
    assert (np.sort(frames, axis=1) == np.arange(5)).all()


def test_the_seed_changes_the_order(make_system):
    path = make_system(nframes=50)

    def frames(**settings) -> list:
        data = DataSet.open(path, batch_size=1, **settings)
        return [int(data.batch(i).frames[0]) for i in range(50)]

    first = frames(seed=1)
    assert frames(seed=1) == first
    assert sorted(first) == list(range(50))
    assert frames(seed=2) != first
    assert frames() != frames()
    drawn = DataSet.open(path, batch_size=1)
    assert frames(seed=drawn.seed) == [int(drawn.batch(i).frames[0]) for i in range(50)]


def test_probabilities_and_epoch_of_systems(make_system):
    paths = [make_system("a", nframes=10), make_system("b", nframes=[4, 5])]
    data = DataSet.open(paths, batch_size=2, seed=1)
    assert data.nbatches.tolist() == [5, 4]
    np.testing.assert_allclose(data.probabilities, [5 / 9, 4 / 9])
    assert data.steps_per_epoch() == 9
    assert DataSet.open(paths, batch_size=2, sys_probs=[0.25, 0.75]).steps_per_epoch() == 20


def test_small_set_gives_a_smaller_batch(make_system, caplog):
    with caplog.at_level(logging.WARNING):
        data = DataSet.open(make_system(nframes=3), batch_size=8, seed=1)
    assert "1 of 1 systems have a set smaller than the batch size" in caplog.text
    assert sorted(data.batch(0).frames) == [0, 1, 2]


def test_filter_drops_large_systems(make_system):
    paths = [make_system("small"), make_system("large", types=[0] * 12)]
    data = DataSet.open(paths, batch_size="filter:6", seed=1)
    assert [s.natoms for s in data.systems] == [6]
    with pytest.raises(ConfigError, match=r"'filter:5' drops all systems, the smallest has 6 atoms"):
        DataSet.open(paths, batch_size="filter:5")


def test_type_map_of_the_data(make_system):
    paths = [make_system("a", types=[0, 0], type_map=("O",)), make_system("b"), make_system("c", type_map=None)]
    data = DataSet.open(paths)
    assert (data.type_map, data.ntypes) == (("O", "H"), 2)
    assert (DataSet.open(paths[2]).type_map, DataSet.open(paths[2]).ntypes) == (None, 2)
    with pytest.raises(DataError, match=r"d/type_map.raw: \['H', 'O'\] is no beginning of .*Give model/type_map"):
        DataSet.open([*paths, make_system("d", type_map=("H", "O"))])


def test_type_map_names_each_type_once(make_system):
    with pytest.raises(ConfigError, match="type_map: expected each name once, found 'O' more than once"):
        DataSet.open(make_system(), type_map=["O", "H", "O"])


def test_ranks_share_one_plan(make_system):
    """What three processes draw in one step is what one draws in three; an epoch holds each frame once."""
    plain = make_system(nframes=24)
    typed = mixed(make_system, "typed", [[0, 1], [1, 0]] * 12)
    for path, batch_size, steps in ((plain, 2, 4), (typed, "mixed:4", 2)):
        settings = dict(batch_size=batch_size, type_map=["H", "O"], seed=4)
        alone = DataSet.open(path, **settings)
        ranks = [DataSet.open(path, rank=rank, ranks=3, **settings) for rank in range(3)]
        together = [list(data.batch(step).frames) for step in range(steps) for data in ranks]
        assert together == [list(alone.batch(step).frames) for step in range(3 * steps)]
        assert sorted(np.ravel(together)) == list(range(24))


def test_every_rank_samples_the_same(make_system):
    path = make_system(nframes=40)
    opened = [DataSet.open(path, batch_size=1, seed=4, rank=rank, ranks=4) for rank in (0, 3)]
    taken = [next(data.sample(5))[1].frames.tolist() for data in opened]
    assert taken[0] == taken[1] and len(taken[0]) == 5


def test_labels_are_found_per_set(make_system):
    path = make_system(nframes=[2, 2])
    os.remove(f"{path}/set.001/force.npy")
    data = DataSet.open(path, requirements=[FORCE], batch_size=2, seed=1)
    found = {data.batch(step).set: float(data.batch(step)["find_force"]) for step in range(2)}
    assert found == {0: 1.0, 1: 0.0}


def mixed(make_system, name: str, types: list[list[int]], **settings) -> str:
    natoms = len(types[0])
    arrays = {"real_atom_types": np.array(types), **settings.pop("arrays", {})}
    return make_system(name, types=[0] * natoms, nframes=len(types), arrays=arrays, **settings)


def test_merged_batch_is_padded(make_system):
    paths = [mixed(make_system, "a", [[0, 1], [1, 0]]), mixed(make_system, "b", [[1, 1, 0, -1]] * 3)]
    data = DataSet.open(paths, type_map=["H", "O"], requirements=[ENERGY, FORCE], batch_size="mixed:6", seed=2)
    batch = data.batch(4)
    assert batch["type"].shape == (6, 4) and batch["coord"].shape == batch["force"].shape == (6, 12)
    assert batch["natoms"].tolist() == [4, 4, 4, 0] and batch["mesh"].shape == (7,)
    for row, (system, frame) in enumerate(zip(batch.system, batch.frames)):
        alone = data.systems[system].load(0, [frame], [ENERGY, FORCE])
        natoms = data.systems[system].natoms
        for key, width, fill in (("type", 1, -1), ("coord", 3, 0), ("force", 3, 0)):
            np.testing.assert_array_equal(batch[key][row, : natoms * width], alone[key][0])
            assert (batch[key][row, natoms * width :] == fill).all()
        assert batch["energy"][row] == alone["energy"][0]
    assert set(batch.system) == {0, 1}


def test_ordinary_frames_are_merged_with_those_of_mixed_type(make_system):
    """Ordinary atoms stand sorted by type, as in every batch; those of the mixed type as in the file."""
    plain = make_system("plain", types=[1, 0, 1], nframes=1)
    data = DataSet.open([plain, mixed(make_system, "a", [[1, 0]])], requirements=[FORCE], batch_size="mixed:8", seed=1)
    assert data.mixed and (data.frames_per_batch() == 8).all() and data.atoms_per_batch() == 8 * 2.5
    batch = data.batch(0)
    assert batch["natoms"].tolist() == [3, 3, 3, 0] and batch["mesh"].shape == (7,)
    expected = {0: [0, 1, 1], 1: [1, 0, -1]}
    assert all(types.tolist() == expected[system] for system, types in zip(batch.system, batch["type"]))
    stored = np.load(f"{plain}/set.000/force.npy")[0].reshape(3, 3)
    np.testing.assert_array_equal(batch["force"][batch.system.index(0)].reshape(3, 3), stored[[1, 0, 2]])
    assert batch.natoms == np.mean([{0: 3, 1: 2}[system] for system in batch.system])
    ordinary = DataSet.open(plain, batch_size="auto")
    assert not ordinary.mixed and ordinary.batch(0)["mesh"].shape == (6,)


def test_merging_needs_equal_labels(make_system):
    a = mixed(make_system, "a", [[0, 1]])
    other = mixed(make_system, "b", [[0, 1]], drop=("force",))
    with pytest.raises(DataError, match=r"one is periodic with energy, force, the other periodic with energy"):
        DataSet.open([a, other], batch_size="mixed:4", requirements=[ENERGY, FORCE])


def test_sample_takes_the_first_batches_of_each_system(make_system):
    paths = [make_system("a", nframes=[4, 9]), make_system("b", nframes=2)]
    data = DataSet.open(paths, batch_size=2, seed=1, requirements=[ENERGY, FORCE])
    taken = [(batch.system, batch.set, batch.nframes) for _, batch in data.sample(3)]
    assert taken == [(0, 0, 4), (0, 1, 2), (1, 0, 2)]
    system, batch = next(data.sample(3, labels=["energy"]))
    assert system is data.systems[0] and "energy" in batch and "force" not in batch
