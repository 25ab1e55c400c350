"""Compressed models are checked as they are written, against the model they were made from."""

from __future__ import annotations

import os

import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.compress import build
from deepmd_tf.compress.source import open_original
from deepmd_tf.compress.table import Spacing
from deepmd_tf.errors import SelfcheckError
from deepmd_tf.export.script import SELFCHECK
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.selfcheck.report import Report
from deepmd_tf.selfcheck.run import check_file, write_checked
from deepmd_tf.tf1 import tf
from tests.support.training import small_input, write_input

SETTINGS = {"sel": [30, 20], "rcut": 4.0, "rcut_smth": 1.0, "neuron": [4, 8], "seed": 1}
DESCRIPTORS = {
    "se_e2_a": {"type": "se_e2_a", "axis_neuron": 3, **SETTINGS},
    "hybrid": {"type": "hybrid", "list": [{"type": "se_e2_r", **SETTINGS}, {"type": "se_e3", **SETTINGS}]},
}


@pytest.fixture(params=DESCRIPTORS)
def folder(request, tmp_path, monkeypatch):
    """A folder with data and the frozen model ``model.pb``, as the current one."""
    monkeypatch.chdir(tmp_path)
    data = small_input(tmp_path, steps=1)
    data["model"]["descriptor"] = DESCRIPTORS[request.param]
    write_input(tmp_path, data)
    assert main(["train", "input.json"]) == 0
    assert main(["freeze", "-o", "model.pb"]) == 0
    return tmp_path


def test_figures_of_a_compressed_model(folder, capfd):
    assert main(["compress", "-i", "model.pb", "-o", "small.pb"]) == 0
    report = Report.from_json(FrozenModel("small.pb").text(SELFCHECK))
    assert report.checks[0].against == "original model model.pb"
    assert not report.failures
    # Tables are not their networks, but near.
    assert all(1e-16 < report.checks[k].errors["force"].largest < 1e-7 for k in (0, 1))
    # Against itself, the equations look up the same tables.
    alone = check_file("small.pb")
    assert not alone.failures and alone.checks[0].note.startswith("not measured")
    assert alone.checks[1].errors["force"].largest < 1e-12
    assert alone.checks[1].errors["force"].tolerance < 1e-9
    assert main(["show", "small.pb", "selfcheck"]) == 0
    text = "".join(capfd.readouterr())
    assert all(line in text for line in report.lines())


def test_a_damaged_table_is_found(folder):
    original = open_original("model.pb")
    graph_def = build.compress(original, Spacing(0.01, 5, -1))
    table = next(node for node in graph_def.node if node.name.endswith("/table"))
    values = tf.make_ndarray(table.attr["value"].tensor)
    table.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values * 1.1))
    with pytest.raises(SelfcheckError, match=r"differs from original model model\.pb"):
        write_checked("small.pb", graph_def, "model.pb")
    assert not os.path.exists("small.pb") and os.path.exists("small.pb.rejected")


def test_unchecked(folder, capfd):
    assert main(["compress", "-i", "model.pb", "-o", "small.pb", "--no-selfcheck"]) == 0
    assert "small.pb is not checked: --no-selfcheck" in "".join(capfd.readouterr())
    assert SELFCHECK not in FrozenModel("small.pb").nodes


def test_a_training_that_began_from_a_compressed_model(folder):
    assert main(["compress", "-i", "model.pb", "-o", "small.pb"]) == 0
    assert main(["train", "input.json", "--init-frz-model", "small.pb"]) == 0
    assert main(["freeze", "-o", "next.pb"]) == 0
    model = FrozenModel("next.pb")
    report = Report.from_json(model.text(SELFCHECK))
    assert model.compressed and not report.failures
    assert len(report.checks[1].errors) == 3 and report.checks[0].errors["force"].tolerance < 1e-9
