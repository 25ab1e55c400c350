"""The files of a quantised model are those of deepmd-kit.

Its ``dp train-nvnmd`` trains GeTe a few steps, both steps, for both versions and both numbers of neighbours. From its
dictionaries we make its model file, byte for byte; reading this file gives the same model; and we read, and write, its
settings.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nvnmd.plugin  # noqa: F401  (registers the components)
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.context import FOUND, PORTABLE
from nvnmd.cli import wrap
from nvnmd.config import Config, s_range
from nvnmd.config_file import from_dictionary, read_config, to_dictionary, write_config
from nvnmd.device_file.encode import encode
from nvnmd.device_file.read import read_model
from nvnmd.device_file.write import to_bytes
from nvnmd.dictionaries import read_dictionary, write_dictionary
from nvnmd.mapping import mapping_tables
from tests.interop.nvnmd_kit import SEL, SIZES, run, script
from tests.support.graphs import ModelUnderTest


def encoded(folder: Path, config: Config, **options):
    weights = read_dictionary(folder / "nvnmd_qnn/weight.npy")
    return encode(config, weights, read_dictionary(folder / "nvnmd_cnn/map.npy"), **options)


def test_the_model_file_is_made_byte_for_byte(trained):
    version, max_nnei, folder = trained
    theirs = (folder / "nvnmd_qnn/model.pb").read_bytes()
    assert len(theirs) == SIZES[version, max_nnei]
    model = encoded(folder, read_config(folder / "nvnmd_qnn/config.npy"))
    assert to_bytes(model) == theirs
    assert read_model(folder / "nvnmd_qnn/model.pb") == model


def test_the_command_makes_it_too(trained, tmp_path):
    _, _, folder = trained
    parser = argparse.ArgumentParser()
    wrap.arguments(parser)
    given = {"-c": "nvnmd_qnn/config.npy", "-w": "nvnmd_qnn/weight.npy", "-m": "nvnmd_cnn/map.npy"}
    files = [part for option, name in given.items() for part in (option, str(folder / name))]
    wrap.run(parser.parse_args([*files, "-o", str(tmp_path / "model.pb")]))
    assert (tmp_path / "model.pb").read_bytes() == (folder / "nvnmd_qnn/model.pb").read_bytes()


@pytest.mark.parametrize("suffix", ["npy", "json"])
def test_dictionaries_survive_our_reading_and_writing(trained, tmp_path, suffix):
    """The model file is the same from copies of all three."""
    _, _, folder = trained
    for name in ("nvnmd_qnn/config", "nvnmd_qnn/weight", "nvnmd_cnn/map"):
        write_dictionary(tmp_path / f"{Path(name).name}.{suffix}", read_dictionary(folder / f"{name}.npy"))
    config = read_config(tmp_path / f"config.{suffix}")
    weights, tables = (read_dictionary(tmp_path / f"{name}.{suffix}") for name in ("weight", "map"))
    assert to_bytes(encode(config, weights, tables)) == (folder / "nvnmd_qnn/model.pb").read_bytes()


def test_the_settings_are_the_same_key_by_key(trained):
    """Ours are made from the input file and what was measured on the data; theirs were written by both steps."""
    version, max_nnei, folder = trained
    theirs = read_dictionary(folder / "nvnmd_cnn/config.npy")
    section = script(version, max_nnei, folder, steps=1, rate=1)["nvnmd"]
    measured = [theirs["dscp"][name] for name in ("dmin", "smin", "smax", "ntype")]
    ours = Config.from_input(section).with_range(*measured)
    # As text: types, the order of keys and the sign of zero count as well.
    assert repr(to_dictionary(ours)) == repr(theirs)
    wrapped = read_dictionary(folder / "nvnmd_qnn/config.npy")
    assert repr(to_dictionary(ours.with_sections(ours.layout))) == repr(wrapped)
    assert from_dictionary(theirs) == ours and from_dictionary(wrapped) == ours.with_sections(ours.layout)


def test_the_range_of_s_is_the_same(trained):
    version, _, folder = trained
    config, weights = read_config(folder / "nvnmd_cnn/config.npy"), read_dictionary(folder / "nvnmd_cnn/weight.npy")
    avg, std = weights["descrpt_attr.t_avg"], weights["descrpt_attr.t_std"]
    found = s_range(avg, std, config.dmin, config.rcut, config.rcut_smth)
    np.testing.assert_allclose(found, (config.smin, config.smax), rtol=1e-12)
    assert (found[0] == 0) == (version == 1)


def test_kit_reads_our_settings(trained, kit, tmp_path):
    """NumPy of the other environment gets what was written."""
    _, _, folder = trained
    config = read_config(folder / "nvnmd_qnn/config.npy")
    write_config(tmp_path / "config.npy", config)
    code = (
        "import sys, numpy as np; a, b = (np.load(p, allow_pickle=True)[0] for p in sys.argv[1:]); "
        "assert repr(a) == repr(b)"
    )
    files = [str(tmp_path / "config.npy"), str(folder / "nvnmd_qnn/config.npy")]
    kit.python("-c", code, *files, cwd=tmp_path)


def test_hardware_in_use_differs_in_header_and_settings_alone(trained):
    version, max_nnei, folder = trained
    config = read_config(folder / "nvnmd_qnn/config.npy")
    if version == 1:
        # Newer hardware has 256 neighbours, and needs tables of its own.
        with pytest.raises(ModelFormatError if max_nnei == 256 else ConfigError, match=r"cfg_s2g|sub_version"):
            encoded(folder, replace(config, section_shape=()).deployed())
        return
    small = config.deployed()
    ours, theirs = encoded(folder, small, layout=small.layout.deployed()), encoded(folder, config)
    start, other = ours.layout.offsets["fps"], theirs.layout.offsets["fps"]
    assert other - start == 4 * 96 and to_bytes(ours)[start:] == to_bytes(theirs)[other:]
    assert ours.sel == theirs.sel and ours.log2_nix == theirs.log2_nix


def test_the_tables_are_the_same(trained):
    """Cubic terms of features are divided by the third power of 1/256: there rounding is magnified most."""
    _, _, folder = trained
    theirs = read_dictionary(folder / "nvnmd_cnn/map.npy")
    config = read_config(folder / "nvnmd_cnn/config.npy")
    ours = mapping_tables(config, read_dictionary(folder / "nvnmd_cnn/weight.npy"))
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        for found, table in zip(ours[name], expected):
            found, table = np.asarray(found), np.asarray(table)
            assert found.shape == table.shape
            if name in ("s", "h", "g", "s_grad", "h_grad", "g_grad"):
                found, table = (np.asarray(one).reshape(len(one), -1, 4) for one in (found, table))
                noise = [1e-6, 1e-8, 1e-12, 1e-12] if name.startswith("g") else [1e-9, 1e-9, 1e-12, 1e-12]
                assert (np.abs(found - table) <= noise * np.maximum(1.0, np.abs(table).max(axis=(0, 1)))).all(), name
            else:
                np.testing.assert_allclose(found, table, rtol=0, atol=1e-12)


def test_the_first_step_trains_the_same_network(trained, kit, shared_data, tmp_path):
    """Its frozen model against our components with its weights."""
    version, max_nnei, folder = trained
    compare_first_step(kit, folder, version, SEL[version, max_nnei], ["Ge", "Te"], shared_data, tmp_path)


@pytest.mark.parametrize("names", ["Te Sb Ge O", "Sb Ge O H Cu Te Au Mg"])
def test_the_first_step_of_four_and_eight_types(names, kit, shared_data, tmp_path):
    """Their vectors differ from those of other numbers of types by what the layer of type embeddings adds."""
    content, names = script(1, 128, shared_data / "nvnmd_GeTe", steps=5, rate=1e-3), names.split()
    content["nvnmd"]["type_map"] = names
    (tmp_path / "s1.json").write_text(json.dumps(content))
    run(kit, 1, tmp_path, "train-nvnmd", "s1.json", "-s", "s1")
    compare_first_step(kit, tmp_path, 1, SEL[1, 128], names, shared_data, tmp_path)
    theirs, weights = (read_dictionary(tmp_path / f"nvnmd_cnn/{name}.npy") for name in ("map", "weight"))
    ours = mapping_tables(read_config(tmp_path / "nvnmd_cnn/config.npy"), weights)
    for name in ("t_ebd", "gt"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-12)


def compare_first_step(kit, folder: Path, version: int, sel, names: list[str], shared_data: Path, cwd: Path) -> None:
    """Results of its frozen model, in its own environment, and of our graphs, portable and with our operations."""
    path, data = folder / "nvnmd_cnn/frozen_model.pb", shared_data / "nvnmd_GeTe"
    descriptor, fitting = [("nvnmd_se_a", "nvnmd_ener"), ("nvnmd_se_atten", "nvnmd_ener_types")][version]
    section = {
        "type_map": names,
        "descriptor": {"type": descriptor, "sel": sel, "rcut": 6.0, "rcut_smth": 0.5},
        "fitting_net": {"type": fitting},
    }
    coord, box = (np.load(data / f"set.000/{name}.npy")[:1] for name in ("coord", "box"))
    types = np.array([names.index(name) for name in ("Ge", "Te")])[np.loadtxt(data / "type.raw", int)]
    expected = kit.evaluate(path, {"frame": {"coords": coord, "cells": box, "types": types}}, cwd)["frame"]
    for primitives in (PORTABLE, FOUND):
        model = ModelUnderTest(section, weights=FrozenModel(path).constants(), primitives=primitives)
        found = model(coord[0], types, box.reshape(3, 3))
        np.testing.assert_allclose(found["energy"].ravel(), expected["energy"].ravel(), rtol=1e-14)
        for name, tolerance in (("atom_energy", 1e-12), ("force", 1e-12), ("virial", 1e-11)):
            np.testing.assert_allclose(found[name].ravel(), expected[name].ravel(), rtol=0, atol=tolerance)
