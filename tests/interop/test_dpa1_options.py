"""Options of DPA-1 that deepmd-kit's own graphs do not have: it runs files with them as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.dialect import NODE
from tests.interop.interop_kit import our_dp, structure, trained, with_descriptor
from tests.interop.models import attention, hybrid
from tests.interop.test_from_deepmd_kit import compare
from tests.interop.test_to_deepmd_kit import lammps_run, our_run

# Both programs run the same graph; more is the direction of a neighbour just inside the cutoff, see models.py.
TOLERANCE = 1e-9
SMOOTH = {"smooth_type_embedding": True}
OPTIONS = {
    "protected": attention(**SMOOTH, env_protection=0.2, scaling_factor=3.0, concat_output_tebd=False),
    "reference": attention(dialect="reference", **SMOOTH, type_one_side=True, use_econf_tebd=True),
    "reference, strip": attention(
        dialect="reference", **SMOOTH, tebd_input_mode="strip", type_one_side=True, set_davg_zero=False,
        env_protection=0.1, exclude_types=[[0, 1]], use_tebd_bias=True, tebd_dim=3,
    ),
    "reference, not normalised": attention(
        dialect="reference", normalize=False, temperature=0.4, attn_layer=1, attn_dotr=False, trainable_ln=False
    ),
    "hybrid": hybrid(attention(type="se_atten_v2"), attention(type="se_atten_v2", dialect="reference", rcut=3.0)),
}  # fmt: skip


@pytest.fixture(scope="module", params=OPTIONS)
def model(request, kit, tmp_path_factory):
    """A model file of this program, and the section of its descriptor."""
    folder = tmp_path_factory.mktemp("options")
    return OPTIONS[request.param], trained(our_dp, with_descriptor(OPTIONS[request.param]), folder)


def test_same_results_in_python(kit, model, tmp_path):
    compare(kit, model[1], TOLERANCE, tmp_path)


def test_the_dialect_is_a_constant_and_no_key(model):
    section, path = model
    frozen = FrozenModel(path)
    assert NODE not in frozen.text("train_attr/training_script")
    parts, found = section.get("list", [section]), frozen.training_script["model"]["descriptor"]
    found = found.get("list", [found])
    assert [part.get(NODE, "tensorflow") for part in parts] == [part.get(NODE, "tensorflow") for part in found]


def test_deepmd_kit_takes_the_script_for_an_input(kit, model, tmp_path):
    """Its checker knows every key."""
    script = json.loads(FrozenModel(model[1]).text("train_attr/training_script"))
    (tmp_path / "input.json").write_text(json.dumps(script))
    code = "import json, sys; from deepmd.utils.argcheck import normalize; normalize(json.load(open(sys.argv[1])))"
    kit.python("-c", code, "input.json", cwd=tmp_path)


@pytest.mark.parametrize("model", ["reference, strip"], indirect=True)
def test_same_run_in_lammps(kit, model, tmp_path):
    coords, cell, types = structure(1)
    velocities = np.random.default_rng(8).normal(scale=5.0, size=coords[0].shape)
    thermo, forces = lammps_run(kit, model[1], coords[0], velocities, cell, types, tmp_path)
    expected, our_forces = our_run(DeepPot(model[1]), coords[0], velocities, cell, types)
    np.testing.assert_allclose(forces, our_forces, rtol=0, atol=1e-10 * np.abs(our_forces).max())
    np.testing.assert_allclose(thermo, expected, rtol=1e-8)
