"""Settings: what follows from them, their dictionary, and the limits of the device."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError, ModelFormatError
from nvnmd.config import Config, s_range
from nvnmd.config_file import from_dictionary, read_config, to_dictionary, write_config

INPUT = {"sel": [60, 60], "rcut": 6.0, "rcut_smth": 0.5, "type_map": ["Ge", "Te"]}
INPUT_1 = {"version": 1, "sel": 120, "rcut": 6.0, "rcut_smth": 0.5, "type_map": ["Ge", "Te"]}
MEASURED = dict(dmin=2.2, smin=-0.3, smax=8.75)
CONFIGS = {
    "version 0, 128": Config.from_input(INPUT).with_range(**MEASURED),
    "version 0, 256": Config.from_input(INPUT | {"max_nnei": 256, "sel": [20, 200]}),
    "version 1, 128": Config.from_input(INPUT_1).with_range(2.2, -0.0, 9.0),
    "version 1, 256": Config.from_input(INPUT_1 | {"max_nnei": 256, "sel": [248]}),
    "newer, 256": replace(Config.from_input(INPUT_1 | {"max_nnei": 256}), sub_version=2).with_range(1.0, 0, 31.0),
    "8 bits": replace(Config.from_input(INPUT), sel_bits=8),
    "without names": Config.from_input({"version": 1, "sel": 7, "rcut": 8, "rcut_smth": 1}),
}


def test_values_that_follow():
    found = to_dictionary(CONFIGS["version 0, 128"])
    assert list(found) == ["dscp", "fitn", "dpin", "size", "ctrl", "nbit", "end"] and found["end"] == ""
    expected = {
        "dscp": dict(SEL=[60, 60, 0, 0], NIDP=120, NIX=128, NI=128, ntype=2, ntype_max=4, M1=32, M2=4, same_net=1),
        "fitn": dict(NNODE_FITS=[128, 128, 128, 128, 1], nlayer_fit=4, neuron=[128] * 3),
        "dpin": dict(type_map=["Ge", "Te"]),
        "size": dict(Na=4096, NaX=32768, NTYPE=4, NTYPEX=1, NH_DATA=[0] * 7, NH_SIM=[0] * 9),
        "ctrl": dict(NSTDM=64, NSTDM_M2=2, NSEL=256, NSADV=65, VERSION=0, SUB_VERSION=1, MAX_NNEI=128),
        "nbit": dict(NBIT_FLTD=29, NBIT_SEL=8, NBIT_SPE=2, NBIT_ATOM=98, NBIT_NEIB=9, NBIT_NET=72, NBIT_FIT_WEIGHT=18),
    }
    for section, values in expected.items():
        assert {key: found[section][key] for key in values} == values


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("version 0, 256", {"ctrl/NSTDM": 128, "ctrl/NSTDM_M2": 4, "ctrl/NSEL": 512, "nbit/NBIT_SEL": 9}),
        ("version 1, 128", {"ctrl/NSEL": 64, "nbit/NBIT_SEL": 6, "nbit/NBIT_ATOM": 101, "fitn/NTAVC": 8}),
        ("version 1, 256", {"ctrl/NSEL": 128, "nbit/NBIT_SEL": 7, "dscp/NIX": 256, "size/NTYPEX": "ntypex_max"}),
        ("newer, 256", {"ctrl/NSTDM": 64, "ctrl/SUB_VERSION": 2, "ctrl/MAX_NNEI": 256}),
        ("8 bits", {"nbit/NBIT_NEIB": 8}),
        ("without names", {"dscp/ntype": None, "size/NTYPE": 32, "dscp/smin": -2, "dscp/smax": 14}),
    ],
)  # fmt: skip
def test_values_of_other_chips(name, expected):
    found = to_dictionary(CONFIGS[name])
    for place, value in expected.items():
        section, key = place.split("/")
        assert found[section][key] == value


@pytest.mark.parametrize("name", CONFIGS)
def test_the_dictionary_is_read_again(name, tmp_path):
    for config in (CONFIGS[name], CONFIGS[name].with_sections(CONFIGS[name].layout)):
        assert from_dictionary(to_dictionary(config)) == config
        for suffix in ("npy", "json"):
            write_config(tmp_path / f"c.{suffix}", config)
            assert read_config(tmp_path / f"c.{suffix}") == config
    sizes = to_dictionary(config)["size"]
    assert sizes["NH_DATA"] + sizes["NW_DATA"] == config.layout.shape_words


def test_nix_is_the_power_of_two_above_two_thirds_of_the_neighbours():
    found = {n: CONFIGS["version 1, 256"].__class__(1, (n,), 6, 0.5, 256).log2_nix for n in (1, 96, 97, 120, 192, 250)}
    assert found == {1: 0, 96: 6, 97: 7, 120: 7, 192: 7, 250: 8}


def test_an_older_dictionary_without_neighbours_has_128():
    given = to_dictionary(CONFIGS["version 0, 128"])
    del given["ctrl"]["MAX_NNEI"]
    assert from_dictionary(given) == CONFIGS["version 0, 128"]


LIMITS = {
    "version": ({"version": 2}, r"nvnmd/version: expected 0 or 1, found 2"),
    "version as text": ({"version": "1"}, r"nvnmd/version: expected 0 or 1, found '1'"),
    "max_nnei": ({"max_nnei": 512}, r"nvnmd/max_nnei: expected 128 or 256, found 512"),
    "net_size": ({"net_size": 64}, r"nvnmd/net_size: expected 128, .* found 64"),
    "sum": ({"sel": [70, 70]}, r"nvnmd/sel: expected a sum of .* max_nnei = 128, found 140.*set max_nnei to 256"),
    "sum of 256": ({"sel": [200, 100], "max_nnei": 256}, r"at most max_nnei = 256, found 300: .*\. Reduce sel$"),
    "sum of version 1": ({"version": 1, "sel": 129}, r"nvnmd/sel: expected a sum of at most max_nnei = 128"),
    "types": ({"sel": [20] * 5, "type_map": list("ABCDE")}, r"nvnmd/sel: expected 1 to 4 numbers.*, found 5"),
    "types of version 1": (
        {"version": 1, "sel": 100, "type_map": [f"X{i}" for i in range(33)]},
        r"nvnmd/type_map: expected at most 32 types in version 1, found 33",
    ),
    "names": ({"type_map": ["Ge"]}, r"nvnmd/type_map: expected 2 names, one for each type, found \['Ge'\]"),
    "names as text": ({"type_map": "GeTe"}, r"nvnmd/type_map: expected a list of names, found 'GeTe'"),
    "one number": ({"sel": 60}, r"nvnmd/sel: expected a list of 1 to 4 numbers in version 0, found 60"),
    "several numbers": ({"version": 1}, r"nvnmd/sel: expected one number.*found \[60, 60\]. Give their sum"),
    "negative": ({"sel": [60, -1]}, r"nvnmd/sel: expected whole numbers of 0 or more"),
    "fraction": ({"sel": [60, 1.5]}, r"nvnmd/sel: expected whole numbers of 0 or more"),
    "none": ({"sel": [0, 0]}, r"nvnmd/sel: expected a sum above 0"),
    "rcut": ({"rcut": 8.1}, r"nvnmd/rcut: expected a length above 0 and up to 8 Å, found 8.1"),
    "rcut not a number": ({"rcut": float("nan")}, r"nvnmd/rcut: expected a length"),
    "rcut as text": ({"rcut": "6"}, r"nvnmd/rcut: expected a length above 0 and up to 8 Å, found '6'"),
    "rcut_smth": ({"rcut_smth": 6.0}, r"nvnmd/rcut_smth: expected a length above 0 and below rcut = 6 Å, found 6.0"),
    "rcut_smth of 0": ({"rcut_smth": 0}, r"nvnmd/rcut_smth: expected a length above 0"),
    "misspelled": ({"rcut_smoth": 1}, r"nvnmd/rcut_smoth: unknown key. Did you mean 'rcut_smth'"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_the_input(name):
    changes, text = LIMITS[name]
    with pytest.raises(ConfigError, match=text):
        Config.from_input(INPUT | changes)


@pytest.mark.parametrize("key", ["sel", "rcut", "rcut_smth"])
def test_missing_keys(key):
    with pytest.raises(ConfigError, match=f"nvnmd/{key}: missing"):
        Config.from_input({name: value for name, value in INPUT.items() if name != key})


def test_the_largest_settings_fit():
    Config.from_input(INPUT | {"sel": [128], "type_map": [], "rcut": 8.0})
    Config.from_input(INPUT | {"sel": [64] * 4, "type_map": list("ABCD"), "max_nnei": 256})
    Config.from_input(INPUT_1 | {"sel": 256, "max_nnei": 256, "type_map": [f"X{i}" for i in range(32)]})


@pytest.mark.parametrize(
    ("version", "smin", "smax"),
    [
        (0, -510 / 256, 1),  # tables from -511/256
        (0, -0.3125 + 1 / 256, 15.6875),  # tables from -0.3125 to 15.6875
        (1, -0.0, 16.0),
    ],
)
def test_ranges_that_fit(version, smin, smax):
    config = Config.from_input(INPUT if version == 0 else INPUT_1).with_range(1.0, smin, smax)
    assert config.measured and config.s_start <= smin and smax <= config.s_start + 16


@pytest.mark.parametrize(
    ("version", "smin", "smax", "text"),
    [
        (0, -509.5 / 256 - 1 / 256, 1, r"tables that begin at -511/256 or above, .*tables from -2"),
        (0, -0.3125 + 1 / 256, 15.69, r"a range within -0.3125 to 15.6875, the tables, found .* to 15.69.*rcut_smth"),
        (0, 0.5, 1, "at most at 0"),
        (1, -0.0, 16.01, "a range within 0 to 16"),
        (1, -0.1, 1, "a range within 0 to 16"),
        (0, -0.1, float("nan"), "a range, found -0.1 to nan"),
        (0, float("nan"), 1, "a range, found nan to 1"),
    ],
)
def test_ranges_that_do_not_fit(version, smin, smax, text):
    config = Config.from_input(INPUT if version == 0 else INPUT_1)
    with pytest.raises(ConfigError, match=f"nvnmd/s: expected.*{text}"):
        config.with_range(1.0, smin, smax)


def test_more_types_than_the_device_has():
    config = Config.from_input({key: value for key, value in INPUT_1.items() if key != "type_map"})
    assert config.with_range(1, 0.0, 9.0, ntypes=32).ntypes == 32
    with pytest.raises(ConfigError, match="nvnmd/ntype: expected 1 to 32 types in version 1, found 33"):
        config.with_range(1, 0.0, 9.0, ntypes=33)


@pytest.mark.parametrize(("changes", "text"), [
    (dict(sub_version=2), "nvnmd/sub_version: expected 1, or 2 in version 1 with 256 neighbours"),
    (dict(sel_bits=7), "nvnmd/sel_bits: expected 8 or 9"),
    (dict(sel=(0, 256), max_nnei=256, sel_bits=8), "nvnmd/sel: expected numbers of 8 bits"),
])  # fmt: skip
def test_limits_of_hardware_in_use(changes, text):
    with pytest.raises(ConfigError, match=text):
        replace(CONFIGS["version 0, 128"], **changes)


def changed(place, value):
    given = copy.deepcopy(to_dictionary(CONFIGS["version 0, 128"]))
    section, key = place.split("/")
    given[section][key] = value
    return given


@pytest.mark.parametrize(("given", "error", "text"), [
    (changed("dscp/NIX", 64), ConfigError, "c.npy: dscp/NIX: expected 128 with the other settings, found 64"),
    (changed("fitn/neuron", [64, 64, 64]), ConfigError, "c.npy: fitn/neuron: expected .*128"),
    (changed("nbit/NBIT_FIT_DATA_F", 1), ConfigError, "c.npy: nbit/NBIT_FIT_DATA_F: unknown key. Did you mean"),
    (changed("dscp/rcut", 9.0), ConfigError, "c.npy: nvnmd/rcut: expected a length above 0 and up to 8 Å"),
    ({"dscp": {}}, ModelFormatError, "c.npy: expected settings of a model, but 'ctrl' is missing"),
    (changed("dscp/sel", None), ConfigError, "c.npy: nvnmd/sel"),
])  # fmt: skip
def test_bad_dictionaries_are_named(given, error, text):
    with pytest.raises(error, match=text):
        from_dictionary(given, "c.npy")


def test_range_of_s():
    avg, std = np.array([[0.03, 9], [0.05, 9]]), np.array([[0.1, 1], [0.2, 1]])
    x = (2.0 - 0.5) / 5.5
    s0 = (x**3 * (-6 * x * x + 15 * x - 10) + 1) / 2
    expected = (min(-0.3, -0.25), max((s0 - 0.03) / 0.1, (s0 - 0.05) / 0.2))
    np.testing.assert_allclose(s_range(avg, std, 2.0, 6.0, 0.5), expected, rtol=1e-14)
    np.testing.assert_allclose(s_range(avg, std, 0.4, 6.0, 0.5)[1], (1 / 0.4 - 0.03) / 0.1)
    for outside in (0.0, 0.01, 7.0):
        np.testing.assert_allclose(s_range(avg, std, outside, 6.0, 0.5)[1], max(-0.3, -0.25))
