"""Training on frames of several compositions and sizes: folders of the mixed type, merged batches, bad data."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, TrainingError
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.session import session_config
from deepmd_tf.nn.electrons import SYMBOLS
from deepmd_tf.tf1 import tf
from deepmd_tf.train.run import load_config, prepare, train
from deepmd_tf.train.start import Start
from tests.support.mixed import MIXED, TYPE_MAP, mixed_input, write_all, write_mixed
from tests.support.systems import random_frames, write_system
from tests.support.training import dp, small_input, write_input


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the systems of ``MIXED`` below ``mixed``."""
    monkeypatch.chdir(tmp_path)
    write_all(tmp_path / "mixed")
    return tmp_path


def weights(path) -> dict:
    return {name: v for name, v in find_checkpoint(path).values().items() if v.dtype.kind == "f" and "nbor" not in name}


def test_a_merged_batch_is_the_mean_of_its_frames(folder):
    """Every frame alone, without virtual atoms, gives the same energies and forces, and its share of the loss."""
    run = prepare(load_config(str(write_input(folder, mixed_input(folder)))), Start())
    graph, batch = run.trainer.graph, run.trainer.training.batch(0)
    squares = []
    with tf.Session(graph=graph.graph, config=session_config()) as session:
        graph.load(session)
        wanted = [graph.errors, graph.prediction.energy, graph.prediction.force, graph.prediction.virial]
        feed = lambda arrays: dict(zip(graph.feeds.values(), graph.arrays(arrays)))  # noqa: E731
        errors, *merged = session.run(wanted, feed(batch))
        for row in range(batch.nframes):
            real = np.flatnonzero(batch["type"][row] >= 0)
            one = {key: value[row : row + 1] if np.ndim(value) == 2 else value for key, value in batch.items()}
            one |= {"type": one["type"][:, real], "natoms": np.array([len(real)] * 3 + [0])}
            one |= {key: one[key].reshape(1, -1, 3)[:, real].reshape(1, -1) for key in ("coord", "force")}
            own, energy, force, virial = session.run(wanted, feed(one))
            np.testing.assert_allclose(merged[0][row], energy[0], rtol=1e-12)
            np.testing.assert_allclose(merged[1].reshape(5, -1, 3)[row, real].ravel(), force[0], atol=1e-12)
            np.testing.assert_allclose(merged[2][row], virial[0], atol=1e-12)
            squares.append([value**2 for value in own.values()])
    assert len({(types >= 0).sum() for types in batch["type"]}) > 2
    np.testing.assert_allclose(list(errors.values()), np.sqrt(np.mean(squares, axis=0)), rtol=1e-10)


@pytest.mark.parametrize("batch_size", ["mixed:3", "auto:8", [1, 2]])
def test_every_rule_trains_and_goes_on_to_the_same_bits(folder, batch_size):
    file = write_input(folder, mixed_input(folder, batch_size))
    train(file)
    whole, curve = weights(folder), (folder / "lcurve.out").read_text()
    assert "nan" not in "".join(curve.splitlines()[2:])
    train(file, restart="model.ckpt-4")
    again = weights(folder)
    assert whole.keys() == again.keys()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    assert (folder / "lcurve.out").read_text().splitlines()[-1] == curve.splitlines()[-1]


