"""One system: the same arrays from every format, in the order of types."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.data.cache import ArrayCache
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.system import System
from deepmd_tf.errors import DataError
from tests.support.systems import random_frames

ENERGY, FORCE = DataRequirement("energy", 1), DataRequirement("force", 3, atomic=True)
TYPES = [1, 0, 0, 1, 0, 0]
ORDER = [1, 2, 4, 5, 0, 3]  # stable by type
PATHS = {"npy": "s", "raw": "s", "hdf5": "s.hdf5#/water/a"}


@pytest.mark.parametrize("form", PATHS)
def test_formats_give_the_same_sorted_arrays(make_system, form):
    system = System.open(make_system(PATHS[form], TYPES, form=form))
    stored = random_frames(6, 3)
    found = system.load(0, [2, 0], [ENERGY, FORCE, DataRequirement("dipole", 3)])

    assert (system.natoms, system.nframes, system.pbc, system.mixed) == (6, 3, True, False)
    assert system.atom_types.tolist() == [0, 0, 0, 0, 1, 1]
    assert system.atom_types.dtype == np.int32
    assert system.natoms_vec(3).tolist() == [6, 6, 4, 2, 0]
    for key in ("coord", "force"):
        expected = stored[key].reshape(3, 6, 3)[[2, 0]][:, ORDER].reshape(2, 18)
        np.testing.assert_array_equal(found[key], expected)
    np.testing.assert_array_equal(found["energy"], stored["energy"][[2, 0], None])
    np.testing.assert_array_equal(found["box"], stored["box"][[2, 0]])
    np.testing.assert_array_equal(found["dipole"], np.zeros((2, 3)))
    assert (found["find_energy"], found["find_force"], found["find_dipole"]) == (1.0, 1.0, 0.0)
    assert [system.file_atom(i) for i in range(6)] == ORDER


def test_types_are_renumbered_by_name(make_system):
    system = System.open(make_system(types=TYPES), ["X", "H", "O"])
    assert system.atom_types.tolist() == [1, 1, 2, 2, 2, 2]  # O is 0 in the data and 2 in the model
    assert system.file_atom(0) == 0 and system.file_atom(2) == 1


def test_a_name_that_no_atom_has_may_be_unknown(make_system):
    system = System.open(make_system(types=[0, 0], type_map=("O", "H")), ["O"])
    assert system.atom_types.tolist() == [0, 0]


@pytest.mark.parametrize("form", PATHS)
def test_without_periodicity_the_box_is_zero(make_system, form):
    system = System.open(make_system(PATHS[form], pbc=False, form=form))
    assert not system.pbc
    assert not system.load(0, [0, 1])["box"].any()


def test_repeat_default_and_other_name(make_system):
    path = make_system(types=[0, 0], arrays={"atomic_pref": np.array([[1.0, 2], [3, 4], [5, 6]])})
    wanted = [
        DataRequirement("atom_pref", 1, atomic=True, repeat=3),
        DataRequirement("coeff", 1, atomic=True, default=1.0),
    ]
    found = System.open(path).load(0, [1], wanted)
    assert found["atom_pref"].tolist() == [[3, 3, 3, 4, 4, 4]]
    assert found["coeff"].tolist() == [[1, 1]] and found["find_coeff"] == 0.0


def test_flat_arrays_are_accepted(make_system):
    aparam = np.arange(18.0).reshape(1, 18)  # 3 frames of 6 atoms in one row
    path = make_system(types=TYPES, arrays={"aparam": aparam, "energy": np.arange(3.0)[:, None]})
    found = System.open(path).load(0, [1], [ENERGY, DataRequirement("aparam", 1, atomic=True)])
    assert found["aparam"][0].tolist() == [6 + i for i in ORDER]
    assert found["energy"].tolist() == [[1.0]]


def test_one_frame_may_lack_its_axis(make_system):
    frames = random_frames(6, 1)
    system = System.open(make_system(nframes=1, arrays={k: v.ravel() for k, v in frames.items()}))
    assert system.nframes == 1
    assert system.load(0, [0], [FORCE])["force"].shape == (1, 18)


def test_large_arrays_are_mapped_and_few_maps_stay_open(make_system):
    path = make_system(types=[0] * 60, nframes=[1500, 1500, 1500], type_map=("O",))
    cache = ArrayCache(budget=2 << 20)  # two maps
    system = System.open(path, cache=cache)
    expected = np.load(f"{path}/set.001/coord.npy")
    for set_index in (0, 1, 2, 1):
        found = system.load(set_index, [1400, 3])["coord"]
    np.testing.assert_array_equal(found, expected[[1400, 3]])
    assert isinstance(cache.get(f"{path}/set.001/coord.npy", lambda: None), np.memmap)
    assert len(cache) <= 3


def test_large_hdf5_arrays_are_read_by_rows(make_system):
    path = make_system("s.hdf5", types=[0] * 60, nframes=1500, type_map=("O",), form="hdf5")
    cache = ArrayCache()
    frames = [1400, 3, 1400, 7]
    found = System.open(path, cache=cache).load(0, frames)["coord"]
    np.testing.assert_array_equal(found, random_frames(60, 1500)["coord"][frames])
    assert len(cache) == 1  # the box, which is small


def test_fortran_order(make_system):
    path = make_system(types=TYPES)
    force = np.load(f"{path}/set.000/force.npy")
    np.save(f"{path}/set.000/force.npy", np.asfortranarray(force))
    found = System.open(path).load(0, [0, 1, 2], [FORCE])["force"]
    np.testing.assert_array_equal(found.reshape(3, 6, 3), force.reshape(3, 6, 3)[:, ORDER])


def test_mixed_types_keep_their_order(make_system):
    types = np.array([[0, 1, 1], [1, -1, 0], [1, 1, -1]])
    path = make_system(types=[0, 0, 0], type_map=("H", "C"), arrays={"real_atom_types": types})
    system = System.open(path, ["C", "O", "H"])
    assert system.mixed and system.natoms_vec(3).tolist() == [3, 3, 3, 0, 0]
    found = system.load(0, [1, 0])
    assert found["type"].tolist() == [[0, -1, 2], [2, 0, 0]] and found["type"].dtype == np.int32
    np.testing.assert_array_equal(found["coord"], np.load(f"{path}/set.000/coord.npy")[[1, 0]])


def test_mixed_types_unknown_element(make_system):
    path = make_system(
        types=[0, 0], type_map=("H", "Cl"), arrays={"real_atom_types": np.array([[0, 0], [0, 1], [0, 0]])}
    )
    system = System.open(path, ["H", "C"])
    system.load(0, [0])
    with pytest.raises(DataError, match=r"real_atom_types.npy, frame 1, atom 1: .*'Cl'.*Did you mean 'C'"):
        system.load(0, [0, 1])
