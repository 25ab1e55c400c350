"""Training of quantised models in two programs: either goes on from the files of the other, with the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nvnmd.plugin  # noqa: F401  (registers the components)
from deepmd_tf.infer import DeepPot
from nvnmd.config_file import read_config
from nvnmd.device_file.read import read_model
from nvnmd.dictionaries import read_dictionary
from nvnmd.model.quantized.tables import weights_of_tables
from nvnmd.train.plan import COMPONENTS, SECOND
from tests.interop.interop_kit import our_dp
from tests.interop.nvnmd_kit import SEL, run, script
from tests.support.graphs import ModelUnderTest

OPEN, PERIODIC = "open", "periodic"


LENGTH, GRID = 16.0, 2.0**-20


def cases(shared_data) -> dict:
    """A frame in both boundaries, as deepmd-kit's interface takes it.

    It is scaled to a box whose length is a power of two, and its positions are whole multiples of another: deepmd-kit
    moves atoms into the box through fractions of it, which then rounds nothing. A position off by its last bit could
    put a number of the network on the other side of a step of its code.
    """
    data = shared_data / "nvnmd_GeTe"
    coord, box = (np.load(data / f"set.000/{name}.npy")[:1].astype(np.float64) for name in ("coord", "box"))
    types = np.loadtxt(data / "type.raw", int)
    scaled = np.round(coord.reshape(1, -1, 3) * (LENGTH / box[0, 0]) / GRID) * GRID
    common = {"coords": scaled, "types": types}
    return {OPEN: {**common, "cells": None}, PERIODIC: {**common, "cells": LENGTH * np.eye(3)[None]}}


def test_the_second_step_trains_the_same_network(kit, trained, shared_data, tmp_path):
    """Its frozen model against our components with its weights, in the legacy format: to the bit."""
    version, max_nnei, folder = trained
    descriptor, fitting = COMPONENTS[SECOND, version]
    section = {
        "type_map": ["Ge", "Te"],
        "descriptor": {"type": descriptor, "sel": SEL[version, max_nnei], "rcut": 6.0, "rcut_smth": 0.5},
        "fitting_net": {"type": fitting, "weight_format": "legacy"},
    }
    weights = {name.replace(".", "/"): x for name, x in read_dictionary(folder / "nvnmd_qnn/weight.npy").items()}
    tables = weights_of_tables(read_dictionary(folder / "nvnmd_cnn/map.npy"))
    model = ModelUnderTest(section, weights={**weights, **tables})
    given = cases(shared_data)
    expected = kit.evaluate(folder / "nvnmd_qnn/frozen_model.pb", given, tmp_path)
    for case, one in given.items():
        cell = None if one["cells"] is None else one["cells"][0]
        found = model(one["coords"][0], one["types"], cell)
        assert np.array_equal(found["atom_energy"].ravel(), expected[case]["atom_energy"].ravel()), case
        np.testing.assert_allclose(found["force"][0], expected[case]["force"][0], rtol=0, atol=1e-12, err_msg=case)


@pytest.mark.parametrize("weight_format", ["legacy", "device"])
def test_our_second_step_follows_their_first(trained, shared_data, tmp_path, weight_format):
    """Before any update, energies are those of their first step; the device is the network in its own format."""
    version, max_nnei, folder = trained
    (tmp_path / "nvnmd_cnn").symlink_to(folder / "nvnmd_cnn")
    content = script(version, max_nnei, shared_data / "nvnmd_GeTe", steps=1, rate=1e-9)
    content["nvnmd"]["weight_format"] = weight_format
    (tmp_path / "s2.json").write_text(json.dumps(content))
    text = our_dp("train-nvnmd", "s2.json", "-s", "s2", cwd=tmp_path)
    assert ("energies equal to the bit" in text) == (weight_format == "device")
    assert read_config(tmp_path / "nvnmd_qnn/config.npy") == read_config(folder / "nvnmd_qnn/config.npy")
    one = cases(shared_data)[PERIODIC]
    found = DeepPot(tmp_path / "nvnmd_qnn/frozen_model.pb").eval(one["coords"], one["cells"], one["types"])
    theirs = DeepPot(folder / "nvnmd_qnn/frozen_model.pb").eval(one["coords"], one["cells"], one["types"])
    # Their two updates moved weights by some 1e-8; the device holds coarser numbers.
    natoms, coarse = len(one["types"]), weight_format == "device"
    assert np.abs(found[0] - theirs[0]).max() / natoms < (1e-3 if coarse else 1e-4)
    assert np.abs(found[1] - theirs[1]).max() < (1e-3 if coarse else 1e-4)


@pytest.mark.parametrize("version", [0, 1])
def test_their_second_step_follows_our_first(kit, shared_data, tmp_path, version):
    """And their program runs the frozen networks of both our steps: those of the second to the bit."""
    for step, steps, rate in (("s1", 10, 1e-3), ("s2", 1, 1e-9)):
        content = script(version, 128, shared_data / "nvnmd_GeTe", steps=steps, rate=rate)
        content["nvnmd"]["weight_format"] = "legacy"
        (tmp_path / f"{step}.json").write_text(json.dumps(content))
        our_dp("train-nvnmd", f"{step}.json", "-s", step, cwd=tmp_path)
    given = cases(shared_data)
    for step, exact in (("cnn", False), ("qnn", True)):
        path = tmp_path / f"nvnmd_{step}/frozen_model.pb"
        theirs, ours = kit.evaluate(path, given, tmp_path), DeepPot(path, as_stored=True)
        for case, one in given.items():
            energy, force, *_ = ours.eval(one["coords"], one["cells"], one["types"])
            if exact:
                assert np.array_equal(energy.ravel(), theirs[case]["energy"].ravel()), case
            np.testing.assert_allclose(energy.ravel(), theirs[case]["energy"].ravel(), rtol=1e-13, err_msg=case)
            np.testing.assert_allclose(force[0], theirs[case]["force"][0], rtol=0, atol=1e-12, err_msg=case)
    (tmp_path / "nvnmd_qnn").rename(tmp_path / "ours")
    content["nvnmd"].pop("weight_format")
    (tmp_path / "theirs.json").write_text(json.dumps(content))
    run(kit, version, tmp_path, "train-nvnmd", "theirs.json", "-s", "s2")
    found, expected = (read_model(tmp_path / name / "model.pb") for name in ("ours", "nvnmd_qnn"))
    # One update at a rate of 1e-9 moves no weight by as much as a unit of its code, but some to the next one.
    for name in ("forward", "biases", "feature_table"):
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() <= 1
    assert found.shifts == expected.shifts
