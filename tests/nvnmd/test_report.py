"""``dp nvnmd-report``: its numbers against NumPy, what it says and draws, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re
from pathlib import Path

import numpy as np
import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.data.find import find_systems
from deepmd_tf.infer import DeepPot, accuracy
from nvnmd.device_file.encode import encode
from nvnmd.device_file.overflow import Overflow
from nvnmd.device_file.write import write_model
from nvnmd.report import pictures
from nvnmd.report.collect import Evaluation, Values, evaluate
from nvnmd.report.curves import learning_curves
from nvnmd.report.models import CNN, DEVICE, QNN, Model, open_models
from nvnmd.report.page import Report, blocks
from nvnmd.simulate.device import Device
from nvnmd.simulate.registers import INDEX, REGISTERS, Record
from tests.nvnmd.conftest import announce
from tests.nvnmd.device_models import trained as random_weights
from tests.nvnmd.simulated import smooth_model
from tests.nvnmd.test_train import content
from tests.nvnmd.trained import settings
from tests.support.systems import random_frames, write_system
from tests.support.training import write_input

TYPES = [0, 1, 0, 0, 1, 1, 0, 1] * 2
SWAPPED = [1 - one for one in TYPES]
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder after both steps of a short training; "test" holds other frames, whose types are numbered backwards."""
    folder = tmp_path_factory.mktemp("home")
    write_system(folder / "training", types=TYPES, nframes=4)
    write_system(folder / "test/a", types=SWAPPED, type_map=("H", "O"), nframes=[2, 1], seed=5)
    write_system(folder / "test/b", types=TYPES[:9], nframes=2, seed=8, triclinic=True)
    with pytest.MonkeyPatch.context() as patch:
        announce(patch)
        patch.chdir(folder)
        for step, count in (("s1", 2), ("s2", 0)):
            path = write_input(folder, content(steps=count), f"{step}.json")
            assert main(["train-nvnmd", path.name, "-s", step]) == 0
    return folder


@pytest.fixture
def there(home, monkeypatch, tmp_path):
    """Work in that folder; return another one to write to."""
    monkeypatch.chdir(home)
    return tmp_path


@pytest.fixture(scope="module")
def evaluated(home):
    """Models and what they give for "test", frame by frame."""
    with pytest.MonkeyPatch.context() as patch:
        announce(patch)
        patch.chdir(home)
        patch.setattr(accuracy, "_FRAMES_AT_ONCE", 1)
        models = opened()
        return models, evaluate(models, find_systems("test"))


def frames_of_test() -> list[dict]:
    """Frames of "test" as one reads them with NumPy alone, in the types of the models."""
    found = []
    for name, sets, types in (("a", ("000", "001"), TYPES), ("b", ("000",), TYPES[:9])):
        for one in sets:
            arrays = {
                k: np.load(f"test/{name}/set.{one}/{k}.npy") for k in ("coord", "box", "energy", "force", "virial")
            }
            found.append({**arrays, "types": np.array(types)})
    return found


def by_hand(evaluated) -> dict[str, np.ndarray]:
    """Energies per atom, forces and virials per atom of all frames; ``evaluated`` gives them for one set."""
    energy, force, virial = [], [], []
    for one in frames_of_test():
        n = len(one["types"])
        e, f, v = evaluated(one)
        energy.append(np.ravel(e) / n)
        force.append(np.reshape(f, (-1, 3)))
        virial.append(np.reshape(v, (-1, 9)) / n)
    return {name: np.concatenate(a) for name, a in (("energy", energy), ("force", force), ("virial", virial))}


def opened(**changes) -> list[Model]:
    paths = {
        CNN: Path("nvnmd_cnn/frozen_model.pb"),
        QNN: Path("nvnmd_qnn/frozen_model.pb"),
        DEVICE: Path("nvnmd_qnn/model.pb"),
    }
    return open_models({**paths, **changes}, find_systems("test"))


