"""A pretrained model for other types and data: the same forces, the same vectors, energies per type that fit."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.config.check import normalize
from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import ConfigError
from deepmd_tf.export.freeze import file_attributes, inference_graph, write_graph
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.model.make import make_model
from deepmd_tf.stat.env import environment_statistics
from deepmd_tf.train.pretrained import Pretrained
from deepmd_tf.train.schema import input_schema
from tests.support.graphs import ModelUnderTest
from tests.support.systems import random_frames, write_system

NETWORK = {"rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "seed": 1}
ANGULAR = {"type": "se_e2_a", "sel": [14, 9], "axis_neuron": 3, **NETWORK}
RADIAL = {"type": "se_e2_r", "sel": [12, 8], "exclude_types": [[0, 1]], **NETWORK}
SETTINGS = {"sel": 20, "axis_neuron": 3, "attn": 6, "attn_layer": 1, "set_davg_zero": False, **NETWORK}
ATTENTION = {"type": "se_atten", **SETTINGS}
MODELS = {
    "two sides": {"descriptor": {**ANGULAR, "exclude_types": [[0, 0]]}},
    "one side": {"descriptor": {**ANGULAR, "type_one_side": True, "resnet_dt": True}},
    "three bodies": {"descriptor": {"type": "se_e3", "sel": [8, 6], **NETWORK, "rcut": 3.5}},
    "hybrid": {"descriptor": {"type": "hybrid", "list": [ANGULAR, RADIAL]}},
    "attention": {"descriptor": {**ATTENTION, "exclude_types": [[1, 1]]}},
    "attention that skips": {"descriptor": {**ATTENTION, "tebd_dim": 4}},
    "stripped": {"descriptor": {"type": "se_atten_v2", **SETTINGS}},
    "two layers of types": {"descriptor": ATTENTION, "type_embedding": {"neuron": [5, 7], "use_tebd_bias": True}},
    "electrons": {"descriptor": {**ATTENTION, "use_econf_tebd": True}},
    "hybrid attention": {"descriptor": {"type": "hybrid", "list": [ATTENTION, {**ATTENTION, "rcut": 3.5}]}},
}
TOLD_TYPES = [name for name in MODELS if name not in ("two sides", "one side", "three bodies", "hybrid")]
NAMES = np.array(["O", "H", "H", "O", "H", "O", "O", "H"])


def write_pretrained(path, model: dict, **fitting):
    """A frozen model of random weights for O and H, whose statistics differ by type, of the atom and of the slot."""
    made = ModelUnderTest({"type_map": ["O", "H"], **model, "fitting_net": {"neuron": [8, 8], **fitting}}, seed=4)
    values = made.weights
    for environment in made.model.descriptor.environments():
        spec, name = environment.spec, f"{environment.scope}/t_avg"
        slots = np.repeat([1.0, 1.3][: len(spec.sel)], np.array(spec.sel) * spec.components)
        values[name] = values[name] * [[1.0], [-0.7]] * slots
    attributes = file_attributes({"model": made.section}, 1.5)
    write_graph(path, inference_graph(made.model, values, np.dtype(np.float64), attributes))
    return Pretrained.open(path)


def model_section(pretrained, given: dict, use_script: bool = False) -> dict:
    """What an input with this section ``model`` means in a fine-tuning."""
    frame = {
        "model": pretrained.completed(given, use_script),
        "learning_rate": {"start_lr": 1e-3, "stop_lr": 1e-8},
        "training": {"numb_steps": 1, "training_data": {"systems": ["unused"]}},
    }
    section = normalize(frame, input_schema())["model"]
    pretrained.check(section, "input.json")
    return section


def evaluated(model, names, seed=0):
    """Energies and forces of three frames with atoms of these names."""
    frames = random_frames(len(names), 3, 7.0, seed)
    types = [model.get_type_map().index(name) for name in names]
    energy, force, _ = model.eval(frames["coord"], frames["box"], types)
    return energy.ravel(), force


def systems(folder, compositions, energies=None) -> list[str]:
    """Three frames of each composition, a list of names; ``energies(names, seed)`` gives their labels."""
    paths = []
    for k, names in enumerate(compositions):
        order = sorted(set(names))
        arrays = {} if energies is None else {"energy": energies(names, k)}
        types = [order.index(name) for name in names]
        paths.append(write_system(folder / f"{k}", types, type_map=order, length=7.0, seed=k, arrays=arrays))
    return paths


def fine_tuned(pretrained, section, paths) -> DeepPot:
    """The model before its first step, as a file would hold it."""
    labels = [DataRequirement("energy", 1, high_precision=True)]
    training = DataSet.open(paths, type_map=section["type_map"], requirements=labels, batch_size=3, seed=1)
    values = pretrained.fitted(section, training)
    attributes = file_attributes({"model": section}, 1.5)
    graph_def = inference_graph(make_model(section), values, np.dtype(np.float64), attributes)
    return DeepPot(FrozenModel("fine_tuned.pb", graph_def), as_stored=True)


def bias(model: DeepPot) -> dict[str, float]:
    """Energies per type, eV."""
    return dict(zip(model.get_type_map(), model._model.constant("fitting_attr/t_bias_atom_e")))


CASES = [(name, [*"HO"]) for name in MODELS] + [(name, ["H"]) for name in ("two sides", "hybrid", "attention")]
CASES += [("three bodies", [*"OH"]), *((name, [*"CHNO"]) for name in TOLD_TYPES)]


@pytest.mark.parametrize(("name", "type_map"), CASES, ids=str)
def test_forces_stay_and_energies_change_by_those_of_the_types(name, type_map, tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS[name])
    names = NAMES if "O" in type_map else NAMES[NAMES == "H"]
    section = model_section(pretrained, {"type_map": type_map})
    tuned = fine_tuned(pretrained, section, systems(tmp_path, [names]))
    before = DeepPot(tmp_path / "pretrained.pb", as_stored=True)
    (old_energy, expected), (energy, force) = evaluated(before, names), evaluated(tuned, names)
    np.testing.assert_allclose(force, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    shift = sum(bias(tuned)[one] - bias(before)[one] for one in names)
    assert abs(shift) > 0.1
    np.testing.assert_allclose(energy - old_energy, shift, rtol=1e-10)


@pytest.mark.parametrize(("name", "type_map"), [("two sides", [*"OH"]), ("attention", [*"HO"])], ids=str)
def test_known_energies_per_type_are_found(name, type_map, tmp_path):
    """Labels are what the pretrained model says, plus 1.5 eV for each H and -2 eV for each O."""
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS[name])
    before, added = DeepPot(tmp_path / "pretrained.pb", as_stored=True), {"O": -2.0, "H": 1.5}
    labels = lambda names, k: evaluated(before, names, k)[0] + sum(added[one] for one in names)  # noqa: E731
    section = model_section(pretrained, {"type_map": type_map})
    tuned = fine_tuned(pretrained, section, systems(tmp_path, [NAMES, NAMES[:5]], labels))
    for one, energy in bias(before).items():
        assert bias(tuned)[one] == pytest.approx(energy + added[one], abs=1e-8)


def test_frames_of_the_mixed_type_count_as_they_are(tmp_path):
    """Two frames of 5 atoms and two of 4, filled up by a virtual one, that are off by -2 eV an O and 1.5 eV an H."""
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    before, frames = DeepPot(tmp_path / "pretrained.pb", as_stored=True), random_frames(5, 4, 7.0)
    types = np.array([[0, 1, 1, 0, 1], [1, 1, 1, 0, 1], [0, 1, 0, 0, -1], [0, 1, 1, 1, -1]])
    energy = before.eval(frames["coord"], frames["box"], types, mixed_type=True)[0].ravel()
    energy += (types == 0) @ np.full(5, -2.0) + (types == 1) @ np.full(5, 1.5)
    arrays = {**frames, "real_atom_types": types, "energy": energy}
    path = write_system(tmp_path / "data", [0] * 5, nframes=4, arrays=arrays)
    tuned = fine_tuned(pretrained, model_section(pretrained, {"type_map": ["H", "O"]}), [path])
    change = {one: bias(tuned)[one] - energy for one, energy in bias(before).items()}
    assert change == pytest.approx({"O": -2.0, "H": 1.5}, abs=1e-8)


def test_new_types_learn_their_energy_from_the_data(tmp_path):
    """At the least sum of squares the errors of the frames are orthogonal to the numbers of atoms of each type."""
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    section = model_section(pretrained, {"type_map": ["O", "H", "C"]})
    compositions = [["C", "H", "H", "O"], ["C", "C", "H", "O", "O"], ["H", "O", "O"], ["C", "H", "H"]]
    labels = lambda names, k: np.random.default_rng(k).normal(-3.0 * len(names), 1.0, 3)  # noqa: E731
    tuned = fine_tuned(pretrained, section, systems(tmp_path, compositions, labels))
    errors = [labels(names, k) - evaluated(tuned, names, k)[0] for k, names in enumerate(compositions)]
    assert np.abs(errors).max() > 0.1
    counts = np.array([[names.count(one) for one in section["type_map"]] for names in compositions])
    np.testing.assert_allclose(np.sum(errors, axis=1) @ counts, 0, atol=1e-9)


def test_new_types_have_the_statistics_of_the_data(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    section = model_section(pretrained, {"type_map": ["C", "O", "H"]})
    paths = systems(tmp_path, [["C", "C", "O", "H", "H", "H"]])
    tuned = fine_tuned(pretrained, section, paths)
    before = FrozenModel(tmp_path / "pretrained.pb")
    training = DataSet.open(paths, type_map=section["type_map"], batch_size=3, seed=1)
    (environment,) = make_model(section).descriptor.environments()
    expected = environment_statistics(training.sample(10), environment.spec)
    for name, fresh in zip(("descrpt_attr/t_avg", "descrpt_attr/t_std"), expected):
        found = tuned._model.constant(name)
        assert np.array_equal(found[1:], before.constant(name))
        np.testing.assert_allclose(found[0], fresh[0], rtol=1e-12)


def test_types_without_atoms_keep_their_energy(tmp_path, caplog):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    caplog.set_level("INFO", "deepmd_tf")
    section = model_section(pretrained, {"type_map": ["H", "C", "O"]})
    tuned = fine_tuned(pretrained, section, systems(tmp_path, [["H"] * 6]))
    before = bias(DeepPot(tmp_path / "pretrained.pb"))
    assert bias(tuned)["O"] == before["O"] and bias(tuned)["C"] == 0
    assert bias(tuned)["H"] != before["H"]
    assert "no atom in these frames is C, O" in caplog.text
    assert "do not tell the types apart" not in caplog.text


def test_one_composition_takes_the_smallest_change(tmp_path, caplog):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    before = DeepPot(tmp_path / "pretrained.pb", as_stored=True)
    labels = lambda names, k: evaluated(before, names, k)[0] + 10.0  # noqa: E731
    section = model_section(pretrained, {"type_map": ["O", "H"]})
    tuned = fine_tuned(pretrained, section, systems(tmp_path, [["O", "H", "H", "O", "H"]], labels))
    change = {one: bias(tuned)[one] - energy for one, energy in bias(before).items()}
    # Of all changes with 2 O + 3 H = 10 eV the one nearest to zero lies along (2, 3).
    assert change == pytest.approx({"O": 20 / 13, "H": 30 / 13}, abs=1e-9)
    assert "do not tell the types apart" in caplog.text


def test_without_energies_nothing_changes(tmp_path, caplog):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    section = model_section(pretrained, {"type_map": ["O", "H"]})
    path = write_system(tmp_path / "data", drop=("energy",), length=7.0)
    tuned = fine_tuned(pretrained, section, [path])
    assert bias(tuned) == bias(DeepPot(tmp_path / "pretrained.pb"))
    assert "no frame has an energy" in caplog.text


def test_given_atomic_energies_stay(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"], atom_ener=[-0.5, None])
    section = model_section(pretrained, {"type_map": ["H", "C", "O"]})
    assert section["fitting_net"]["atom_ener"] == [None, None, -0.5]
    tuned = fine_tuned(pretrained, section, systems(tmp_path, [NAMES, ["H", "O", "O", "C"]]))
    before = bias(DeepPot(tmp_path / "pretrained.pb"))
    assert bias(tuned)["O"] == before["O"] and bias(tuned)["H"] != before["H"]
    with pytest.raises(ConfigError, match="leaves out O, all types with a given atom_ener"):
        pretrained.completed({"type_map": ["H"]})


def test_vectors_of_new_types_are_drawn_from_the_seed(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    section = model_section(pretrained, {"type_map": ["O", "C", "H"]})
    paths = systems(tmp_path, [NAMES])
    first, again = (fine_tuned(pretrained, section, paths)._model.constant("type_embed_net/matrix_1") for _ in "ab")
    assert np.array_equal(first, again)
    assert ((first[1] >= 0) & (first[1] < 1)).all() and len(set(first[1])) == 8


def test_vectors_of_a_layer_that_is_not_linear_and_skips_cannot_go_over(tmp_path):
    model = {"descriptor": ATTENTION, "type_embedding": {"neuron": [4], "activation_function": "tanh"}}
    pretrained = write_pretrained(tmp_path / "pretrained.pb", model)
    paths = systems(tmp_path, [NAMES])
    fine_tuned(pretrained, model_section(pretrained, {"type_map": ["O", "H"]}), paths)
    with pytest.raises(ConfigError, match="not linear and adds its input"):
        fine_tuned(pretrained, model_section(pretrained, {"type_map": ["H", "O", "C"]}), paths)


def test_what_the_input_leaves_out_is_as_before(tmp_path):
    """Also in the form of deepmd-kit's manual, with empty sections; but never what concerns the training alone."""
    model = {"descriptor": {**ATTENTION, "trainable": False, "precision": "float32"}, "data_stat_nbatch": 3}
    pretrained = write_pretrained(tmp_path / "pretrained.pb", model)
    for given in (
        {"type_map": ["H", "O"]},
        {"type_map": ["H", "O"], "type_embedding": {"trainable": True}, "descriptor": {}, "fitting_net": {}},
        {"type_map": ["H", "O"], "descriptor": {"type": "dpa1", "n_axis_neuron": 3, "sel": "auto", "seed": 9}},
        {"type_map": ["H", "O"], "descriptor": {"sel": [12, 8]}},
    ):
        section = model_section(pretrained, given)
        descriptor = section["descriptor"]
        assert section["type_map"] == ["H", "O"] and section["data_stat_nbatch"] == 10
        assert (descriptor["type"], descriptor["neuron"], descriptor["precision"]) == ("se_atten", [4, 8], "float32")
        assert descriptor["trainable"] and np.sum(descriptor["sel"]) == 20
    assert pretrained.completed(None)["type_map"] == ["O", "H"]


