"""dp compress as users run it: what is written, what is said, and that nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import re
import shutil

import numpy as np
import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.export.script import MIN_NBOR_DIST, OBSERVED_TYPE
from deepmd_tf.infer import DeepPot
from deepmd_tf.infer.contents import read_contents
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.fused import FusedSession
from deepmd_tf.infer.stored import look_ups
from deepmd_tf.nn.table import tables_by_name
from deepmd_tf.tf1 import tf
from tests.compress.bad_inputs import text as replace_text
from tests.descriptor import test_hybrid, test_se_atten, test_se_e2_r, test_se_e3
from tests.export.test_freeze import PORTABLE_OPS
from tests.infer.conftest import write_model
from tests.support.systems import write_system

ATTENTION = {
    "concat": ({}, {"SeR"}),
    "no layer": ({"attn_layer": 0, "set_davg_zero": False}, {"SeR"}),
    "strip": ({"tebd_input_mode": "strip"}, {"SeR"}),
    "strip, no layer": ({"tebd_input_mode": "strip", "attn_layer": 0, "exclude_types": [[0, 1]]}, {"SeAtten"}),
}
FORMS = {test_se_e2_r: ["SeR"], test_se_e3: ["SeT"], test_hybrid: ["SeA", "SeR", "SeT"]}
TABLE_OPS = {"TabulateFusionSeA", "TabulateFusionSeAGrad"}


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of the folder with data, input and model, as the current one."""
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


def said(capfd, *arguments) -> str:
    assert main(["compress", *map(str, arguments)]) == 0
    out, err = capfd.readouterr()
    return out + err


def force_error(text: str) -> float:
    return float(re.search(r" force +max (\S+),", text)[1])


def state(folder) -> dict:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_one_file_written_is_the_output(folder, capfd):
    shutil.move("model.pb", "frozen_model.pb")
    before = state(folder)
    text = said(capfd, "-c", "model-compression")
    after = state(folder)
    assert after.pop("frozen_model_compressed.pb") and after == before
    assert "--checkpoint-folder model-compression: not written" in text
    size = os.path.getsize("frozen_model_compressed.pb")
    assert f"frozen_model_compressed.pb: compressed from frozen_model.pb, {size / 1e6:.1f} MB" in text


def test_what_is_in_the_file(folder, capfd):
    said(capfd, "-i", "model.pb", "-o", "small.pb", "-s", "0.02", "-e", "4", "-f", "7")
    before, after = FrozenModel("model.pb"), FrozenModel("small.pb")
    assert after.compressed and not before.compressed
    assert not [name for name in after.nodes if re.match(r"filter_type_.*/(matrix|bias|idt)_", name)]
    assert {node.op for node in after.graph_def.node} - set(dir(tf.raw_ops)) == TABLE_OPS | (
        PORTABLE_OPS & {node.op for node in before.graph_def.node}
    )
    same = ["descrpt_attr/t_avg", "fitting_attr/t_bias_atom_e", "layer_0_type_1/matrix", OBSERVED_TYPE, MIN_NBOR_DIST]
    assert all(np.array_equal(after.constant(name), before.constant(name)) for name in same)
    script = after.training_script
    compress = script["model"].pop("compress")
    assert script == before.training_script
    assert compress == {
        "model_file": "model.pb",
        "min_nbor_dist": float(before.constant(MIN_NBOR_DIST)),
        "table_config": [4, 0.02, 0.2, 7],
        "type": "se_e2_a",
    }


def test_errors_are_those_of_the_models(folder, capfd):
    text = said(capfd, "-i", "model.pb", "-o", "small.pb", "-s", "0.2", "--system", "validation", "-n", "2")
    assert "2 frames of 1 systems" in text
    coord, box = (np.load(f"validation/set.000/{name}.npy")[:2] for name in ("coord", "box"))
    types = np.loadtxt("validation/type.raw", dtype=int)
    (e, f, v), (e2, f2, v2) = (DeepPot(name).eval(coord, box, types) for name in ("model.pb", "small.pb"))
    figures = {
        name: (float(largest), float(rms))
        for name, largest, rms in re.findall(r"    (\S.*?) +max (\S+), RMS (\S+) eV", text)
    }
    expected = {"energy per atom": (e2 - e) / len(types), "force": f2 - f, "virial per atom": (v2 - v) / len(types)}
    assert figures.keys() == expected.keys()
    for name, difference in expected.items():
        assert figures[name] == pytest.approx((np.abs(difference).max(), np.sqrt((difference**2).mean())), rel=1e-3)
    assert figures["force"][0] > 1e-9


