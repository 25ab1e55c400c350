"""dp test: errors known in closed form, because the labels are predictions with a known change."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.infer import DeepPot
from tests.infer.conftest import frames, section, write_model
from tests.support.training import small_input

NFRAMES, NATOMS = 5, 8


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "model.pb", section())


def write_system(folder, model, seed, *, energy=None, force=None, virial=None, atom_ener=None, pbc=True):
    """A system whose labels are the model's predictions plus the given differences; no difference, no label."""
    coords, cell, types = frames(NFRAMES, seed)
    cells = np.tile(cell.reshape(1, 9), (NFRAMES, 1)) if pbc else None
    found = DeepPot(model.path).eval(coords, cells, types, atomic=True)
    arrays = {"coord": coords.reshape(NFRAMES, -1), "box": cells}
    for name, value, change in zip(
        ("energy", "force", "virial", "atom_ener"), found, (energy, force, virial, atom_ener)
    ):
        if change is not None:
            arrays[name] = value.reshape(NFRAMES, -1) + change
    (folder / "set.000").mkdir(parents=True)
    np.savetxt(folder / "type.raw", types, fmt="%d")
    (folder / "type_map.raw").write_text("O\nH\n")
    if not pbc:
        (folder / "nopbc").touch()
    for name, values in arrays.items():
        if values is not None:
            np.save(folder / "set.000" / f"{name}.npy", values)
    return types


def errors(printed: str) -> list[dict[str, float]]:
    """The reports that were printed, as numbers."""
    reports = []
    for line in printed.splitlines():
        if "number of" in line:
            reports.append({"count": float(line.split(":")[-1])})
        elif ("MAE" in line or "RMSE" in line) and reports:
            name, _, value = line.rpartition(" : ") if " : " in line else line.rpartition(": ")
            words = name.split()
            start = next(i for i, word in enumerate(words) if word in ("Energy", "Force", "Virial", "Stress", "Atomic"))
            reports[-1][" ".join(words[start:])] = float(value.split()[0])
    # "number of test data" begins a system's report, "number of systems" the one over all.
    return reports


def run(capfd, *arguments) -> list[dict[str, float]]:
    assert main(["test", *map(str, arguments)]) == 0
    out, err = capfd.readouterr()
    return errors(out + err)


def test_errors_of_one_system(model, tmp_path, capfd):
    energy = np.array([[1.0], [-1.0], [2.0], [0.0], [-4.0]])
    force = np.tile([0.3, 0.0, -0.4], (NFRAMES, NATOMS))
    virial = np.tile([1.0, 0, 0, 0, -2.0, 0, 0, 0, 0], (NFRAMES, 1))
    write_system(tmp_path / "a", model, 4, energy=energy, force=force, virial=virial)
    first, total = run(capfd, "-m", model.path, "-s", tmp_path / "a")
    volume = np.linalg.det(frames()[1])
    expected = {
        "Energy MAE": 8 / 5, "Energy RMSE": np.sqrt(22 / 5),
        "Energy MAE/Natoms": 1 / 5, "Energy RMSE/Natoms": np.sqrt(22 / 5) / 8,
        "Force MAE": 0.7 / 3, "Force RMSE": np.sqrt(0.25 / 3),
        "Virial MAE": 3 / 9, "Virial RMSE": np.sqrt(5 / 9),
        "Virial MAE/Natoms": 3 / 72, "Virial RMSE/Natoms": np.sqrt(5 / 9) / 8,
        "Stress MAE": 3 / 9 / volume, "Stress RMSE": np.sqrt(5 / 9) / volume,
    }  # fmt: skip
    for report, count in ((first, 5), (total, 1)):
        assert report.pop("count") == count
        assert report == {name: pytest.approx(value, rel=2e-6) for name, value in expected.items()}


