"""Model files that cannot be used are refused with what is wrong and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.session import session_config
from deepmd_tf.tf1 import tf


def changed(water, tmp_path, *, drop=(), **constants):
    """A copy of the model without some nodes and with other values of constants."""
    graph_def = tf.GraphDef()
    graph_def.ParseFromString(water.path.read_bytes())
    kept = [node for node in graph_def.node if node.name not in drop]
    del graph_def.node[:]
    graph_def.node.extend(kept)
    for name, value in constants.items():
        found = [node for node in graph_def.node if node.name == name]
        node = found[0] if found else graph_def.node.add(name=name, op="Const")
        tensor = tf.make_tensor_proto(value)
        node.attr["value"].tensor.CopyFrom(tensor)
        node.attr["dtype"].type = tensor.dtype
    path = tmp_path / "changed.pb"
    path.write_bytes(graph_def.SerializeToString())
    return path


def refusal(path) -> str:
    with pytest.raises(ModelFormatError) as caught:
        DeepPot(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_attributes(water):
    model = FrozenModel(water.path)
    assert (model.ntypes, model.rcut, model.type_map, model.model_type) == (2, 4.0, ["O", "H"], "ener")
    assert model.dtype == np.float64
    assert model.training_script["model"] == water.model
    assert not model.compressed


def test_missing_file(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.pb")
    assert "is a directory" in refusal(tmp_path)


def test_checkpoint_given_for_a_model(tmp_path):
    (tmp_path / "model.ckpt.index").touch()
    assert "dp freeze" in refusal(tmp_path / "model.ckpt")


@pytest.mark.parametrize("content", [b"", b"not a model at all\n", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_something_else(tmp_path, content):
    path = tmp_path / "other.pb"
    path.write_bytes(content)
    assert f"{len(content)} bytes of something else" in refusal(path)


def test_cut_short(water, tmp_path):
    path = tmp_path / "short.pb"
    whole = water.path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refusal(path)


@pytest.mark.parametrize("node", ["t_mesh", "t_coord", "descrpt_attr/rcut", "model_attr/tmap"])
def test_missing_node(water, tmp_path, node):
    assert node in refusal(changed(water, tmp_path, drop=[node]))


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_versions_that_are_read(water, tmp_path, version):
    FrozenModel(changed(water, tmp_path, **{"model_attr/model_version": version.encode()}))


@pytest.mark.parametrize(
    ("version", "hint"),
    [("0.0", "convert-from"), ("1.2", "newer release"), ("2.0", "newer release"), ("new", "found new")],
)
def test_versions_that_are_refused(water, tmp_path, version, hint):
    text = refusal(changed(water, tmp_path, **{"model_attr/model_version": version.encode()}))
    assert "1.0 to 1.1" in text and hint in text


def test_no_version_is_an_old_model(water, tmp_path):
    assert "found 0.0" in refusal(changed(water, tmp_path, drop=["model_attr/model_version"]))


def test_operations_unknown_here(water, tmp_path):
    path = changed(water, tmp_path, model_type=b"compressed_model")
    graph_def = tf.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    graph_def.node.add(name="extra", op="NoSuchOperation")
    graph_def.node.add(name="other", op="AnotherOne")
    path.write_bytes(graph_def.SerializeToString())
    text = refusal(path)
    assert "AnotherOne, NoSuchOperation" in text and "compressed" in text


@pytest.mark.parametrize("kind", ["dipole", "dos"])
def test_other_kinds_of_models(water, tmp_path, kind):
    assert f"'{kind}'" in refusal(changed(water, tmp_path, **{"model_attr/model_type": kind.encode()}))


@pytest.mark.parametrize(("node", "kind"), [("spin_attr/ntypes_spin", "spin"), ("modifier_attr/type", "DPLR")])
def test_models_with_more_in_them(water, tmp_path, node, kind):
    assert kind in refusal(changed(water, tmp_path, **{node: np.int32(1)}))


def test_threads_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TF_INTRA_OP_PARALLELISM_THREADS", "3")
    monkeypatch.setenv("TF_INTER_OP_PARALLELISM_THREADS", "4")
    monkeypatch.setenv("DP_INTER_OP_PARALLELISM_THREADS", "1")
    config = session_config()
    assert (config.intra_op_parallelism_threads, config.inter_op_parallelism_threads) == (3, 1)
    monkeypatch.setenv("DP_INTRA_OP_PARALLELISM_THREADS", "two")
    with pytest.raises(ConfigError, match=r"DP_INTRA_OP_PARALLELISM_THREADS.*'two'"):
        session_config()
