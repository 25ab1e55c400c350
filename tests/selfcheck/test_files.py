"""Files that are checked when they are written, and the command that checks any file: what passes and what does not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.errors import ModelFormatError, SelfcheckError
from deepmd_tf.export.freeze import freeze_checkpoint, write_graph
from deepmd_tf.export.script import SELFCHECK
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.selfcheck import numpy_net
from deepmd_tf.selfcheck.report import QUANTITIES, Report
from deepmd_tf.selfcheck.run import check_file, write_checked
from deepmd_tf.tf1 import tf
from deepmd_tf.train.run import train
from tests.support.systems import write_system
from tests.support.training import small_input, write_input

NUMPY, DIFFERENCES = "equations in NumPy", "finite differences"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, input and checkpoints."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DEEPMD_TF_CACHE", str(folder / "cache"))
        data = small_input(folder, steps=4)
        data["training"]["training_data"]["systems"] = ["missing", "training"]
        write_system(folder / "missing", nframes=[4, 3])
        train(write_input(folder, data))
        shutil.rmtree(folder / "missing")
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of it, as the current folder."""
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def graph_def(folder):
    """The graph as freezing makes it."""
    return freeze_checkpoint(folder)[1]


def node(graph_def, name: str):
    return next(one for one in graph_def.node if one.name == name)


def scale_weight(graph_def) -> None:
    """A weight that is not that of the checkpoint."""
    tensor = node(graph_def, "layer_0_type_1/matrix").attr["value"].tensor
    tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(tensor) * 1.001))


def turn_round(name: str):
    """Change the sign of an output."""

    def damage(graph_def) -> None:
        output = node(graph_def, name)
        turned = graph_def.node.add(name=f"{name}/turned", op="Neg", input=list(output.input))
        turned.attr["T"].CopyFrom(output.attr["T"])
        output.input[0] = turned.name

    return damage


def both(folder):
    """Set energy and force consistently, so that only their origin tells."""
    for name in ("o_energy", "o_force", "o_virial"):
        turn_round(name)(folder)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            scale_weight,
            {"checkpoint model.ckpt-4": {"energy", "force", "virial"}, NUMPY: {"energy", "force", "virial"}},
        ),
        (turn_round("o_force"), {"checkpoint model.ckpt-4": {"force"}, NUMPY: {"force"}, DIFFERENCES: {"force"}}),
        (turn_round("o_virial"), {"checkpoint model.ckpt-4": {"virial"}, NUMPY: {"virial"}, DIFFERENCES: {"virial"}}),
        (both, {"checkpoint model.ckpt-4": {"energy", "force", "virial"}, NUMPY: {"energy", "force", "virial"}}),
    ],
    ids=["weight", "force", "virial", "all signs"],
)
def test_a_damaged_file_is_not_put_in_place(folder, graph_def, damage, expected):
    (folder / "model.pb").write_bytes(b"what was there before")
    damage(graph_def)
    with pytest.raises(SelfcheckError) as caught:
        write_checked("model.pb", graph_def, folder)
    assert (folder / "model.pb").read_bytes() == b"what was there before"
    assert not (folder / "model.pb.unchecked").exists()
    report = check_file("model.pb.rejected", folder)
    failed = {c.against: {name for name, e in c.errors.items() if not e.passes} for c in report.checks}
    assert {against: names for against, names in failed.items() if names} == expected
    for failure in report.failures:
        assert failure in str(caught.value)
    assert "model.pb.rejected" in str(caught.value) and caught.value.exit_code == 1


def test_wrong_equations_are_found(folder, graph_def, monkeypatch):
    function, slope = numpy_net.ACTIVATIONS["tanh"]
    monkeypatch.setitem(numpy_net.ACTIVATIONS, "tanh", (lambda x: 1.0001 * function(x), slope))
    with pytest.raises(SelfcheckError, match=f"energy differs from {NUMPY}") as caught:
        write_checked("model.pb", graph_def, folder)
    assert "checkpoint" not in caught.value.message.partition(":")[2].replace(NUMPY, "")
    assert DIFFERENCES not in str(caught.value)


