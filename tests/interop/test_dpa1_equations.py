"""The equations of DPA-1 in NumPy give the numbers of deepmd-kit: of its NumPy reference, and of frozen graphs."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.dialect import REFERENCE_AS_STORED, TENSORFLOW
from deepmd_tf.nn.electrons import SYMBOLS, electron_configuration
from deepmd_tf.selfcheck.numpy_atten import descriptor
from tests.interop.interop_kit import INPUT, structure
from tests.support import dpa1

RUNNER = Path(__file__).with_name("dpa1_runner.py")
SEED, SETS = 5, 96

COMMON = {"type": "se_atten", "sel": 30, "rcut": 4.1, "rcut_smth": 0.5, "neuron": [4, 8], "axis_neuron": 3, "seed": 1}
# Mean of the rows not zero, so that padding and excluded slots show.
SEEN = {**COMMON, "attn": 5, "attn_layer": 2, "set_davg_zero": False}
FROZEN = {
    "concat": SEEN,
    "strip": {**SEEN, "tebd_input_mode": "strip", "resnet_dt": True, "exclude_types": [[0, 1]], "attn_layer": 1},
    "concat, one-sided, masked": {**SEEN, "type_one_side": True, "attn_mask": True, "ln_eps": 1e-4, "sel": [5, 4]},
    "concat, smooth, excluded": {**SEEN, "smooth_type_embedding": True, "exclude_types": [[0, 0]]},
    "strip, smooth, excluded": {
        **SEEN,
        "smooth_type_embedding": True,
        "tebd_input_mode": "strip",
        "exclude_types": [[0, 0]],
        "attn_dotr": False,
    },
    "no attention, own type embedding": {**SEEN, "attn_layer": 0},
}
TYPE_EMBEDDING = {
    "no attention, own type embedding": {"neuron": [3, 6], "resnet_dt": True, "use_tebd_bias": True, "seed": 1},
    "concat, one-sided, masked": {"neuron": [4], "use_econf_tebd": True, "seed": 1},
}


def run(kit, *arguments) -> None:
    """Let the runner compute in deepmd-kit's environment."""
    kit.python(RUNNER, *arguments, cwd=".")