def test_use_pretrain_script_takes_all_but_the_types(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", {"descriptor": {**ATTENTION, "trainable": False}})
    given = {"type_map": ["H", "O"], "descriptor": {"type": "se_e2_a", "neuron": [7]}, "fitting_net": {"neuron": [5]}}
    section = model_section(pretrained, given, use_script=True)
    assert section["type_map"] == ["H", "O"] and section["fitting_net"]["neuron"] == [8, 8]
    assert section["descriptor"]["type"] == "se_atten" and not section["descriptor"]["trainable"]


def test_what_does_not_fit_is_named_with_both_values(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["attention"])
    given = {"type_map": ["O", "H"], "descriptor": {"attn": 7, "sel": 30}, "fitting_net": {"neuron": [8]}}
    with pytest.raises(ConfigError) as caught:
        model_section(pretrained, given)
    lines = str(caught.value).splitlines()
    path = tmp_path / "pretrained.pb"
    assert [line.partition(". Leave the key out")[0] for line in lines] == [
        f"input.json: model/descriptor/attn: expected 6, as in {path}, found 7",
        f"input.json: model/descriptor/sel: expected 20, as in {path}, found 30",
        f"input.json: model/fitting_net/neuron: expected [8, 8], as in {path}, found [8]",
    ]
    with pytest.raises(ConfigError, match=r'descriptor/type: expected "se_atten", as in .*, found "se_e2_a"'):
        pretrained.completed({"descriptor": {"type": "se_e2_a"}})


def test_networks_of_each_type_stay_behind_the_types_of_the_input(tmp_path):
    pretrained = write_pretrained(tmp_path / "pretrained.pb", MODELS["hybrid"], atom_ener=[None, -0.5])
    section = model_section(pretrained, {"type_map": ["H"]})
    assert section["type_map"] == ["H", "O"] and section["fitting_net"]["atom_ener"] == [-0.5, None]
    assert [part["sel"] for part in section["descriptor"]["list"]] == [[9, 14], [8, 12]]
    assert section["descriptor"]["list"][1]["exclude_types"] == [[1, 0]]
    with pytest.raises(ConfigError, match="model/type_map: C: expected some of O, H"):
        pretrained.completed({"type_map": ["H", "C"]})