def test_default_errors_are_small(folder, capfd):
    assert force_error(said(capfd, "-i", "model.pb", "-o", "small.pb")) < 1e-9


def test_dry_run_writes_nothing(folder, capfd):
    before = state(folder)
    text = said(capfd, "-i", "model.pb", "--dry-run")
    assert "model.pb can be compressed; nothing is written" in text
    assert "4 tables" in text and "filter_type_1/_0" in text
    assert state(folder) == before


def test_widest_step_within_a_tolerance(folder, capfd):
    text = said(capfd, "-i", "model.pb", "-o", "small.pb", "--tol", "1e-6", "--system", "validation")
    tried = re.findall(r"step (\S+): largest difference of a force component (\S+) eV", text)
    assert len(tried) > 1
    assert all(float(error) > 1e-6 for _, error in tried[:-1]) and float(tried[-1][1]) <= 1e-6
    assert force_error(text) == float(tried[-1][1])
    assert FrozenModel("small.pb").training_script["model"]["compress"]["table_config"][1] == float(tried[-1][0])


def test_a_tolerance_that_no_step_reaches(folder, capfd):
    assert main(["compress", "-i", "model.pb", "-o", "small.pb", "--tol", "1e-20"]) == 2
    assert "--tol 1e-20: no step reaches it, the smallest difference is" in capfd.readouterr().err
    assert not os.path.exists("small.pb")


def test_look_ups_outside_the_table_are_told(folder, capfd):
    inside = said(capfd, "-i", "model.pb", "-o", "small.pb")
    assert re.search(r"all \d+ look-ups lie in the range", inside)
    outside = said(capfd, "-i", "model.pb", "-o", "small.pb", "--system", "close")
    found = re.search(
        r"filter_type_(\d)/_(\d), (.)-(.): (\d+) of \d+ look-ups outside the range of the training data, "
        r"(\d+) beyond the table; smallest distance (\S+) Å",
        outside,
    )
    assert found and found[7] == "0.1000"
    assert int(found[5]) >= 1 and int(found[6]) <= int(found[5])


def test_without_frames_it_says_so(folder, capfd):
    shutil.rmtree("training")
    text = said(capfd, "-i", "model.pb", "-o", "small.pb")
    assert "errors are not measured, there are no frames" in text
    assert os.path.exists("small.pb")


def test_what_the_model_lacks_comes_from_the_input(folder, capfd):
    model = FrozenModel("model.pb")
    nearest = float(model.constant(MIN_NBOR_DIST))
    kept = [node for node in model.graph_def.node if not node.name.startswith("train_attr/")]
    bare = tf.GraphDef(node=kept, versions=model.graph_def.versions)
    (folder / "bare.pb").write_bytes(bare.SerializeToString())
    said(capfd, "-i", "bare.pb", "-o", "small.pb", "-t", "input.json")
    found = FrozenModel("small.pb")
    assert float(found.constant(MIN_NBOR_DIST)) == pytest.approx(nearest, abs=1e-12)
    assert found.training_script["model"]["compress"]["model_file"] == "bare.pb"


def test_a_compressed_model_is_shown_and_tested(folder, capfd):
    said(capfd, "-i", "model.pb", "-o", "small.pb")
    assert main(["show", "small.pb", "type-map", "size"]) == 0
    out, err = capfd.readouterr()
    text = out + err
    assert "It is compressed (extrapolation 5, step 0.01): 4 tables" in text
    assert re.search(r"-?\d+ to \d+ by 0.01, then to \d+ by 0.1, \d+ intervals of 8 features", text)
    assert "Parameters of the descriptor: 0" in text
    for name in ("model.pb", "small.pb"):
        assert main(["test", "-m", name, "-s", "validation"]) == 0
    lines = re.findall(r"Force +RMSE +: (\S+)", "".join(capfd.readouterr()))
    assert lines[0] == lines[2]


