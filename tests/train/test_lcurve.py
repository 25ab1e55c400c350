"""The learning-curve file, column by column."""

from __future__ import annotations

import math

from deepmd_tf.train.lcurve import LearningCurve


def test_rows_with_validation(tmp_path):
    path = tmp_path / "lcurve.out"
    curve = LearningCurve(path, ["rmse", "rmse_e"], validation=True)
    curve.row(0, {"rmse": 29.3, "rmse_e": 0.5}, {"rmse": 1.25, "rmse_e": math.nan}, 1e-3)
    assert path.read_text().splitlines() == [
        "# step       rmse_val    rmse_trn    rmse_e_val  rmse_e_trn   lr      ",
        "# If there is no available reference data, rmse_*_{val,trn} will print nan",
        "      0      1.25e+00    2.93e+01           nan    5.00e-01    1.0e-03",
    ]


def test_rows_without_validation(tmp_path):
    path = tmp_path / "lcurve.out"
    LearningCurve(path, ["rmse"], validation=False).row(100, {"rmse": 0.5}, None, 1e-8)
    assert path.read_text().splitlines()[0] == "# step       rmse_trn   lr      "
    assert path.read_text().splitlines()[2] == "    100      5.00e-01    1.0e-08"


def test_a_resumed_run_takes_out_what_will_come_again(tmp_path):
    path = tmp_path / "lcurve.out"
    curve = LearningCurve(path, ["rmse"], validation=False)
    for step in (0, 10, 20, 30):
        curve.row(step, {"rmse": step}, None, 1e-3)
    before = path.read_text()
    with open(path, "a") as file:
        file.write("     40      1.")  # cut off by a kill
    curve = LearningCurve(path, ["rmse"], validation=False, resume_at=20)
    for step in (20, 30):
        curve.row(step, {"rmse": step}, None, 1e-3)
    assert path.read_text() == before
