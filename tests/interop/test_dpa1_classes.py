"""The classes of DPA-1 are those of deepmd-kit's NumPy reference: numbers, first weights, dictionaries in both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deepmd_tf.descriptor
from deepmd_tf.descriptor import DescrptBlockSeAtten, DescrptDPA1
from tests.interop.test_dpa1_equations import deviation, run
from tests.support import dpa1

SETS, SINGLE_SETS, LAYERS = 72, 16, 36
# By precision, relative to the largest value; the reference has positions in single precision as well.
SAME = {"float64": 1e-12, "float32": 2e-4}


@pytest.fixture(scope="module")
def folders(kit, tmp_path_factory) -> dict[str, Path]:
    """By precision, options, dictionaries and structures, and what the reference makes of them."""
    found = {}
    for precision, count in (("float64", SETS), ("float32", SINGLE_SETS)):
        found[precision] = tmp_path_factory.mktemp(precision)
        run(kit, "equations", 11, count, found[precision], precision)
    return found


NUMBERS = [*(("float64", n) for n in range(SETS)), *(("float32", n) for n in range(SINGLE_SETS))]


@pytest.fixture
def one_set(folders, request):
    precision, number = request.param
    tree, arrays = dpa1.load(folders[precision] / f"{number}.json")
    given = {name: arrays.get(f"given/{name}") for name in ("coord", "box", "atype")}
    found = {key.removeprefix("found/"): value for key, value in arrays.items() if key.startswith("found/")}
    return precision, tree, given, found


def evaluated(descriptor: DescrptDPA1, given: dict) -> dict:
    """The numbers of our classes, by the names of the runner."""
    arguments = given["coord"][None], given["box"], given["atype"]
    d, rotation, _, _, switch = descriptor.evaluate(*arguments)
    block = descriptor.se_atten.evaluate(*arguments, descriptor.type_embedding.table())
    found = {"D": d[0], "rot_mat": rotation[0], "sw": switch[0, ..., 0], "g2": block[1][0], "h2": block[2][0]}
    assert np.array_equal(block[0][0], d[0, :, : block[0].shape[2]])
    return found


def equal(a, b) -> bool:
    """Whether two dictionaries are the same, to the bit."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@pytest.mark.parametrize("one_set", NUMBERS, indirect=True)
def test_numbers_and_dictionary(one_set):
    precision, tree, given, expected = one_set
    descriptor = DescrptDPA1.deserialize(tree["dictionary"])
    found = evaluated(descriptor, given)
    if "g2" in expected and not tree["dictionary"]["@variables"]["davg"].any():
        # What the features of empty and excluded slots are makes no difference, and is not the same.
        live = np.where(expected["sw"] > 0.0, 1.0, 0.0)[..., None]
        found["g2"], expected["g2"] = found["g2"] * live, expected["g2"] * live
    for name, values in expected.items():
        assert deviation(found[name], values) < SAME[precision], (name, tree["options"])
    assert equal(descriptor.serialize(), tree["dictionary"])
    assert equal(DescrptBlockSeAtten.deserialize(tree["block"]).serialize(), tree["block"])


@pytest.mark.parametrize("one_set", NUMBERS, indirect=True)
def test_first_weights(one_set):
    _, tree, _, _ = one_set
    assert equal(DescrptDPA1(**tree["options"]).serialize(), tree["fresh"])


def test_the_reference_reads_ours(kit, folders, tmp_path):
    """Descriptors made here, without mean or with the reference's way with it."""
    ours = {}
    for number in range(0, SETS, 4):
        tree, arrays = dpa1.load(folders["float64"] / f"{number}.json")
        given = {key.removeprefix("given/"): value for key, value in arrays.items() if key.startswith("given/")}
        descriptor = DescrptDPA1(**{**tree["options"], "seed": 100 + number}, first_atom_pads=True)
        frames = {"coord": given["coord"][None], "atype": given["atype"][None], "box": given.get("box")}
        descriptor.compute_input_stats([frames])
        ours[number] = evaluated(descriptor, {"box": None, **given})
        stored: dict = {}
        (tmp_path / f"{number}.json").write_text(dpa1.dump(descriptor.serialize(), stored))
        np.savez(tmp_path / f"{number}.npz", **stored, **{f"given/{name}": value for name, value in given.items()})
    run(kit, "read", tmp_path, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as expected:
        for number, found in ours.items():
            for name in ("D", "rot_mat"):
                assert deviation(found[name], expected[f"{number}/{name}"]) < SAME["float64"], (number, name)


@pytest.fixture(scope="module")
def layers(kit, tmp_path_factory) -> Path:
    """Options, dictionaries and inputs of the classes of the attention, and what the reference makes of them."""
    folder = tmp_path_factory.mktemp("layers")
    run(kit, "layers", 3, LAYERS, folder)
    return folder


@pytest.mark.parametrize("number", range(LAYERS))
def test_attention(layers, number):
    tree, arrays = dpa1.load(layers / f"{number}.json")
    cls = getattr(deepmd_tf.descriptor, tree["class"])
    given = [arrays[f"given/{name}"] for name in ("x", "nei_mask", "input_r", "sw")]
    for layer in (cls(**tree["options"]), cls.deserialize(tree["dictionary"])):
        assert deviation(layer.evaluate(*given), arrays["found/value"]) < 1e-13, tree["options"]
        assert equal(layer.serialize(), tree["dictionary"])
