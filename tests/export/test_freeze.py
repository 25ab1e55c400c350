"""Frozen graphs: what other programs look for in them, and that freezing changes no number."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.errors import CheckpointError, ConfigError, ModelFormatError
from deepmd_tf.export import freeze
from deepmd_tf.export.freeze import file_attributes, inference_graph, write_graph
from deepmd_tf.infer import DeepPot
from deepmd_tf.tf1 import tf
from tests.descriptor.test_se_e2_a import section
from tests.suites.physics import TRICLINIC, crystal
from tests.support.graphs import ModelUnderTest

# The ops that the field's plug-ins have beside stock TensorFlow; what a portable graph may hold of them.
PORTABLE_OPS = {"ProdEnvMatA", "ProdForceSeA", "ProdVirialSeA", "GeluCustom", "GeluGradCustom"}
PLACEHOLDERS = ["t_coord", "t_type", "t_natoms", "t_box", "t_mesh"]
OUTPUTS = [
    "o_energy",
    "o_atom_energy",
    "o_force",
    "o_virial",
    "o_atom_virial",
    "o_descriptor",
    "o_rmat",
    "o_rmat_deriv",
    "o_rij",
    "o_nlist",
]
CONSTANTS = [
    "descrpt_attr/rcut",
    "descrpt_attr/ntypes",
    "descrpt_attr/ndescrpt",
    "descrpt_attr/sel",
    "descrpt_attr/original_sel",
    "descrpt_attr/t_avg",
    "descrpt_attr/t_std",
    "fitting_attr/dfparam",
    "fitting_attr/daparam",
    "fitting_attr/t_bias_atom_e",
    "model_attr/tmap",
    "model_attr/model_type",
    "model_attr/model_version",
    "model_type",
    "train_attr/training_script",
    "train_attr/min_nbor_dist",
    "filter_type_0/matrix_1_0",
    "filter_type_1/bias_2_1",
    "layer_0_type_0/matrix",
    "layer_1_type_1/idt",
    "final_layer_type_1/bias",
]


def frozen(model: ModelUnderTest):
    """GraphDef of a model with random weights."""
    attributes = file_attributes({"model": model.section}, 0.9)
    return inference_graph(model.model, model.weights, np.dtype(np.float64), attributes)


@pytest.fixture(scope="module")
def model():
    return ModelUnderTest(section(fitting={"numb_fparam": 2, "numb_aparam": 1}))


def test_nodes_and_their_kinds(model):
    nodes = {node.name: node for node in frozen(model).node}
    for kind, names in (("Placeholder", PLACEHOLDERS), ("Identity", OUTPUTS), ("Const", CONSTANTS)):
        assert {name: nodes[name].op if name in nodes else None for name in names} == dict.fromkeys(names, kind)
    assert nodes["t_fparam"].op == nodes["t_aparam"].op == "Placeholder"
    value = lambda name: tf.make_ndarray(nodes[name].attr["value"].tensor)  # noqa: E731
    assert value("descrpt_attr/rcut").dtype == np.float64
    assert value("model_attr/tmap").item() == b"A B"
    assert value("model_attr/model_version").item() == b"1.1"
    assert value("descrpt_attr/ndescrpt") == 4 * 84
    assert json.loads(value("train_attr/training_script").item())["model"]["type_map"] == ["A", "B"]
    assert np.array_equal(value("filter_type_0/matrix_1_0"), model.weights["filter_type_0/matrix_1_0"])


@pytest.mark.parametrize("activation", ["tanh", "gelu", "silut"])
def test_only_portable_ops_and_no_functions(activation):
    graph_def = frozen(
        ModelUnderTest(section({"activation_function": activation}, {"activation_function": activation}))
    )
    own = {node.op for node in graph_def.node} - set(dir(tf.raw_ops))
    assert own <= PORTABLE_OPS
    assert not graph_def.library.function
    assert not [node.name for node in graph_def.node if "Variable" in node.op]


def test_no_number_changes(model, tmp_path):
    write_graph(tmp_path / "model.pb", frozen(model))
    coord, atype = crystal(TRICLINIC)
    rng = np.random.default_rng(0)
    frames, fparam, aparam = coord + rng.normal(0, 0.01, (3, *coord.shape)), rng.random((3, 2)), rng.random((3, 8, 1))
    cells = np.tile(TRICLINIC.ravel(), (3, 1))
    e, f, v, ae, av = DeepPot(str(tmp_path / "model.pb")).eval(
        frames.reshape(3, -1), cells, atype, atomic=True, fparam=fparam, aparam=aparam.reshape(3, -1)
    )
    expected = model(frames, atype, TRICLINIC, fparam=fparam, aparam=aparam)
    assert np.allclose(e[:, 0], expected["energy"], rtol=0, atol=1e-12)
    assert np.allclose(f, expected["force"], rtol=0, atol=1e-12)
    assert np.allclose(v.reshape(3, 3, 3), expected["virial"], rtol=0, atol=1e-12)
    assert np.allclose(ae[..., 0], expected["atom_energy"], rtol=0, atol=1e-12)
    assert np.allclose(av.reshape(3, 8, 3, 3), expected["atom_virial"], rtol=0, atol=1e-12)


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    for name in ("a", "b"):
        write_graph(tmp_path / name, frozen(model))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_missing_weight_is_named(model):
    values = {name: value for name, value in model.weights.items() if name != "layer_0_type_0/matrix"}
    with pytest.raises(CheckpointError, match="layer_0_type_0/matrix of shape"):
        inference_graph(model.model, values, np.dtype(np.float64), {})


def test_a_graph_that_no_file_can_hold_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(freeze, "SIZE_LIMIT", 1000)
    with pytest.raises(ModelFormatError, match="a model file can hold 1000"):
        write_graph(tmp_path / "model.pb", frozen(model))
    assert not (tmp_path / "model.pb").exists()


def test_nodes_to_keep(model):
    graph_def = frozen(model)
    kept = {node.name for node in freeze._only(graph_def, ["o_energy"]).node}
    assert "o_energy" in kept and "o_force" not in kept
    with pytest.raises(ConfigError, match="no node 'o_enery'"):
        freeze._only(graph_def, ["o_enery"])