def test_an_ordinary_system_is_one_of_the_mixed_type(folder):
    """Both trainings see the same frames, so weights and statistics agree to rounding."""
    types = np.array([0, 1, 1, 0, 1])
    write_system(folder / "both/plain", types, nframes=4, seed=3)
    write_system(folder / "both/typed", [0] * 3, nframes=4, arrays={"real_atom_types": np.array(MIXED["small"])})
    write_system(folder / "all/plain", [0] * 5, nframes=4, seed=3, arrays={"real_atom_types": np.tile(types, (4, 1))})
    write_system(folder / "all/typed", [0] * 3, nframes=4, arrays={"real_atom_types": np.array(MIXED["small"])})
    for batch_size in ("mixed:4", "auto:8"):
        found = []
        for name in ("both", "all"):
            train(write_input(folder, mixed_input(folder, batch_size, systems=name)))
            found.append(weights(folder))
        assert found[0].keys() == found[1].keys()
        for name in found[0]:
            np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_ordinary_systems_of_unequal_size_are_merged(folder):
    for name, natoms in (("a", 4), ("b", 7)):
        write_system(folder / "plain" / name, [0, 1] * (natoms // 2) + [1] * (natoms % 2), nframes=4)
    train(write_input(folder, mixed_input(folder, "mixed:4", systems="plain")))
    assert "nan" not in "".join((folder / "lcurve.out").read_text().splitlines()[2:])
    data = small_input(folder)
    data["training"]["training_data"] |= {"systems": "plain", "batch_size": "mixed:4"}
    with pytest.raises(ConfigError, match=r"batch_size: 'mixed:4' puts .* which descriptor 'se_e2_a' does not take"):
        train(write_input(folder, data))


def test_hdf5_gives_the_same_training(folder):
    for name, types in MIXED.items():
        write_mixed(f"data.hdf5#/{name}", types, seed=list(MIXED).index(name), form="hdf5")
    found = []
    for systems in (["mixed/large", "mixed/small"], ["data.hdf5#/large", "data.hdf5#/small"]):
        train(write_input(folder, mixed_input(folder, systems=systems)))
        found.append(weights(folder))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


def test_statistics_are_those_of_real_types(folder):
    data = mixed_input(folder, 4, descriptor={"set_davg_zero": False, "sel": "auto"})
    data["model"]["type_map"] = ["X", "H", "O"]
    data["training"]["numb_steps"] = 0
    train(write_input(folder, data))
    values = find_checkpoint(folder).values()
    assert values["train_attr/observed_type"].item() == b"H O"
    counts, energies = [], []
    for seed, types in enumerate(MIXED.values()):
        counts += [[row.count(1), row.count(0)] for row in types]
        energies += list(random_frames(len(types[0]), 4, seed=seed)["energy"])
    bias = np.linalg.lstsq(np.array(counts, float), np.array(energies), rcond=None)[0]
    np.testing.assert_allclose(values["fitting_attr/t_bias_atom_e"], [0, *bias], atol=1e-10)
    scale = values["descrpt_attr/t_std"][:, 0]
    assert scale[0] == 0.25 and (scale[1:] != 0.25).all()  # 1/rcut where no atom is


def test_elements_of_the_whole_table(folder):
    """Data with a type_map.raw of 118 names are trained on with a map of 118 names, and with one of two."""
    names = list(SYMBOLS)
    assert len(names) == 118
    types = np.where(np.array(MIXED["large"]) < 0, -1, np.where(np.array(MIXED["large"]) == 0, 7, 0))
    write_mixed(folder / "table", types.tolist(), seed=1, type_map=names)
    found = []
    for type_map in (names, ["O", "H"]):
        data = mixed_input(folder, systems="table")
        data["model"]["type_map"] = type_map
        data["training"]["numb_steps"] = 0
        train(write_input(folder, data))
        found.append({name: v for name, v in find_checkpoint(folder).values().items()})
    for name in ("fitting_attr/t_bias_atom_e", "descrpt_attr/t_std"):
        np.testing.assert_allclose(found[0][name][[7, 0]], found[1][name], rtol=1e-10)
    assert (np.delete(found[0]["fitting_attr/t_bias_atom_e"], [0, 7]) == 0).all()


def test_a_frame_that_is_not_finite_is_named_in_a_merged_batch(folder):
    file = folder / "mixed/small/set.000/force.npy"
    force = np.load(file).reshape(4, 3, 3)
    force[2, 2] = 1e200  # of a virtual atom, which does not matter
    force[3, 1] = 1e200  # its square overflows
    np.save(file, force.reshape(4, 9))
    with pytest.raises(TrainingError) as caught:
        train(write_input(folder, mixed_input(folder, "mixed:12")), skip_neighbor_stat=True)
    assert "It comes from mixed/small/set.000, frame 3 (smallest distance" in str(caught.value)
    assert "large" not in str(caught.value) and "frame 2" not in str(caught.value)


def test_the_program_from_data_to_errors(folder):
    """train, freeze, test: the errors are those of frames without their virtual atoms, per real atom."""
    dp("train", write_input(folder, mixed_input(folder)), cwd=folder)
    dp("freeze", "-o", "model.pb", cwd=folder)
    printed = dp("test", "-m", "model.pb", "-s", "mixed", "-d", "out", cwd=folder).stderr
    model, de, df = DeepPot(folder / "model.pb"), [], []
    for name in sorted(MIXED):
        keys = ("coord", "box", "energy", "force")
        coord, box, energy, force = (np.load(f"mixed/{name}/set.000/{key}.npy") for key in keys)
        for frame, row in enumerate(MIXED[name]):
            real = np.flatnonzero(np.array(row) >= 0)
            places = coord[frame].reshape(-1, 3)[real]
            e, f, _ = model.eval(places[None], box[frame][None], np.array(row)[real])
            de.append((e[0, 0] - energy[frame]) / len(real))
            df.append(f[0] - force[frame].reshape(-1, 3)[real])
    df = np.concatenate(df)
    total = printed[printed.index("weighted average") :]
    value = lambda label: float(total.split(label)[1].split(":")[1].split()[0])  # noqa: E731
    assert value("Energy RMSE/Natoms") == pytest.approx(np.sqrt(np.mean(np.square(de))), rel=1e-5)
    assert value("Force  RMSE") == pytest.approx(np.sqrt((df**2).mean()), rel=1e-5)
    rows = np.loadtxt("out.f.out")
    assert len(rows) == len(df)
    np.testing.assert_allclose(rows[:, 3:] - rows[:, :3], df, atol=1e-6)
    printed = dp("neighbor-stat", "-s", "mixed", "-r", "4", "-t", *TYPE_MAP, "--mixed-type", cwd=folder).stdout
    assert "max_nbor_size: [" in printed and "all types: " in printed