def test_systems_are_weighted_by_what_they_hold(model, tmp_path, capfd):
    write_system(tmp_path / "all" / "a", model, 4, energy=3.0, force=0.1)
    write_system(tmp_path / "all" / "b", model, 5, energy=1.0, pbc=False)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/all/a\n\n{tmp_path}/all/b\n")
    _, second, total = run(capfd, "-m", model.path, "-f", tmp_path / "list.txt")
    assert set(second) == {"count", "Energy MAE", "Energy RMSE", "Energy MAE/Natoms", "Energy RMSE/Natoms"}
    assert total["count"] == 2
    assert total["Energy MAE"] == pytest.approx(2.0, rel=2e-6)
    assert total["Energy RMSE"] == pytest.approx(np.sqrt(5.0), rel=2e-6)
    assert total["Force RMSE"] == pytest.approx(0.1, rel=2e-6)


def test_atomic_energies(model, tmp_path, capfd):
    write_system(tmp_path / "a", model, 4, energy=0.0, atom_ener=0.25)
    report, _ = run(capfd, "-m", model.path, "-s", tmp_path, "-a")
    assert report["Atomic ener MAE"] == pytest.approx(0.25, rel=2e-6)


def test_number_and_choice_of_frames(model, tmp_path, capfd):
    energy = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    write_system(tmp_path / "a", model, 4, energy=energy)
    report, _ = run(capfd, "-m", model.path, "-s", tmp_path, "-n", 2)
    assert report["count"] == 2
    assert report["Energy MAE"] == pytest.approx(1.5, rel=2e-6)
    drawn = [
        run(capfd, "-m", model.path, "-s", tmp_path, "-n", 2, "--shuffle-test", "-r", seed)[0] for seed in (1, 1, 2, 3)
    ]
    sums = [round(2 * report["Energy MAE"], 3) for report in drawn]
    assert sums[0] == sums[1]
    assert len(set(sums)) > 1
    assert all(value in {a + b for a in energy[:, 0] for b in energy[:, 0] if a != b} for value in sums)


def test_data_named_in_an_input_file(model, tmp_path, capfd):
    write_system(tmp_path / "a", model, 4, energy=1.0)
    write_system(tmp_path / "b", model, 5, energy=2.0)
    content = small_input(tmp_path)
    for kind, name in (("training", "a"), ("validation", "b")):
        content["training"][f"{kind}_data"] = {"systems": str(tmp_path / name)}
    (tmp_path / "input.json").write_text(json.dumps(content))
    for option, expected in (("--train-data", 1.0), ("--valid-data", 2.0)):
        report, _ = run(capfd, "-m", model.path, option, tmp_path / "input.json")
        assert report["Energy MAE"] == pytest.approx(expected, rel=2e-6)


def test_detail_files(model, tmp_path, capfd):
    (tmp_path / "kept.e").write_text("mine")
    types = write_system(tmp_path / "data" / "a", model, 4, energy=1.0, force=0.5, virial=0.1)
    write_system(tmp_path / "data" / "b", model, 5, energy=2.0)
    run(capfd, "-m", model.path, "-s", tmp_path / "data", "-n", 2, "-d", tmp_path / "kept")
    names = sorted(path.name for path in tmp_path.glob("kept.*"))
    kinds = ["e.out", "e_peratom.out", "f.out", "s.out", "v.out", "v_peratom.out"]
    assert names == sorted(["kept.e", *(f"kept.{kind}" for kind in kinds)])
    assert (tmp_path / "kept.e").read_text() == "mine"
    assert (tmp_path / "kept.e.out").read_text().startswith(f"# {tmp_path}/data/a: data_e pred_e\n")
    table = {kind: np.loadtxt(tmp_path / f"kept.{kind}") for kind in kinds}
    assert {kind: rows.shape for kind, rows in table.items()} == {
        "e.out": (4, 2), "e_peratom.out": (4, 2), "f.out": (32, 6), "s.out": (2, 18),
        "v.out": (4, 18), "v_peratom.out": (4, 18),
    }  # fmt: skip
    np.testing.assert_allclose(table["e.out"] @ [1, -1], [1, 1, 2, 2], atol=1e-9)
    np.testing.assert_allclose(table["e_peratom.out"] @ [8, -8], [1, 1, 2, 2], atol=1e-9)
    assert np.isnan(table["v.out"][2:, :9]).all() and np.isfinite(table["v.out"][2:, 9:]).all()
    volume = np.linalg.det(frames()[1])
    np.testing.assert_allclose(table["s.out"], -table["v.out"][:2] / volume, rtol=1e-12)
    # Atoms stand in the order of the files, not sorted by type as in memory.
    coords, cell, _ = frames(NFRAMES, 4)
    assert (np.diff(types) < 0).any()
    force = DeepPot(model.path).eval(coords[:1], cell[None], types)[1][0]
    np.testing.assert_allclose(table["f.out"][:8, 3:], force, atol=1e-12)
    np.testing.assert_allclose(table["f.out"][:8, :3], force + 0.5, atol=1e-12)


