"""Small model files with random weights; their energies are known from the NumPy model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.export.freeze import file_attributes, inference_graph, write_graph
from deepmd_tf.model.make import make_model
from tests.support.graphs import ModelUnderTest, complete

RCUT = 4.0


def section(*, fitting=None, **descriptor) -> dict:
    """A ``model`` section with two types."""
    base = {"type": "se_e2_a", "sel": [24, 30], "rcut": RCUT, "rcut_smth": 0.5, "neuron": [4, 8], "axis_neuron": 3}
    return {
        "type_map": ["O", "H"],
        "descriptor": {**base, **descriptor},
        "fitting_net": {"type": "ener", "neuron": [6, 6], **(fitting or {})},
    }


@dataclass(frozen=True)
class ModelFile:
    """A model file, with what stands in it."""

    path: Path
    model: dict
    weights: dict[str, np.ndarray]


def write_model(path: Path, model: dict, interface=np.float64) -> ModelFile:
    """Freeze a model with random weights."""
    weights = ModelUnderTest(model, interface=interface).weights
    model = complete(model)
    script = {"model": model, "training": {"seed": 1}}
    graph_def = inference_graph(make_model(model), weights, np.dtype(interface), file_attributes(script, 0.9))
    write_graph(path, graph_def)
    return ModelFile(path, model, weights)


@pytest.fixture(scope="session")
def water(tmp_path_factory) -> ModelFile:
    """Two types, no parameters."""
    return write_model(tmp_path_factory.mktemp("water") / "model.pb", section())


@pytest.fixture(scope="session")
def with_parameters(tmp_path_factory) -> ModelFile:
    """Two frame parameters and one atomic parameter."""
    model = section(fitting={"numb_fparam": 2, "numb_aparam": 1})
    return write_model(tmp_path_factory.mktemp("parameters") / "model.pb", model)


def frames(nframes=3, seed=4):
    """Positions [nf, N, 3], cell [3, 3] (triclinic), types [N] in no order."""
    rng = np.random.default_rng(seed)
    cell = np.array([[5.2, 0.0, 0.0], [1.4, 5.1, 0.0], [-0.9, 1.1, 5.3]])
    sites = np.stack(np.meshgrid(*[[0.1, 0.6]] * 3), -1).reshape(-1, 3)
    coords = (sites + rng.uniform(-0.08, 0.08, (nframes, 8, 3))) @ cell
    return coords, cell, rng.permutation(np.arange(8, dtype=np.int32) % 2)
