"""Every fault of the data is refused with file, frame and what was expected and found."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import DataError

REQUIREMENTS = [
    DataRequirement("energy", 1),
    DataRequirement("force", 3, atomic=True),
    DataRequirement("virial", 9),
    DataRequirement("numb_copy", 1),
]


class Damage:
    """Changes to a sound system of six atoms, three frames and the types O, H."""

    def __init__(self, path: str):
        self.path = Path(path)
        self.set = self.path / "set.000"

    def replace(self, key: str, change) -> None:
        array = np.load(self.set / f"{key}.npy")
        np.save(self.set / f"{key}.npy", change(array), allow_pickle=True)

    def put(self, key: str, index, value) -> None:
        def change(array):
            array[index] = value
            return array

        self.replace(key, change)

    def cut(self, key: str, size: int) -> None:
        file = self.set / f"{key}.npy"
        file.write_bytes(file.read_bytes()[:size])

    def types(self, text: str) -> None:
        (self.path / "type.raw").write_text(text)


CASES = {
    "energy is nan": (lambda d: d.put("energy", 1, np.nan), r"energy.npy, frame 1, energy: expected finite.*nan"),
    "force is inf": (lambda d: d.put("force", (2, 7), np.inf), r"force.npy, frame 2, .*inf \(atom 2, component 1\)"),
    "coord is nan": (lambda d: d.put("coord", (0, 3), np.nan), r"coord.npy, frame 0, .*nan \(atom 1, component 0\)"),
    "box is nan": (lambda d: d.put("box", (0, 3), np.nan), r"box.npy, frame 0, box: expected finite.*value 3"),
    "virial is inf": (lambda d: d.put("virial", (1, 8), -np.inf), r"virial.npy, frame 1, virial: .*-inf"),
    "flat box": (lambda d: d.put("box", (1, slice(6, 9)), 0), r"box.npy, frame 1, box: .*volume 0 A.*nopbc"),
    "left-handed box": (lambda d: d.replace("box", lambda b: -b), r"frame \d, box: .*volume -512 A.*swap two"),
    "fewer forces": (
        lambda d: d.replace("force", lambda f: f[:2]),
        r"force.npy: expected 3 frames, as in coord, found 2",
    ),
    "narrow forces": (
        lambda d: d.replace("force", lambda f: f[:, :15]),
        r"force.npy: expected 18 .*3 x 6.* found 15 val",
    ),
    "more energies": (
        lambda d: d.replace("energy", lambda e: np.append(e, 1)),
        r"energy.npy: expected 1 .* 3 frames, .*4",
    ),
    "wide box": (
        lambda d: d.replace("box", lambda b: np.c_[b, b]),
        r"box.npy: expected 9 values per frame in 3.*found 18",
    ),
    "coord of 5 atoms": (lambda d: d.replace("coord", lambda c: c[:, :15]), r"coord.npy: expected 18.*type.raw"),
    "no frames": (lambda d: d.replace("coord", lambda c: c[:0]), r"coord.npy: expected at least one frame.*\(0, 18\)"),
    "pickled objects": (
        lambda d: d.replace("force", lambda f: f.astype(object)),
        r"force.npy: expected real.*dtype object",
    ),
    "text array": (
        lambda d: d.replace("force", lambda f: f.astype(str)),
        r"force.npy: expected real .* found dtype <U",
    ),
    "complex array": (lambda d: d.replace("force", lambda f: f + 1j), r"force.npy: expected real .* dtype complex128"),
    "truncated coord": (
        lambda d: d.cut("coord", 300),
        r"coord.npy: expected 560 bytes .*, found 300 bytes: it is trunc",
    ),
    "truncated force": (
        lambda d: d.cut("force", 300),
        r"force.npy: expected 560 bytes .*, found 300 bytes: it is trunc",
    ),
    "cut in the header": (lambda d: d.cut("force", 20), r"force.npy: is no npy file"),
    "empty npy": (lambda d: d.cut("coord", 0), r"coord.npy: is no npy file"),
    "text as npy": (lambda d: (d.set / "force.npy").write_text("1 2 3\n" * 99), r"force.npy: is no npy file"),
    "two arrays in one": (
        lambda d: (d.set / "energy.npy").write_bytes(2 * (d.set / "energy.npy").read_bytes()),
        r"energy.npy: expected 152 bytes .*found 304 bytes: it is followed by other data",
    ),
    "no coord": (lambda d: os.remove(d.set / "coord.npy"), r"coord.npy: expected a file with 'coord', found none"),
    "no box": (lambda d: os.remove(d.set / "box.npy"), r"box.npy: expected a file.*add an empty file 'nopbc'"),
    "no sets": (lambda d: d.set.rename(d.path / "old.000"), r"expected frames in set.\*/coord.npy or coord.raw"),
    "empty type.raw": (lambda d: d.types(""), r"type.raw: expected one type per atom, found no atoms"),
    "names in type.raw": (lambda d: d.types("O H H O H H"), r"type.raw: expected integers, .*found 'O'"),
    "floats in type.raw": (lambda d: d.types("0.5 1"), r"type.raw: expected integers, .*found '0.5'"),
    "huge type": (lambda d: d.types("99999999999999999999"), r"type.raw: expected integers, .*found '9999"),
    "negative type": (lambda d: d.types("0 0 0 -1 0 0"), r"type.raw, atom 3: expected a type of 0 or more, found -1"),
    "type without name": (lambda d: d.types("0 0 2 0 0 0"), r"type.raw, atom 2: .*below 2, .*\['O', 'H'\], found 2"),
    "atoms missing in type.raw": (lambda d: d.types("0 1 1"), r"coord.npy: expected 9 values .*3 x 3 atoms.*found 18"),
    "binary type_map": (
        lambda d: (d.path / "type_map.raw").write_bytes(b"\xff\xfe\x00"),
        r"type_map.raw: expected names",
    ),
    "two names": (
        lambda d: [np.save(d.set / f"{n}_pref.npy", np.ones((3, 6))) for n in ("atom", "atomic")],
        r"atom_pref and atomic_pref mean the same array",
    ),
    "half mixed": (lambda d: half_mixed(d), r"set.001/real_atom_types.npy: expected this file, as in other sets"),
    "bad real type": (
        lambda d: np.save(d.set / "real_atom_types.npy", np.full((3, 6), 2)),
        r"real_atom_types.npy, frame \d, atom 0: expected -1 or a type below 2, .*found 2",
    ),
    "negative copies": (
        lambda d: np.save(d.set / "numb_copy.npy", np.array([1, -1, 1])),
        r"numb_copy.npy, frame 1: expected an integer of 0 or more, found -1",
    ),
    "no copies": (
        lambda d: np.save(d.set / "numb_copy.npy", np.zeros(3)),
        r"numb_copy.npy: expected at least one frame",
    ),
}


def half_mixed(damage: Damage) -> None:
    np.save(damage.set / "real_atom_types.npy", np.zeros((3, 6), int))
    other = damage.path / "set.001"
    other.mkdir()
    for key in ("coord", "box"):
        np.save(other / f"{key}.npy", np.load(damage.set / f"{key}.npy"))


def read_all(path: str, type_map=("O", "H"), **settings) -> None:
    wanted = [*REQUIREMENTS, DataRequirement("atom_pref", 1, atomic=True)]
    data = DataSet.open(path, type_map=type_map, requirements=wanted, batch_size=1, seed=3, **settings)
    for step in range(3 * len(data.systems)):
        data.batch(step)


def test_the_sound_system_is_read(make_system):
    read_all(make_system())


@pytest.mark.parametrize("case", CASES)
def test_damaged_folder(make_system, case):
    damage, message = CASES[case]
    path = make_system()
    damage(Damage(path))
    with pytest.raises(DataError, match=message):
        read_all(path)


RAW = {
    "ragged": ("coord", lambda t: t.replace("\n", " 1.0\n", 1), r"coord.raw, line 2: expected 19 numbers as in line 1"),
    "words": (
        "force",
        lambda t: t.replace(t.split()[2], "a.b", 1),
        r"force.raw, line 1: expected numbers, found 'a.b'",
    ),
    "nan": ("force", lambda t: t.replace(t.split()[2], "nan", 1), r"force.raw, frame 0, .*nan \(atom 0, component 2\)"),
    "fewer frames": (
        "energy",
        lambda t: t.split("\n")[0],
        r"energy.raw: expected 1 values per frame in 3 frames, found 1",
    ),
    "empty": ("coord", lambda t: "\n", r"coord.raw: expected at least one frame"),
}


@pytest.mark.parametrize("case", RAW)
def test_damaged_text(make_system, case):
    key, change, message = RAW[case]
    path = make_system(form="raw")
    file = Path(path) / f"{key}.raw"
    file.write_text(change(file.read_text()))
    with pytest.raises(DataError, match=message):
        read_all(path)


def _hdf5_without(name: str):
    def damage(file: str) -> None:
        with h5py.File(file, "a") as handle:
            del handle[name]

    return damage


def _hdf5_with(name: str, value):
    def damage(file: str) -> None:
        with h5py.File(file, "a") as handle:
            del handle[name]
            handle[name] = value

    return damage


def _cut_file(file: str) -> None:
    content = Path(file).read_bytes()
    Path(file).write_bytes(content[: len(content) // 2])


HDF5 = {
    "truncated": (_cut_file, r"s.hdf5: cannot be read as HDF5"),
    "no HDF5": (lambda file: Path(file).write_text("hello"), r"s.hdf5: cannot be read as HDF5"),
    "no types": (_hdf5_without("type.raw"), r"s.hdf5: expected a folder with a type.raw, found none"),
    "no coord": (_hdf5_without("set.000/coord.npy"), r"set.000/coord.npy: expected a file with 'coord'"),
    "float types": (
        _hdf5_with("type.raw", np.zeros(6)),
        r"type.raw: expected integers, one per atom, found dtype float64",
    ),
    "text force": (_hdf5_with("set.000/force.npy", b"abc"), r"set.000/force.npy: expected real or integer numbers"),
    "narrow force": (_hdf5_with("set.000/force.npy", np.ones((3, 15))), r"set.000/force.npy: expected 18 .* found 15"),
    "nan": (_hdf5_with("set.000/energy.npy", np.full(3, np.nan)), r"set.000/energy.npy, frame \d, energy: .*nan"),
}


@pytest.mark.parametrize("case", HDF5)
def test_damaged_hdf5(make_system, case):
    damage, message = HDF5[case]
    path = make_system("s.hdf5", form="hdf5")
    damage(path)
    with pytest.raises(DataError, match=message):
        read_all(path)


def test_unknown_element_names_the_nearest(make_system):
    path = make_system(type_map=("O", "Hh"))
    with pytest.raises(DataError, match=r"system/type_map.raw: element 'Hh' .*\['O', 'H'\].*Did you mean 'H'"):
        read_all(path)


def test_missing_label_that_must_be_there(make_system):
    path = make_system()
    with pytest.raises(DataError, match=r"fparam.npy: expected a file with 'fparam', found only box, coord, energy"):
        DataSet.open(path, requirements=[DataRequirement("fparam", 2, must=True)])


def test_mutated_files_never_crash(make_system):
    """Flip bytes of headers and arrays: either the batch is read or a DataError says why not."""
    rng = np.random.default_rng(5)
    path = make_system()
    sound = {file: file.read_bytes() for file in Path(path).rglob("*") if file.is_file()}
    refused = 0
    for _ in range(300):
        file = sorted(sound)[rng.integers(len(sound))]
        content = bytearray(sound[file])
        content[rng.integers(min(len(content), 140))] = rng.integers(256)
        file.write_bytes(content)
        try:
            read_all(path)
        except DataError:
            refused += 1
        file.write_bytes(sound[file])
    assert 50 < refused < 300