@pytest.mark.parametrize("kind", [test_se_e2_r, test_se_e3, test_hybrid], ids=["se_e2_r", "se_e3", "hybrid"])
def test_other_descriptors(kind, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    written = write_model(tmp_path / "model.pb", kind.section())
    write_system("data", [0, 1, 1, 0, 1, 0], type_map=("A", "B"), nframes=2, length=6.0)
    text = said(capfd, "-i", "model.pb", "-o", "small.pb", "--system", "data")
    assert force_error(text) < 1e-8
    small = FrozenModel("small.pb")
    assert not [name for name in small.nodes if re.match(r"filter_type_.*/(matrix|bias|idt)_", name)]
    used = {node.op for node in small.graph_def.node} - set(dir(tf.raw_ops))
    assert {op for op in used if op.startswith("Tabulate")} == {
        f"TabulateFusion{form}{part}" for form in FORMS[kind] for part in ("", "Grad")
    }
    coord, box = (np.load(f"data/set.000/{name}.npy") for name in ("coord", "box"))
    types = np.loadtxt("data/type.raw", dtype=int)
    stored, fused = (DeepPot("small.pb", as_stored=choice).eval(coord, box, types) for choice in (True, False))
    assert np.abs(stored[1] - fused[1]).max() < 1e-8 * max(1.0, np.abs(stored[1]).max())
    assert len(read_contents("small.pb").tables) == len([n for n in written.weights if "/matrix_1_" in n])


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name, tmp_path, monkeypatch, capfd):
    """Field's operations alone; opened fused, and the factors of types are found in the graph as by their name."""
    monkeypatch.chdir(tmp_path)
    keys, forms = ATTENTION[name]
    write_model(tmp_path / "model.pb", test_se_atten.section({"smooth_type_embedding": True, **keys}))
    write_system("data", [0, 1, 1, 0, 1, 0], type_map=("A", "B"), nframes=2, length=6.0)
    text = said(capfd, "-i", "model.pb", "-o", "small.pb", "--system", "data")
    assert force_error(text) < 1e-9 and "look-ups" in text
    small = FrozenModel("small.pb")
    assert not [node for node in small.nodes if re.match(r"filter_type_.*/(matrix|bias|idt)_", node)]
    used = {node.op for node in small.graph_def.node} - set(dir(tf.raw_ops))
    assert used - {"ProdEnvMatAMix", "ProdForceSeA", "ProdVirialSeA"} == {
        f"TabulateFusion{form}{part}" for form in forms for part in ("", "Grad")
    }
    coord, box = (np.load(f"data/set.000/{name}.npy") for name in ("coord", "box"))
    types = np.loadtxt("data/type.raw", dtype=int)
    stored, fused = (DeepPot("small.pb", as_stored=choice) for choice in (True, False))
    assert isinstance(fused._session, FusedSession)
    expected, found = (one.eval(coord, box, types)[1] for one in (stored, fused))
    assert np.abs(found - expected).max() < 1e-9 * np.abs(expected).max()
    if forms == {"SeAtten"}:
        (by_name,), (in_graph,) = tables_by_name(small.constants()).values(), look_ups(small).values()
        assert all(np.array_equal(a, b) for a, b in zip(by_name, in_graph))


def test_types_in_the_data_have_tables(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "model.pb", test_se_atten.section({"attn_layer": 0}, type_map=["A", "B", "C"]))
    graph_def = FrozenModel("model.pb").graph_def
    node = graph_def.node.add(name=OBSERVED_TYPE, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("C A"))
    (tmp_path / "told.pb").write_bytes(graph_def.SerializeToString())
    for file, options, count, served in (
        ("model.pb", [], 9, None),
        ("told.pb", [], 4, "pairs with B have no table, the network serves them; --types names other types than A, C"),
        ("told.pb", ["--types", "B"], 1, "pairs with A, C have no table"),
    ):
        text = said(capfd, "-i", file, "--dry-run", *options)
        assert f"{count} tables" in text
        assert (served in text) if served else ("have no table" not in text)


def test_the_same_model_gives_the_same_bytes(folder, capfd):
    for name in ("a.pb", "b.pb"):
        said(capfd, "-i", "model.pb", "-o", name)
    assert (folder / "a.pb").read_bytes() == (folder / "b.pb").read_bytes()


@pytest.mark.parametrize("kind", ["same name", "other spelling", "symbolic link", "hard link", "link as input"])
def test_the_input_is_never_overwritten(folder, capfd, kind):
    given, target = "model.pb", "link.pb"
    if kind == "symbolic link":
        os.symlink("model.pb", "link.pb")
    elif kind == "hard link":
        os.link("model.pb", "link.pb")
    elif kind == "link as input":
        os.symlink("model.pb", "link.pb")
        given, target = "link.pb", "model.pb"
    else:
        target = "model.pb" if kind == "same name" else "training/../model.pb"
    before = state(folder)
    assert main(["compress", "-i", given, "-o", target]) == 2
    assert "is the input, which would be lost" in capfd.readouterr().err
    assert state(folder) == before


def test_a_descriptor_without_tables_is_refused_by_name(folder, capfd):
    replace_text("train_attr/training_script", '"se_e2_a"', '"loc_frame"')(folder)
    assert main(["compress", "-i", "model.pb", "--dry-run"]) == 2
    assert re.search(r'model.pb: model/descriptor/type = "loc_frame": .* supported: .*se_e2_a', capfd.readouterr().err)
