"""Dictionaries on disk: what is written is read, and nothing else is."""

from __future__ import annotations

import io
import os
import pickle

import numpy as np
import pytest

from deepmd_tf.errors import ModelFormatError, SaveError
from nvnmd.dictionaries import read_dictionary, write_dictionary

CONTENT = {
    "arrays": {"w": np.arange(6.0).reshape(2, 3), "i": np.array([1, 2]), "b": np.array([True]), "s": np.array(["Ge"])},
    "list": [np.float64(0.5), 3, -0.0, None, True, "text", (1, 2.5), [np.zeros((2, 0))]],
    "number": np.float64(2.25),
    "end": "",
}


def equal(a, b) -> bool:
    """Equal values of equal types, arrays included."""
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    return type(a) is type(b) and repr(a) == repr(b)


def save(path, payload: bytes, shape="(1,)", dtype="|O"):
    """A .npy file with any pickle in it."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + payload)
    return path


def holding(value, protocol=4) -> bytes:
    holder = np.empty(1, object)
    holder[0] = value
    return pickle.dumps(holder, protocol=protocol)


def test_what_is_written_is_read(tmp_path):
    write_dictionary(tmp_path / "x.npy", CONTENT)
    assert equal(read_dictionary(tmp_path / "x.npy"), CONTENT)
    # and by NumPy itself, as other programs do it
    assert equal(np.load(tmp_path / "x.npy", allow_pickle=True)[0], CONTENT)


def test_what_numpy_writes_is_read(tmp_path):
    np.save(tmp_path / "x.npy", [CONTENT])
    assert equal(read_dictionary(tmp_path / "x.npy"), CONTENT)


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_files_of_older_and_newer_numpy_are_read(tmp_path, core):
    payload = holding(CONTENT, protocol=3).replace(b"cnumpy._core.", b"cnumpy.core.")
    path = save(tmp_path / "x.npy", payload.replace(b"cnumpy.core.", f"c{core}.".encode()))
    assert equal(read_dictionary(path), CONTENT)


def test_json(tmp_path):
    write_dictionary(tmp_path / "x.json", {"a": {"b": np.array([1.5, 2])}, "c": [np.float64(0.1), None, "d"]})
    assert read_dictionary(tmp_path / "x.json") == {"a": {"b": [1.5, 2.0]}, "c": [0.1, None, "d"]}


class Runs:
    """A pickle of it runs a function when read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.mkdir, "posix.mkdir"),
        (eval, "builtins.eval"),
        (np.load, "numpy.load"),
        (np.memmap, "numpy.*memmap"),
        (getattr, "builtins.getattr"),
        (io.open, "io.open|_io.open"),
    ],
)
def test_programs_in_a_file_are_refused(tmp_path, function, name):
    path = save(tmp_path / "x.npy", holding({"a": Runs(function, str(tmp_path / "made"))}))
    with pytest.raises(ModelFormatError, match=rf"x\.npy: .*it asks for {name}.*could run programs"):
        read_dictionary(path)
    assert not (tmp_path / "made").exists()


def looped():
    value: list = []
    value.append(value)
    return {"a": value}


BAD = {
    "object array inside": (holding({"a": {"b": np.array([1, None])}}), r", a, b: expected an array of numbers"),
    "bytes inside": (holding({"a": [1, b"x"]}), r", a\[1\]: expected a number, text or array, found bytes"),
    "number as key": (holding({1: 2}), "expected names as keys, found 1"),
    "no dictionary": (holding([1]), "expected a dictionary, found list"),
    "cut off": (holding(CONTENT)[:-40], "expected a dictionary of arrays"),
    "empty": (b"", "expected a dictionary of arrays"),
    "holds itself": (holding(looped()), "holds itself"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_named(tmp_path, name):
    payload, text = BAD[name]
    with pytest.raises(ModelFormatError, match=rf"x\.npy.*{text}"):
        read_dictionary(save(tmp_path / "x.npy", payload))


def test_bad_files_are_named(tmp_path):
    with pytest.raises(ModelFormatError, match="cannot be read"):
        read_dictionary(tmp_path / "x.npy")
    with pytest.raises(ModelFormatError, match=r"shape \(1,\), found object of shape \(2,\)"):
        read_dictionary(save(tmp_path / "x.npy", holding({}), shape="(2,)"))
    with pytest.raises(ModelFormatError, match="found float64 of shape"):
        read_dictionary(save(tmp_path / "x.npy", bytes(8), dtype="<f8"))
    (tmp_path / "x.npy").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ModelFormatError, match=r"expected a \.npy file"):
        read_dictionary(tmp_path / "x.npy")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ModelFormatError, match="is not JSON"):
        read_dictionary(tmp_path / "x.json")


def test_what_cannot_be_read_again_is_not_written(tmp_path):
    with pytest.raises(ModelFormatError, match="found set"):
        write_dictionary(tmp_path / "x.npy", {"a": {1, 2}})
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_dictionary(tmp_path / "x.npy", {"a": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SaveError, match="No space left"):
        write_dictionary(tmp_path / "x.npy", {"a": 2})
    assert read_dictionary(tmp_path / "x.npy") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
