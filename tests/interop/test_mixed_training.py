"""Training on frames of several compositions: from the same weights both programs go the same way."""

from __future__ import annotations

import json

import numpy as np

from deepmd_tf.infer import DeepPot
from tests.interop.interop_kit import our_dp
from tests.support.mixed import mixed_input, write_mixed

# All of one size: with virtual atoms the losses of the two programs differ, see docs/training.md.
TYPES = [[0, 1, 1, 0, 0, 1], [1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0]]
STEPS = 20


def errors(model, folder) -> np.ndarray:
    """Predictions for all frames, flat."""
    arrays = {key: np.load(folder / f"data/set.000/{key}.npy") for key in ("coord", "box")}
    found = DeepPot(model).eval(arrays["coord"], arrays["box"], np.array(TYPES), mixed_type=True)
    return np.concatenate([values.ravel() for values in found])


def test_steps_are_the_same(kit, tmp_path):
    """Each batch holds all frames, so that the order in which they are drawn plays no part."""
    write_mixed(tmp_path / "data", TYPES, seed=5)
    config = mixed_input(tmp_path, len(TYPES), systems=["data"], descriptor={"tebd_dim": 8})
    config["training"] |= {"numb_steps": 1, "validation_data": None, "disp_freq": 1, "save_freq": STEPS}
    config["loss"] = {"start_pref_e": 0.2, "limit_pref_e": 1, "start_pref_f": 100, "limit_pref_f": 1,
                      "start_pref_v": 0.1, "limit_pref_v": 1}  # fmt: skip
    (tmp_path / "input.json").write_text(json.dumps(config))
    kit.dp("train", "input.json", cwd=tmp_path)
    kit.dp("freeze", "-o", "start.pb", cwd=tmp_path)
    config["training"]["numb_steps"] = STEPS
    (tmp_path / "input.json").write_text(json.dumps(config))
    found = {}
    for name, dp in (("theirs", kit.dp), ("ours", our_dp)):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("input.json", "start.pb", "data"):
            (folder / file).symlink_to(tmp_path / file)
        dp("train", "input.json", "--init-frz-model", "start.pb", cwd=folder)
        dp("freeze", "-o", "model.pb", cwd=folder)
        found[name] = errors(folder / "model.pb", tmp_path)
    start = errors(tmp_path / "start.pb", tmp_path)
    assert np.abs(found["theirs"] - start).max() > 1e-2
    np.testing.assert_allclose(found["ours"], found["theirs"], rtol=0, atol=1e-6)
    curves = [np.loadtxt(tmp_path / name / "lcurve.out") for name in found]
    np.testing.assert_allclose(curves[0], curves[1], rtol=0.02)
