"""A model rebuilt in memory computes what its stored graph computes, or is not used."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.infer import DeepPot, fused
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.fused import FusedSession, open_session
from deepmd_tf.infer.session import ModelSession
from tests.infer.conftest import frames, section, write_model

VARIANTS = {
    "plain": {},
    "one side, excluded": {"type_one_side": True, "exclude_types": [[0, 0]]},
    "time steps": {"resnet_dt": True, "neuron": [4, 4, 8]},
    "corners": {"activation_function": "relu"},
    "single precision": {"precision": "float32"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_equals_the_stored_graph(name, tmp_path):
    path = write_model(tmp_path / "model.pb", section(**VARIANTS[name])).path
    potential, stored = DeepPot(path), DeepPot(path, as_stored=True)
    assert isinstance(potential._session, FusedSession) and isinstance(stored._session, ModelSession)
    coords, cell, types = frames()
    tolerance = 2e-4 if name == "single precision" else 1e-10
    for cells in (np.tile(cell, (3, 1, 1)), None):
        pairs = zip(potential.eval(coords, cells, types, atomic=True), stored.eval(coords, cells, types, atomic=True))
        for ours, expected in pairs:
            assert np.allclose(ours, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max()))


def test_parameters(with_parameters):
    assert isinstance(open_session(FrozenModel(with_parameters.path)), FusedSession)


def test_pairs_nearer_than_the_tables_are_left_to_the_stored_graph(water):
    potential, stored = DeepPot(water.path), DeepPot(water.path, as_stored=True)
    coords = np.array([[[0.0, 0, 0], [0.2, 0, 0], [1.5, 1.5, 0]]])  # tables reach to 0.45
    ours, expected = (p.eval(coords, None, [0, 1, 1]) for p in (potential, stored))
    assert all(np.array_equal(a, b) for a, b in zip(ours, expected))


def test_what_differs_from_the_stored_graph_is_not_used(water, monkeypatch):
    """Statistics that are read wrongly give another model: it must not be taken."""
    honest = FrozenModel.constant

    def wrong(self, name, default=None):
        value = honest(self, name, default)
        return value * 1.001 if name == "descrpt_attr/t_std" else value

    monkeypatch.setattr(FrozenModel, "constant", wrong)
    with pytest.raises(ModelFormatError, match="differs"):
        FusedSession(ModelSession(FrozenModel(water.path)))
    assert isinstance(open_session(FrozenModel(water.path)), ModelSession)


def test_a_model_without_its_script_runs_as_stored(water, monkeypatch):
    monkeypatch.setattr(FrozenModel, "training_script", {})
    assert isinstance(open_session(FrozenModel(water.path)), ModelSession)


def test_keys_of_other_programs_that_change_nothing_are_left_out(water):
    model = FrozenModel(water.path)
    known = {"type": "se_a", "sel": [1, 2], "rcut": 4.0, "n_axis_neuron": 3, "env_protection": 0.0}
    assert fused._known(fused.descriptors, known, model) == {
        "type": "se_a",
        "sel": [1, 2],
        "rcut": 4.0,
        "axis_neuron": 3,
    }