def rows_of(text: str) -> dict[str, list[str]]:
    """Cells of all tables of a Markdown text by what the first cell says."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: rest for first, *rest in cells}


def test_errors_and_changes_are_those_of_numpy(there, evaluated):
    _, found = evaluated
    labels = by_hand(lambda one: (one["energy"], one["force"], one["virial"]))
    networks = {CNN: DeepPot("nvnmd_cnn/frozen_model.pb"), QNN: DeepPot("nvnmd_qnn/frozen_model.pb")}
    expected = {
        kind: by_hand(lambda one, model=model: model.eval(one["coord"], one["box"], one["types"]))
        for kind, model in networks.items()
    }
    elements = np.concatenate(
        [np.tile(np.array(["O", "H"])[one["types"]], len(one["energy"])) for one in frames_of_test()]
    )
    assert found.natoms.tolist() == [16, 16, 16, 9, 9] and found.elements.tolist() == elements.tolist()
    for kind, values in expected.items():
        errors = found.errors(kind)
        assert list(errors) == ["energy", "force", "force, H", "force, O", "virial"]
        for name, where in (
            ("energy", ...),
            ("force", ...),
            ("virial", ...),
            ("force, H", elements == "H"),
            ("force, O", elements == "O"),
        ):
            off = 1000 * (values[name.split(",")[0]] - labels[name.split(",")[0]])[where]
            assert errors[name].rmse == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-9), (kind, name)
            assert errors[name].mae == pytest.approx(np.mean(np.abs(off)), rel=1e-9), (kind, name)
    change, off = found.change(QNN, CNN), {name: 1000 * (expected[QNN][name] - expected[CNN][name]) for name in labels}
    for name in ("energy", "force"):
        assert (
            change[f"RMS {name}"] == pytest.approx(np.sqrt(np.mean(off[name] ** 2)), rel=1e-6)
            and change[f"RMS {name}"] > 0
        )
        assert change[f"largest {name}"] == pytest.approx(np.abs(off[name]).max(), rel=1e-6)


def test_the_device_is_simulated_and_its_registers_seen_over_all_frames(there, evaluated):
    models, found = evaluated
    device, records = Device("nvnmd_qnn/model.pb"), []

    def simulated(one):
        result = device.evaluate(one["coord"], one["box"], one["types"])
        records.append(result.record)
        return result.energy, result.force, result.virial

    expected = by_hand(simulated)
    assert np.array_equal(found.predicted[DEVICE].energy, expected["energy"])
    assert np.allclose(found.predicted[DEVICE].force, expected["force"], rtol=0, atol=1e-12)
    assert np.allclose(found.predicted[DEVICE].virial, expected["virial"], rtol=0, atol=1e-12)
    record = models[-1].potential.record
    # Forces and virials are sums in float64, in the order of the atoms, which is another one here.
    largest = np.max([one.largest for one in records], axis=0)
    assert np.allclose(record.largest, largest, rtol=1e-14, atol=0) and largest.any()
    assert np.array_equal(record.under, np.sum([one.under for one in records], axis=0))


def test_the_page_holds_what_was_computed(there, dp, evaluated):
    code, text = dp("nvnmd-report", "-s", "test", "-o", there / "report.md")
    assert code == 0, text
    page = (there / "report.md").read_text()
    assert "energies are equal to the bit in all 5 frames" in text and "**equal to the bit** in all 5 frames" in page
    rows, found = rows_of(page), evaluated[1]
    for row, quantity in (
        ("Energy, RMSE (meV/atom)", "energy"),
        ("Force, RMSE (meV/Å)", "force"),
        ("Force, H, RMSE (meV/Å)", "force, H"),
    ):
        assert [float(cell) for cell in rows[row]] == pytest.approx(
            [found.errors(kind)[quantity].rmse for kind in (CNN, QNN, DEVICE)], rel=6e-3
        )
    assert "Virial, MAE (meV/atom)" in rows
    assert [float(cell) for cell in rows["CNN to QNN"]] == pytest.approx(
        list(found.change(QNN, CNN).values()), rel=6e-3
    )
    assert rows["QNN to device"][:2] == ["0", "0"] and float(rows["QNN to device"][3]) < 1e-9
    assert "2 training steps" in rows["CNN"][1] and "weight format device" in rows["QNN"][1]
    data = Path("nvnmd_qnn/model.pb").read_bytes()
    for fact in (
        "version 0",
        "SUB_VERSION 1",
        "128 neighbours",
        f"{len(data):,} bytes",
        hashlib.sha256(data).hexdigest(),
    ):
        assert fact in rows["device"][1]
    assert "types as in the QNN: O H" in rows["device"][1]
    largest = float(rows["`energy`"][2])
    assert rows["`energy`"][1] == "32.23" and float(rows["`energy`"][3].removesuffix(" %")) == pytest.approx(
        largest / 256 * 100, rel=6e-3
    )
    assert "5 frames of 9 to 16 atoms" in page and "H 32, O 34" in page and "Left out" not in page
    shown = re.findall(r"!\[\w+\]\((.*)\)", page)
    assert shown == [
        f"report_{name}.png"
        for name in ("parity", "force_errors", "energy_errors", "force_changes", "registers", "learning_curves")
    ]
    assert all((there / name).read_bytes().startswith(PNG) for name in shown)
    assert len(list(there.iterdir())) == 1 + len(shown)


class Page(html.parser.HTMLParser):
    """Whether all elements are closed, and where pictures come from."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.sources, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_holds_its_pictures(there, dp):
    code, text = dp("nvnmd-report", "-s", "test", "-n", 1, "-o", there / "report.html")
    assert code == 0, text
    page = Page((there / "report.html").read_text())
    assert not page.open and len(page.sources) == 6
    for source in page.sources:
        assert base64.b64decode(source.removeprefix("data:image/png;base64,")).startswith(PNG)
    assert "2 frames of 9 to 16 atoms" in page.text and "**" not in page.text and "`" not in page.text
    assert [path.name for path in there.iterdir()] == ["report.html"]


