"""Runs with ``--finetune``: what they start from and leave, how they go on, on one process and on two."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.export.checkpoint import find_checkpoint, numbered_sets, set_files
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.export.script import SCRIPT
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.train.run import train
from tests.support.processes import launch, needs_horovod
from tests.support.systems import random_frames
from tests.support.training import small_input, write_input

BIAS = "fitting_attr/t_bias_atom_e"
ATTENTION = {
    "type": "se_atten", "sel": 40, "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "axis_neuron": 3, "attn": 6,
    "attn_layer": 1, "smooth_type_embedding": True, "seed": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A folder with a model of H and O."""
    folder = tmp_path_factory.mktemp("pretrained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = small_input(folder, steps=2, model={"type_map": ["H", "O"], "descriptor": ATTENTION})
        train(write_input(folder, data))
        write_graph(folder / "pretrained.pb", freeze_checkpoint(folder)[1])
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tuning(folder, type_map, steps: int, **training) -> dict:
    """An input that leaves the model to the pretrained one but for its types."""
    content = small_input(folder, steps=steps, training=training)
    content["model"] = {"type_map": type_map, "descriptor": {}, "fitting_net": {}}
    return content


def values(path) -> dict:
    return find_checkpoint(path).values()


def forces(model):
    frames = random_frames(7, 2, seed=4)
    types = [model.get_type_map().index(name) for name in "OHHOHHO"]
    return model.eval(frames["coord"], frames["box"], types)[1]


@pytest.mark.parametrize("type_map", [["O", "H"], ["C", "O", "H"]], ids=" ".join)
def test_the_run_starts_at_the_pretrained_forces_and_leaves_them(folder, pretrained, type_map):
    train(write_input(folder, tuning(folder, type_map, 0)), finetune=pretrained / "pretrained.pb")
    first = values(folder)
    write_graph("first.pb", freeze_checkpoint(folder)[1])
    expected, tuned = DeepPot(pretrained / "pretrained.pb", as_stored=True), DeepPot("first.pb", as_stored=True)
    assert tuned.get_type_map() == type_map
    np.testing.assert_allclose(forces(tuned), forces(expected), rtol=0, atol=1e-12)
    train(write_input(folder, tuning(folder, type_map, 2)), finetune=pretrained / "pretrained.pb")
    later = values(folder)
    assert np.array_equal(later[BIAS], first[BIAS])
    for name in ("type_embed_net/matrix_1", "filter_type_all/matrix_1", "layer_0/matrix"):
        assert not np.array_equal(later[name], first[name]), name
    assert json.loads((folder / "out.json").read_text())["model"]["descriptor"]["neuron"] == [4, 8]


def test_a_restarted_run_is_the_same_to_the_last_bit(folder, pretrained):
    data = tuning(folder, ["O", "C", "H"], 8)
    found = {}
    for name in ("whole", "parts"):
        (folder / name).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder / name)
            train(write_input(folder, data), finetune=pretrained / "pretrained.pb")
            if name == "parts":
                for path in set_files(dict(numbered_sets(folder / "parts/model.ckpt"))[8]):
                    path.unlink()
                train("out.json", restart="model.ckpt")
        found[name] = values(folder / name)
    assert found["whole"]["global_step"] == found["parts"]["global_step"] == 8
    assert all(np.array_equal(value, found["parts"][name]) for name, value in found["whole"].items())


def test_the_input_restarts_by_the_script_of_the_checkpoint(folder, pretrained):
    path = write_input(folder, tuning(folder, ["O", "H"], 4))
    train(path, finetune=pretrained / "pretrained.pb")
    write_input(folder, tuning(folder, ["O", "H"], 6))
    train(path, restart="model.ckpt", use_pretrain_script=True)
    assert values(folder)["global_step"] == 6


@pytest.mark.parametrize("option", ["init_frz_model", "finetune"])
def test_scripts_of_other_programs_have_keys_of_their_own(folder, pretrained, option):
    graph_def = FrozenModel(pretrained / "pretrained.pb").graph_def
    (node,) = [node for node in graph_def.node if node.name == SCRIPT]
    script = json.loads(node.attr["value"].tensor.string_val[0])
    script["model"]["descriptor"].update(env_protection=0.0, scaling_factor=1.0)
    node.attr["value"].tensor.string_val[0] = json.dumps(script).encode()
    write_graph("theirs.pb", graph_def)
    data = tuning(folder, ["H", "O"], 0)
    assert train(write_input(folder, data), use_pretrain_script=True, **{option: "theirs.pb"}) == 0


@needs_horovod
def test_two_processes_start_from_what_the_first_has_found(tmp_path, pretrained, monkeypatch):
    """Types that one process alone would draw vectors for, without a seed: both have the same."""
    data = tuning(tmp_path, ["C", "O", "H"], 2)
    data["learning_rate"]["scale_by_worker"] = "none"
    write_input(tmp_path, data)
    launch(2, "train", "input.json", "--finetune", pretrained / "pretrained.pb", cwd=tmp_path)
    (tmp_path / "alone").mkdir()
    monkeypatch.chdir(tmp_path / "alone")
    train(tmp_path / "input.json", finetune=pretrained / "pretrained.pb")
    assert np.array_equal(values(tmp_path)[BIAS], values(tmp_path / "alone")[BIAS])