def deviation(found, expected) -> float:
    """Largest difference, relative to the largest expected value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / (np.abs(expected).max() or 1.0)


@pytest.fixture(scope="module")
def sets(kit, tmp_path_factory) -> Path:
    """Folder of random options, weights and structures, and what the reference makes of them."""
    folder = tmp_path_factory.mktemp("sets")
    run(kit, "equations", SEED, SETS, folder)
    return folder


@pytest.mark.parametrize("number", range(SETS))
def test_numbers_of_the_reference(sets, number):
    tree, arrays = dpa1.load(sets / f"{number}.json")
    section, weights = dpa1.section_of(tree["dictionary"]), dpa1.weights_of(tree["dictionary"])
    given = {name: arrays.get(f"given/{name}") for name in ("coord", "atype", "box")}
    # What the reference computes for an empty attention would be a warning of NumPy, were it not written around.
    with np.errstate(all="raise", under="ignore"):
        found = descriptor(section, weights, **given, dialect=REFERENCE_AS_STORED, single_cutoffs=False)
    expected = {key.removeprefix("found/"): value for key, value in arrays.items() if key.startswith("found/")}
    assert {"D", "rot_mat", "sw"} <= set(expected)
    for name, values in expected.items():
        assert deviation(found[name], values) < 1e-12, (name, tree["options"])


def test_sets_cover_the_options(sets):
    chosen = [json.loads((sets / f"{number}.json").read_text())["options"] for number in range(SETS)]
    modes = {(one["tebd_input_mode"], one["type_one_side"], one["smooth_type_embedding"]) for one in chosen}
    assert len(modes) == 8
    for key in ("exclude_types", "env_protection", "normalize", "temperature", "attn_dotr", "concat_output_tebd"):
        used = sum(bool(one[key]) for one in chosen)
        assert SETS / 5 < used < SETS * 4 / 5, key
    assert {one["attn_layer"] for one in chosen} == {0, 1, 2, 3}
    assert sum(one["use_econf_tebd"] for one in chosen) > 10 and sum(one["resnet_dt"] for one in chosen) > 10


def test_electron_configurations(kit, tmp_path):
    run(kit, "electrons", ",".join(SYMBOLS), tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz", allow_pickle=False) as found:
        assert np.array_equal(found["rows"][:-1], electron_configuration(SYMBOLS))


def frames(water: Path) -> dict:
    """Periodic and open frames, one of water, and one with a neighbour just inside the cutoff."""
    coords, cell, types = structure(2)
    tilted = cell + np.tril(np.full((3, 3), 0.7), -1)
    edge = np.array([[0.0, 0.0, 0.0], [0.0, 0.9, 0.3], [0.0, 0.0, 4.0995], [-1.0, 0.2, 0.1]])
    real = {name: np.load(water / "set.000" / f"{name}.npy", allow_pickle=False)[:1] for name in ("coord", "box")}
    return {
        "orthogonal": (coords, cell, types),
        "tilted": (coords, tilted, types),
        "open": (coords, None, types),
        "edge": (edge[None], None, np.array([0, 1, 1, 1])),
        "water": (
            real["coord"].reshape(1, -1, 3),
            real["box"].reshape(3, 3),
            np.loadtxt(water / "type.raw", dtype=int),
        ),
    }


@pytest.fixture(scope="module", params=FROZEN)
def frozen(request, kit, shared_data, tmp_path_factory):
    """A model that deepmd-kit trained and froze, the frames, and its descriptors of them."""
    folder, config = tmp_path_factory.mktemp("frozen"), copy.deepcopy(INPUT)
    config["model"]["descriptor"] = FROZEN[request.param]
    if request.param in TYPE_EMBEDDING:
        config["model"]["type_embedding"] = TYPE_EMBEDDING[request.param]
    config["training"]["training_data"] = {"systems": [str(shared_data / "water" / "data_0")], "batch_size": 1}
    (folder / "input.json").write_text(json.dumps(config))
    kit.dp("train", "input.json", cwd=folder)
    kit.dp("freeze", "-o", "frozen.pb", cwd=folder)
    cases, given = frames(shared_data / "water" / "data_0"), {}
    for name, (coords, cell, types) in cases.items():
        given |= {f"{name}/coords": coords.reshape(len(coords), -1), f"{name}/types": types}
        if cell is not None:
            given[f"{name}/cells"] = np.tile(cell.reshape(1, 9), (len(coords), 1))
    np.savez(folder / "given.npz", **given)
    run(kit, "descriptors", folder / "frozen.pb", folder / "given.npz", folder / "found.npz")
    with np.load(folder / "found.npz", allow_pickle=False) as found:
        return folder / "frozen.pb", cases, dict(found)


def ours(path: Path, coord, types, cell, dialect) -> np.ndarray:
    """The descriptor by the equations; graphs append the type vector in the fitting net, and not here."""
    model = FrozenModel(path)
    whole = model.training_script["model"]
    section = {**whole["descriptor"], "concat_output_tebd": False}
    return descriptor(
        section,
        model.constants(),
        coord,
        types,
        cell,
        dialect,
        type_embedding=whole.get("type_embedding"),
        type_map=whole["type_map"],
    )["D"]


def test_numbers_of_frozen_graphs(frozen):
    path, cases, expected = frozen
    found = {}
    for name, (coords, cell, types) in cases.items():
        values = np.array([ours(path, coord, types, cell, TENSORFLOW) for coord in coords])
        found[name] = deviation(values, expected[name].reshape(values.shape))
    assert max(found.values()) < 1e-9, found


def test_dialects_differ_on_frozen_graphs(frozen):
    path, cases, _ = frozen
    coords, cell, types = cases["open"]
    values = [ours(path, coords[0], types, cell, dialect) for dialect in (REFERENCE_AS_STORED, TENSORFLOW)]
    assert deviation(*values) > 1e-6