def test_models_that_are_not_there_are_told(there, dp, monkeypatch, home):
    monkeypatch.chdir(there)
    (there / "nvnmd_qnn").mkdir()
    (there / "nvnmd_qnn/frozen_model.pb").symlink_to(home / "nvnmd_qnn/frozen_model.pb")
    code, text = dp(
        "nvnmd-report", "-s", home / "test", "-n", 1, "-o", "x.md", "--float", home / "nvnmd_cnn/frozen_model.pb"
    )
    page = (there / "x.md").read_text()
    assert code == 0, text
    assert "not there: `nvnmd_cnn/frozen_model.pb`, `nvnmd_qnn/model.pb`." in page
    assert "float to QNN" in page and "Registers" not in page and "learning_curves" not in page


def test_data_without_labels(there, dp, home, monkeypatch):
    monkeypatch.chdir(there)
    path = write_system("bare", types=TYPES, nframes=1, drop=("energy", "force", "virial"))
    code, text = dp("nvnmd-report", "-s", path, "--device", home / "nvnmd_qnn/model.pb", "-o", "x.md")
    page = (there / "x.md").read_text()
    assert code == 0 and "hold no energies, forces or virials" in page and "RMSE" not in page + text
    assert re.findall(r"!\[(\w+)", page) == ["registers"]
    report = stand_in([CNN, QNN])
    for array in vars(report.evaluation.labels).values():
        array[:] = np.nan
    names = [getattr(block, "name", "") for block in blocks(report)]
    assert "force_changes" in names and "parity" not in names


def test_without_matplotlib(there, dp, home, monkeypatch):
    monkeypatch.chdir(there)
    monkeypatch.setattr(pictures, "available", lambda: False)
    code, text = dp("nvnmd-report", "-s", home / "test/a", "--device", home / "nvnmd_qnn/model.pb", "-o", "x.md")
    assert code == 0 and "pip install matplotlib" in (there / "x.md").read_text(), text
    assert [path.name for path in there.iterdir()] == ["x.md"]


def test_where_the_types_of_a_device_come_from(there, dp, evaluated, monkeypatch):
    device = Path("nvnmd_qnn/model.pb").resolve()
    expected = evaluated[1].predicted[DEVICE].force[: 3 * len(TYPES)]
    monkeypatch.chdir(there)
    swapped = [str(Path("test/a"))]
    write_system("test/a", types=SWAPPED, type_map=("H", "O"), nframes=[2, 1], seed=5)
    named = open_models({DEVICE: device}, swapped, ["O", "H"])
    assert "types as in --type-map: O H" in named[0].facts
    assert np.array_equal(evaluate(named, swapped).predicted[DEVICE].force, expected)
    by_data = open_models({DEVICE: device}, swapped)
    assert "types in the order of the data: H O" in by_data[0].facts
    assert not np.allclose(evaluate(by_data, swapped).predicted[DEVICE].force, expected)
    write_system("test/b", types=TYPES, nframes=1)
    code, text = dp("nvnmd-report", "-s", "test", "--device", device)
    assert code == 2 and "test/b: expected the types of test/a, H O, found O H" in text and "--type-map" in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-o", "report.pdf"], "--output report.pdf: expected a name that ends with .html or .md"),
        (["-o", "none/report.md"], "--output none/report.md: there is no folder none"),
        (["-o", "a.html", "--float", "a.html"], "--output a.html: would overwrite a.html"),
        (["-n", "-1"], "--numb-frames: expected 0 or more, found -1"),
        (["-s", "none"], "none: there is no such file or folder"),
        (["--cnn", "none.pb"], "--cnn none.pb: there is no such file"),
        (["--device", "none.pb"], "--device none.pb: there is no such file"),
        (["--cnn", "nvnmd_qnn/frozen_model.pb"], "expected a network of step s1, found descriptor 'nvnmd_quantized"),
        (["--qnn", "nvnmd_cnn/frozen_model.pb"], "step s2, found descriptor 'nvnmd_se_a'. Give it as --cnn"),
        (["--device", "nvnmd_cnn/frozen_model.pb"], "--device nvnmd_cnn/frozen_model.pb: "),
        (["--float", "nvnmd_qnn/model.pb"], "expected a frozen TensorFlow graph"),
        (["--type-map", "H", "O"], "--type-map: expected O H, as in nvnmd_qnn/frozen_model.pb, found H O"),
    ],
)  # fmt: skip
def test_refusals(there, dp, home, arguments, text):
    (home / "a.html").write_text("")
    before = sorted(home.rglob("*"))
    code, found = dp("nvnmd-report", *([] if "-s" in arguments else ["-s", "test"]), *arguments)
    assert code == 2 and text in found
    assert "DEEPMD INFO" not in found and sorted(home.rglob("*")) == before