def test_freeze_writes_the_figures(folder, capfd):
    assert main(["freeze", "-o", "model.pb", "-s", "training", "-s", "validation", "--numb-test", "2"]) == 0
    out, err = capfd.readouterr()
    assert "self-check on 4 frames, 24 atoms, of training and 1 more; float64" in out + err
    model = FrozenModel("model.pb")
    report = Report.from_json(model.text(SELFCHECK))
    assert (report.systems, report.frames, report.atoms) == (["training", "validation"], 4, 24)
    assert [check.against for check in report.checks] == ["checkpoint model.ckpt-4", NUMPY, DIFFERENCES]
    assert [set(check.errors) for check in report.checks] == [set(QUANTITIES)] * 2 + [{"force", "virial"}]
    assert all(error.largest < 1e-6 for check in report.checks for error in check.errors.values())
    assert not list(folder.glob("model.pb.*"))
    assert main(["show", "model.pb", "selfcheck"]) == 0
    shown = "".join(capfd.readouterr())
    assert all(line in shown for line in report.lines())
    assert report.summary() in shown


def test_the_file_is_what_was_checked_and_a_record(folder, graph_def):
    size = write_checked("model.pb", graph_def, folder)
    write_graph("plain.pb", graph_def)
    content, plain = (folder / "model.pb").read_bytes(), (folder / "plain.pb").read_bytes()
    assert len(content) == size and content.startswith(plain)
    nodes = FrozenModel("model.pb").nodes
    assert set(nodes) - set(FrozenModel("plain.pb").nodes) == {SELFCHECK}
    write_checked("again.pb", graph_def, folder)
    assert (folder / "again.pb").read_bytes() == content
    coord = np.load("training/set.000/coord.npy")[:1]
    box, types = np.load("training/set.000/box.npy")[:1], np.loadtxt("training/type.raw", dtype=int)
    for a, b in zip(DeepPot("model.pb").eval(coord, box, types), DeepPot("plain.pb").eval(coord, box, types)):
        assert np.array_equal(a, b)


