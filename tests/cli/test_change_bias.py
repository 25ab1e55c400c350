"""``dp change-bias``: energies per type of files and checkpoints, by values and by data."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.export.checkpoint import find_checkpoint
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from tests.support.systems import random_frames, write_system
from tests.support.training import small_input, write_input

BIAS = "fitting_attr/t_bias_atom_e"
ADDED = np.array([-2.0, 1.5])
COMPOSITIONS = ([0, 1, 1, 0, 1], [1, 0, 1, 1, 1, 0, 0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with checkpoints and ``model.pb`` for O and H, and data ``new``, off by -2 and 1.5 eV an atom."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_input(folder, small_input(folder, steps=2))
        assert main(["train", "input.json"]) == 0
        assert main(["freeze", "-o", "model.pb", "--no-selfcheck"]) == 0
        model = DeepPot("model.pb", as_stored=True)
        for k, types in enumerate(COMPOSITIONS):
            frames = random_frames(len(types), 3, seed=k)
            energy = model.eval(frames["coord"], frames["box"], types)[0].ravel() + ADDED[types].sum()
            write_system(folder / f"new/{k}", types, seed=k, arrays={"energy": energy})
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """The same files in a folder to write to."""
    for path in trained.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bias(path) -> np.ndarray:
    return FrozenModel(path).constant(BIAS)


def test_a_model_file_is_shifted_by_what_it_is_off(folder):
    assert main(["change-bias", "model.pb", "-s", "new"]) == 0
    np.testing.assert_allclose(bias("model_updated.pb") - bias("model.pb"), ADDED, rtol=0, atol=1e-8)
    frames = random_frames(5, 3, seed=0)
    old, new = (DeepPot(name).eval(frames["coord"], frames["box"], [0, 1, 1, 0, 1]) for name in ("model.pb",
                "model_updated.pb"))  # fmt: skip
    np.testing.assert_allclose(new[0] - old[0], 0.5, rtol=0, atol=1e-8)
    assert np.array_equal(new[1], old[1]) and np.array_equal(new[2], old[2])


def test_energies_of_the_data_alone(folder):
    assert main(["change-bias", "model.pb", "-s", "new", "-m", "set", "-o", "set"]) == 0
    counts, energies = [], []
    for k, types in enumerate(COMPOSITIONS):
        counts += [np.bincount(types)] * 3
        energies += np.load(f"new/{k}/set.000/energy.npy").tolist()
    expected = np.linalg.lstsq(np.array(counts, float), np.array(energies), rcond=None)[0]
    np.testing.assert_allclose(bias("set.pb"), expected, rtol=0, atol=1e-10)


def test_types_without_atoms_keep_their_energy(folder):
    write_system(folder / "hydrogen", [1, 1, 1], arrays={"energy": np.full(3, -6.0)})
    assert main(["change-bias", "model.pb", "-s", "hydrogen", "-m", "set"]) == 0
    assert bias("model_updated.pb") == pytest.approx([bias("model.pb")[0], -2.0], abs=1e-12)


def test_given_energies_and_listed_systems(folder):
    assert main(["change-bias", "model.pb", "-b", "-3.5", "4e1", "-o", "given.pb"]) == 0
    assert np.array_equal(bias("given.pb"), [-3.5, 40.0])
    (folder / "list.txt").write_text("new/0\nnew/1\n")
    assert main(["change-bias", "given.pb", "-f", "list.txt", "-n", "2"]) == 0
    np.testing.assert_allclose(bias("given_updated.pb") - bias("model.pb"), ADDED, rtol=0, atol=1e-8)


def test_a_checkpoint_goes_on_with_them(folder):
    assert main(["change-bias", "model.ckpt", "-s", "new", "-o", "changed"]) == 0
    before, after = find_checkpoint("model.ckpt").values(), find_checkpoint("model.ckpt_updated").values()
    np.testing.assert_allclose(after[BIAS] - before[BIAS], ADDED, rtol=0, atol=1e-8)
    assert before.keys() == after.keys()
    assert all(np.array_equal(value, after[name]) for name, value in before.items() if name != BIAS)
    assert np.array_equal(bias("changed.pb"), after[BIAS])
    write_input(folder / "model.ckpt_updated", small_input(folder, steps=4))
    assert main(["train", "model.ckpt_updated/input.json", "--restart", "model.ckpt_updated/model.ckpt"]) == 0
    assert find_checkpoint("model.ckpt-4").values()["global_step"] == 4


def test_a_compressed_model_too(folder):
    assert main(["compress", "-i", "model.pb", "-o", "small.pb", "--no-selfcheck"]) == 0
    assert main(["change-bias", "small.pb", "-s", "new"]) == 0
    np.testing.assert_allclose(bias("small_updated.pb") - bias("model.pb"), ADDED, rtol=0, atol=1e-4)