def test_no_model_at_all(tmp_path, dp, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = dp("nvnmd-report", "-s", "test")
    assert (
        code == 2
        and "no model: none of nvnmd_cnn/frozen_model.pb, nvnmd_qnn/frozen_model.pb, nvnmd_qnn/model.pb" in text
    )


def test_names_have_to_fit_the_device(there, dp, monkeypatch, home):
    monkeypatch.chdir(there)
    code, text = dp("nvnmd-report", "-s", home / "test", "--device", home / "nvnmd_qnn/model.pb", "--type-map", "O")
    assert code == 2 and "holds 2 types, found the names O (types as in --type-map)" in text
    code, text = dp("nvnmd-report", "-s", home / "test", "--cnn", home / "nvnmd_cnn/frozen_model.pb", "--type-map", "O")
    assert code == 2 and "--type-map: names the types of a model file of the device, found none" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# step rmse_e_trn rmse_f_trn lr\n1 0.2 0.3 1e-3\n# step\n2 0.1 0.2 1e-3\n", [1, 2]),
        ("# step rmse_e_trn\n1 0.1 0.2\n", None),
        ("# step rmse_e_trn\n1 0.1\n2", None),
        ("# step rmse_e_trn\n", None),
        ("\x00\x01", None),
    ],
)
def test_a_broken_learning_curve_is_left_out(tmp_path, caplog, text, expected):
    (tmp_path / "lcurve.out").write_text(text)
    models = [Model(kind, tmp_path / "model.pb", None, []) for kind in ("float", CNN, DEVICE)]
    found = learning_curves(models)
    if expected:
        assert list(found) == [CNN] and found[CNN]["step"].tolist() == expected
        assert found[CNN]["rmse_f_trn"].tolist() == [0.3, 0.2] and pictures.learning_curves(found).startswith(PNG)
    else:
        assert not found and "lcurve.out: left out" in caplog.text


def values(rng, nframes: int, natoms: int) -> Values:
    return Values(rng.normal(size=nframes), rng.normal(size=(nframes * natoms, 3)), rng.normal(size=(nframes, 9)))


def stand_in(kinds, nframes: int = 3, *, weight_format: str = "device") -> Report:
    """A report on random numbers of two atoms, by the kinds of models."""
    rng = np.random.default_rng(0)
    predicted = {kind: values(rng, nframes, 2) for kind in kinds}
    evaluation = Evaluation(np.full(nframes, 2), np.array(["Ge", "Te"] * nframes), values(rng, nframes, 2), predicted)
    models = [Model(kind, Path(kind), None, [], weight_format if kind == QNN else None) for kind in kinds]
    return Report(["data"], models, evaluation)


def text_of(report: Report) -> str:
    return "\n".join(getattr(block, "text", "") for block in blocks(report))


@pytest.mark.parametrize("weight_format", ["device", "legacy"])
def test_why_a_legacy_network_differs_from_the_chip(weight_format, monkeypatch):
    report = stand_in([QNN, DEVICE], weight_format=weight_format)
    monkeypatch.setattr(Report, "model", lambda self, kind: None if kind == DEVICE else self.models[0])
    text = text_of(report)
    assert "energies **differ** in 3 of 3 frames" in text
    assert ("legacy format" in text) == (weight_format == "legacy")


