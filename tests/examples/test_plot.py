"""Numbers behind the pictures, by hand."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def plot(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("plot")


def test_lcurve_of_a_restarted_run(plot, tmp_path):
    header = "#  step      rmse_val    rmse_trn    rmse_f_val  rmse_f_trn   lr\n# a remark\n"
    rows = ["0 4 3 2 1 1e-3\n", "100 4e-1 3e-1 nan 1e-1 5e-4\n"]
    path = tmp_path / "lcurve.out"
    path.write_text(header + rows[0] + header + rows[1])
    columns = plot.read_lcurve(path)
    assert list(columns) == ["step", "rmse_val", "rmse_trn", "rmse_f_val", "rmse_f_trn", "lr"]
    assert columns["step"].tolist() == [0, 100]
    assert columns["rmse_f_trn"].tolist() == [1, 0.1]
    assert np.isnan(columns["rmse_f_val"][1])


def test_errors_of_known_labels_only(plot, tmp_path):
    (tmp_path / "d.f.out").write_text("# a: data_fx data_fy data_fz pred_fx pred_fy pred_fz\n1 2 nan 4 6 7\n")
    force = next(quantity for quantity in plot.QUANTITIES if quantity.suffix == "f")
    pair = plot.read_detail(str(tmp_path / "d"), force)
    assert plot.rmse(pair) == pytest.approx(np.sqrt((3**2 + 4**2) / 2))
    assert plot.mae(pair) == pytest.approx(3.5)


def test_no_label_no_panel(plot, tmp_path):
    (tmp_path / "d.v_peratom.out").write_text("# a\nnan nan 1 2\n")
    virial = next(quantity for quantity in plot.QUANTITIES if quantity.suffix == "v_peratom")
    energy = next(quantity for quantity in plot.QUANTITIES if quantity.suffix == "e_peratom")
    assert plot.read_detail(str(tmp_path / "d"), virial) is None
    assert plot.read_detail(str(tmp_path / "d"), energy) is None
