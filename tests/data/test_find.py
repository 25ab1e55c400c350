"""Systems are found in nested folders and HDF5 files, in a fixed order."""

from __future__ import annotations

import logging
import os

import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.find import find_systems
from deepmd_tf.errors import DataError


@pytest.fixture
def tree(make_system, tmp_path):
    """Systems b/2, a, b/10 and b itself; returns the folder above."""
    for name in ("b/2", "a", "b/10", "b"):
        make_system(name)
    return tmp_path


def relative(paths: list[str], folder) -> list[str]:
    return [os.path.relpath(path, folder) for path in paths]


def test_nested_folders_in_order_of_name(tree):
    assert relative(find_systems(str(tree)), tree) == ["a", "b", "b/10", "b/2"]


def test_the_entry_itself_comes_last(tree):
    assert relative(find_systems(str(tree / "b")), tree) == ["b/10", "b/2", "b"]


def test_the_order_of_the_list_is_kept(tree):
    assert relative(find_systems([str(tree / "b/2"), str(tree / "a")]), tree) == ["b/2", "a"]


def test_patterns(tree):
    assert relative(find_systems(str(tree), ["b/*", "a"]), tree) == ["a", "b/10", "b/2"]
    with pytest.raises(DataError, match=r"type.raw matches \['c'\]"):
        find_systems(str(tree), ["c"])


def test_duplicates_are_named(tree, caplog):
    with caplog.at_level(logging.WARNING):
        found = find_systems([str(tree / "a"), str(tree / "a" / "")])
    assert len(found) == 2
    assert "listed more than once" in caplog.text and caplog.text.rstrip().endswith("/a")


def test_links_are_followed_once(tree):
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "c").symlink_to(tree / "b" / "10")
    assert relative(find_systems(str(tree)), tree) == ["a", "b", "b/10", "b/2", "c"]


def test_hdf5_groups(make_system, tmp_path):
    for group in ("x/1", "x/2", "y"):
        make_system(f"s.hdf5#/{group}", form="hdf5")
    file = str(tmp_path / "s.hdf5")
    assert find_systems(file) == [f"{file}#/x/1", f"{file}#/x/2", f"{file}#/y"]
    assert find_systems(f"{file}#/x") == [f"{file}#/x/1", f"{file}#/x/2"]
    assert find_systems(f"{file}#y") == [f"{file}#/y"]
    assert find_systems(file, ["x/*"]) == [f"{file}#/x/1", f"{file}#/x/2"]
    assert DataSet.open(file).batch(0)["coord"].shape[1] == 18
    with pytest.raises(DataError, match=r"s.hdf5#/z: expected a group, found nothing"):
        find_systems(f"{file}#/z")


def test_root_of_an_hdf5_file(make_system, tmp_path):
    file = make_system("s.hdf5", form="hdf5")
    assert DataSet.open(find_systems(file)[0]).systems[0].natoms == 6


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("none", r"none: there is no such file or folder"),
        ("none.hdf5", r"none.hdf5: there is no such file"),
        ("file.txt", r"file.txt: expected a folder or an HDF5 file"),
        ("empty", r"empty: expected a folder with a type.raw, found none"),
    ],
)
def test_entries_without_systems(tmp_path, entry, message):
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_systems(str(tmp_path / entry))


def test_empty_list():
    with pytest.raises(DataError, match="systems: the list is empty"):
        find_systems([])