def test_numbers_that_do_not_fit_are_told(there, monkeypatch):
    """The last register that is looked at holds 10 where 8 fits, 3 times."""
    record = Record(REGISTERS)
    record.largest[INDEX["dx"]], record.over[INDEX["dx"]] = 10.0, 3
    record.largest[INDEX["x"]], record.largest[INDEX["u"]] = 1.0, 36.0
    report = stand_in([DEVICE])
    report.models[0] = Model(
        DEVICE, Path("model.pb"), type("", (), {"record": record, "changed_by_limits": 0.0484}), []
    )
    text = text_of(report)
    assert "**numbers that did not fit**: `dx` 3" in text and "would need 125 % of its range" in text
    assert "change forces by up to 48.4 meV/Å" in text
    table = {row[0]: row for block in blocks(report) for row in getattr(block, "rows", ())}
    assert table["`dx`"][2:6] == ("27.23", "10", "125 %", "**3**")
    assert table["`u`"][2:6] == ("float", "36", "2^5 of 2^127", "0") and "`D`" not in table


@pytest.mark.parametrize("kinds", [[CNN], [QNN, DEVICE], [CNN, QNN, DEVICE, "float"]])
@pytest.mark.parametrize("nframes", [1, 300])
def test_pictures_of_any_number_of_models_and_frames(kinds, nframes):
    evaluation = stand_in(kinds, nframes).evaluation
    drawn = [pictures.parity(evaluation), pictures.force_errors(evaluation), pictures.energy_errors(evaluation)]
    drawn += [pictures.force_changes(evaluation)] if len(kinds) > 1 else []
    assert all(one.startswith(PNG) and len(one) > 5000 for one in drawn)


def test_equal_models_and_exact_labels_are_drawn_as_well():
    evaluation = stand_in([CNN, QNN]).evaluation
    exact = Evaluation(
        evaluation.natoms, evaluation.elements, evaluation.labels, dict.fromkeys([CNN, QNN], evaluation.labels)
    )
    assert all(draw(exact).startswith(PNG) for draw in (pictures.parity, pictures.force_errors, pictures.energy_errors))
    page = blocks(Report(["data"], [], exact))
    assert "force_changes" not in [getattr(block, "name", "") for block in page]


def test_labels_of_some_frames_alone():
    """Errors count what is there; a report on frames without labels in between is drawn."""
    evaluation = stand_in([CNN]).evaluation
    off = evaluation.predicted[CNN].force - evaluation.labels.force
    evaluation.labels.force[2:] = np.nan
    evaluation.labels.energy[:] = np.nan
    errors = evaluation.errors(CNN)
    assert errors["force"].rmse == pytest.approx(1000 * np.sqrt(np.mean(off[:2] ** 2))) and "energy" not in errors
    assert pictures.parity(evaluation).startswith(PNG)


@pytest.mark.parametrize("version", [0, 1])
def test_a_device_alone_without_names_of_types(tmp_path, version):
    """Numbers of the data are those of the device."""
    write_model(tmp_path / "model.pb", smooth_model(version))
    arrays = random_frames(len(TYPES), 2, seed=4)
    path = write_system(tmp_path / "data", types=TYPES, nframes=2, type_map=None, arrays=arrays)
    models = open_models({DEVICE: tmp_path / "model.pb"}, [path])
    assert {"types by number, as in the data", f"version {version}"} <= set(models[0].facts)
    found = evaluate(models, [path])
    result = Device(tmp_path / "model.pb").evaluate(arrays["coord"], arrays["box"], np.array(TYPES))
    assert found.elements[:3].tolist() == ["type 0", "type 1", "type 0"]
    assert np.array_equal(found.predicted[DEVICE].energy, result.energy / len(TYPES))


def test_what_a_device_cannot_compute_is_told_with_its_file(tmp_path, dp, monkeypatch):
    """Random weights, with data far beyond the registers."""
    monkeypatch.chdir(tmp_path)
    path, config = write_system("data", nframes=2), settings(1)
    write_model("model.pb", encode(config, *random_weights(config), config.layout, Overflow("count")))
    code, text = dp("nvnmd-report", "-s", path, "--device", "model.pb")
    assert code == 2 and "model.pb: fitting net: expected data up to 1024" in text and not Path("report.html").exists()
