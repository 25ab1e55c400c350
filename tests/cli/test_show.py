"""dp show: what stands in model files and checkpoints."""

from __future__ import annotations

import json

import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.export.script import SCRIPT
from deepmd_tf.infer.contents import read_contents
from deepmd_tf.tf1 import tf
from tests.infer.conftest import section, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "model.pb", section())


def shown(capfd, *arguments) -> str:
    assert main(["show", *map(str, arguments)]) == 0
    out, err = capfd.readouterr()
    return out + err


def test_model_file(model, capfd):
    text = shown(capfd, model.path, "type-map", "descriptor", "fitting-net")
    assert text.index("singletask") < text.index("['O', 'H']") < text.index("'se_e2_a'") < text.index("'ener'")
    assert "'sel': [24, 30]" in text and "'neuron': [6, 6]" in text


def test_size(model, capfd):
    # Four nets 1-4-8 (two centres, two neighbours); two nets 24-6-6-1, with idt in the second layer.
    descriptor = 4 * (4 + 4 + 32 + 8)
    fitting = 2 * (24 * 6 + 6 + 36 + 6 + 6 + 6 + 1)
    text = shown(capfd, model.path, "size")
    assert f"descriptor: {descriptor:,}" in text
    assert f"fitting_net: {fitting:,}" in text
    assert f"total: {descriptor + fitting:,}" in text


def test_tree_lists_every_weight(model, capfd):
    text = shown(capfd, model.path, "serialization-tree")
    for line in ("filter_type_0", "matrix_2_1 [4, 8]", "layer_0_type_1", "matrix [24, 6]", "final_layer_type_0"):
        assert line in text
    statistics = {"descrpt_attr/t_avg", "descrpt_attr/t_std", "fitting_attr/t_bias_atom_e"}
    assert set(read_contents(model.path).weights) == set(model.weights) - statistics


def test_checkpoint(model, tmp_path, capfd):
    script = json.dumps({"model": model.model, "training": {"seed": 1}})
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in model.weights.items():
            tf.get_variable(name, initializer=value, use_resource=False)
            tf.get_variable(f"{name}/Adam", initializer=value, use_resource=False)
        tf.get_variable(SCRIPT, initializer=script, use_resource=False)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "model.ckpt"), global_step=7)
    assert read_contents(tmp_path / "model.ckpt-7") == read_contents(model.path)
    assert "['O', 'H']" in shown(capfd, tmp_path / "model.ckpt-7", "type-map")


@pytest.mark.parametrize(
    ("attribute", "words"),
    [("model-branch", ["model-branch", "multi-task"]), ("observed-type", ["observed-type", "does not record"])],
)
def test_what_cannot_be_shown(model, capfd, attribute, words):
    assert main(["show", str(model.path), attribute]) == 2
    err = capfd.readouterr().err
    for word in ["dp show: error:", *words]:
        assert word in err


def test_neither_model_nor_checkpoint(tmp_path, capfd):
    assert main(["show", str(tmp_path / "none.pb"), "size"]) == 2
    assert "none.pb does not exist" in capfd.readouterr().err
    assert main(["show", str(tmp_path), "size"]) == 2
    assert "no complete checkpoint" in capfd.readouterr().err