def test_parameters_are_read_from_the_data(tmp_path, capfd):
    model = write_model(tmp_path / "model.pb", section(fitting={"numb_fparam": 1, "numb_aparam": 1}))
    coords, cell, types = frames(NFRAMES)
    fparam, aparam = (
        np.random.default_rng(1).normal(size=(NFRAMES, 1)),
        np.random.default_rng(2).normal(size=(NFRAMES, 8)),
    )
    energy = DeepPot(model.path).eval(coords, np.tile(cell, (NFRAMES, 1, 1)), types, fparam=fparam, aparam=aparam)[0]
    folder = tmp_path / "data" / "set.000"
    folder.mkdir(parents=True)
    np.savetxt(tmp_path / "data" / "type.raw", types, fmt="%d")
    arrays = {"coord": coords.reshape(NFRAMES, -1), "box": np.tile(cell.reshape(9), (NFRAMES, 1)), "energy": energy}
    for name, values in {**arrays, "fparam": fparam}.items():
        np.save(folder / f"{name}.npy", values)
    assert main(["test", "-m", str(model.path), "-s", str(tmp_path / "data")]) == 2
    assert "aparam" in capfd.readouterr().err
    np.save(folder / "aparam.npy", aparam)
    report, _ = run(capfd, "-m", model.path, "-s", tmp_path / "data")
    assert report["Energy MAE"] < 1e-10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--head", "water"], ["--head", "multi-task"]),
        (["-S", "group"], ["--set-prefix group", "set.*"]),
        (["-n", "-3"], ["--numb-test", "-3"]),
        (["-r", "-1"], ["--rand-seed", "-1"]),
        (["-m", "nothing"], ["nothing.pb", "does not exist"]),
        (["-s", "nowhere"], ["nowhere"]),
        (["-f", "nowhere.txt"], ["--datafile nowhere.txt"]),
        (["--train-data", "empty.json"], ["empty.json: model: missing key"]),
        (["-d", "no/such/folder/x"], ["x.e.out", "cannot be written"]),
    ],
)
def test_refused(model, tmp_path, capfd, monkeypatch, arguments, words):
    write_system(tmp_path / "data", model, 4, energy=1.0)
    (tmp_path / "empty.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    if "-m" not in arguments:
        arguments = ["-m", str(model.path), *arguments]
    assert main(["test", *arguments]) in (2, 4)
    err = capfd.readouterr().err
    for word in ["dp test: error:", *words]:
        assert word in err


def test_as_stored_gives_the_same_errors(tmp_path, model, capfd):
    write_system(tmp_path / "data", model, 3, energy=0.1, force=0.2, virial=0.3)
    found = [run(capfd, "-m", model.path, "-s", tmp_path / "data", *options) for options in ([], ["--as-stored"])]
    assert found[0] == found[1] and found[0]