def test_frames_of_the_training_unless_others_are_named(folder, graph_def, capfd):
    write_checked("model.pb", graph_def, folder)
    assert Report.from_json(FrozenModel("model.pb").text(SELFCHECK)).systems == ["training"]
    shutil.rmtree("training")
    assert main(["freeze", "-o", "model.pb"]) == 0
    text = "".join(capfd.readouterr())
    assert "model.pb is not checked, nothing was measured: there are no frames (missing: there is no such file" in text
    assert SELFCHECK not in FrozenModel("model.pb").nodes
    assert main(["show", "model.pb", "selfcheck"]) == 2
    assert "selfcheck: the model holds no figures of a self-check" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("option", "reason"), [(["--no-selfcheck"], "--no-selfcheck"), (["-n", "o_energy"], "other nodes")]
)
def test_freezing_unchecked(folder, capfd, option, reason):
    assert main(["freeze", "-o", "model.pb", *option]) == 0
    text = "".join(capfd.readouterr())
    assert "model.pb is not checked" in text and reason in text and "self-check on" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["freeze", "-o", "model.pb", "-s", "nowhere"], "nowhere: there is no such file or folder"),
        (["freeze", "-o", "model.pb", "--numb-test", "-1"], "--numb-test: expected 0 or more frames, found -1"),
        (["selfcheck", "-m", "model.pb", "-s", "training"], "model file model.pb does not exist"),
        (["selfcheck", "-m", "good.pb", "-c", "other.ckpt"], "other.ckpt: there is no complete checkpoint here"),
        (["selfcheck", "-m", "good.pb", "-s", "water"], "water/type_map.raw"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(folder, graph_def, capfd, arguments, words):
    write_graph("good.pb", graph_def)
    write_system(folder / "water", type_map=("Si", "H"))
    assert main(arguments) == 2
    assert words in capfd.readouterr().err
    assert not list(folder.glob("model.pb*"))


def test_the_command(folder, graph_def, capfd):
    write_graph("model.pb", graph_def)
    before = (folder / "model.pb").read_bytes()
    assert main(["selfcheck", "-m", "model", "-n", "0", "-s", "training"]) == 0
    text = "".join(capfd.readouterr())
    assert "self-check on 7 frames" in text and "neither checkpoint nor original model is given" in text
    assert main(["selfcheck", "-m", "model.pb", "-c", "model.ckpt"]) == 0
    assert "checkpoint model.ckpt-4 " in "".join(capfd.readouterr())
    scale_weight(graph_def)
    write_graph("other.pb", graph_def)
    assert main(["selfcheck", "-m", "other.pb", "-s", "training"]) == 0
    assert main(["selfcheck", "-m", "other.pb", "-c", "model.pb", "-s", "training"]) == 1
    assert "other.pb: self-check failed: energy differs from original model model.pb by up to" in capfd.readouterr().err
    assert (folder / "model.pb").read_bytes() == before


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_networks_of_lower_precision(folder, precision):
    keys = {"precision": precision}
    data = small_input(folder, steps=1)
    data["model"]["descriptor"].update(keys)
    data["model"]["fitting_net"].update(keys)
    train(write_input(folder, data))
    report = check_file(_frozen(folder), folder)
    assert not report.failures and report.precision == precision
    assert report.checks[1].errors["force"].largest > 1e-10
    assert bool(report.checks[2].errors) == (precision == "float32")


def test_low_interface_precision(folder, monkeypatch):
    monkeypatch.setenv("DP_INTERFACE_PREC", "low")
    train(write_input(folder, small_input(folder, steps=1)))
    report = check_file(_frozen(folder), folder)
    assert not report.failures and report.precision == "float32" and len(report.checks[2].errors) == 2


def test_corners_of_the_activation_function(folder):
    data = small_input(folder, steps=1)
    data["model"]["descriptor"]["activation_function"] = "relu"
    train(write_input(folder, data))
    assert not check_file(_frozen(folder), folder).failures


def test_too_few_slots_are_told_and_not_judged(folder):
    data = small_input(folder, steps=1)
    data["model"]["descriptor"]["sel"] = [2, 1]
    train(write_input(folder, data))
    report = check_file(_frozen(folder), folder)
    assert not report.failures
    assert "atoms have more neighbours than slots" in report.checks[2].note
    assert all(error.tolerance is None for error in report.checks[2].errors.values())


def test_equals_for_one_slot_are_told_and_not_judged(folder):
    """In a perfect lattice, which of the equally near neighbours loses its slot is up to the search."""
    places = np.stack(np.meshgrid(*[np.arange(3.0)] * 3), axis=-1).reshape(1, -1)
    box = 2.5 * 3 * np.eye(3).reshape(1, 9)
    write_system(folder / "lattice", [0] * 27, nframes=1, arrays={"coord": 2.5 * places, "box": box})
    data = small_input(folder, steps=1)
    data["model"]["descriptor"]["sel"] = [4, 4]
    train(write_input(folder, data))
    report = check_file(_frozen(folder), folder, systems=["lattice"])
    assert not report.failures
    assert "neighbours without a slot (sel) are as near as others" in report.checks[1].note
    assert all(error.tolerance is None for error in report.checks[1].errors.values())
    assert all(error.tolerance is not None for error in report.checks[0].errors.values())


def test_records_that_are_none():
    for text in ("", "{}", "[]", json.dumps({"checks": [], "what": 1})):
        with pytest.raises(ModelFormatError, match="figures of the self-check in the model cannot be read"):
            Report.from_json(text)


def _frozen(folder) -> str:
    write_graph("small.pb", freeze_checkpoint(folder)[1])
    return "small.pb"
