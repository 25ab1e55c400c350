"""Settings as the dictionary that training programs and the hardware's tools keep in ``config.npy``.

Source: NVNMD format, configuration dictionary.
"""

from __future__ import annotations

import math
from pathlib import Path

from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.registry import did_you_mean
from nvnmd.config import AXIS_NEURON, FITTING_NEURON, NEURON, TYPE_WIDTH, Config
from nvnmd.dictionaries import read_dictionary, write_dictionary
from nvnmd.formats import FLOAT_BITS, FRACTION_BITS

ATOMS, ATOMS_WITH_IMAGES = 4096, 32768
UNSET_SECTIONS = ([0] * 7, [0] * 7)
# Widths that are the same for all chips; names and values are facts of the format.
WIDTHS = {
    "NBIT_FLTD": FLOAT_BITS, "NBIT_FLTS": 1, "NBIT_FLTE": 8, "NBIT_FLTF": FRACTION_BITS, "NBIT_FLTM": 21,
    "NBIT_FLTH": 22, "NBIT_FIXD": 32, "NBIT_FIXD_FL": 23, "NBIT_SPE": None, "NBIT_LST": 15, "NBIT_CRD": 32,
    "NBIT_CRD_FL": 24, "NBIT_CRD3": 96, "NBIT_ATOM": None, "NBIT_ENE": 32, "NBIT_ENE_FL": 23, "NBIT_FRC": 32,
    "NBIT_FRC_FL": 19, "NBIT_VRL": 32, "NBIT_VRL_FL": 19, "NBIT_FIT_DATA": 27, "NBIT_FIT_DATA_FL": 23,
    "NBIT_FIT_SHORT_FL": 19, "NBIT_FIT_WEIGHT": 18, "NBIT_FIT_DISP": 3, "NBIT_FIT_WXDB": 29, "NBIT_SEL": None,
    "NBIT_SPE_MAX": 8, "NBIT_LST_MAX": 16, "NBIT_ADDR": 32, "NBIT_SYS": 32, "NBIT_BYPASS_DATA": 32, "NBIT_CFG": 64,
    "NBIT_NET": 72, "NBIT_MODEL_HEAD": 32, "NBIT_IDX_S2G": 9, "NBIT_NEIB": None,
}  # fmt: skip


def read_config(path: str | Path) -> Config:
    """Settings of a ``config.npy``; see :func:`from_dictionary` and :func:`nvnmd.dictionaries.read_dictionary`."""
    return from_dictionary(read_dictionary(path), path)


def write_config(path: str | Path, config: Config) -> None:
    """Write settings as ``config.npy``; the old file or the new is there, never a part."""
    write_dictionary(path, to_dictionary(config))


def to_dictionary(config: Config) -> dict:
    """The dictionary of settings, with all that follows from them."""
    return {
        "dscp": _descriptor(config),
        "fitn": _fitting(config),
        "dpin": {"type_map": list(config.type_map)},
        "size": _sizes(config),
        "ctrl": _control(config),
        "nbit": _widths(config),
        "end": "",
    }


def from_dictionary(dictionary: dict, name: str | Path = "config") -> Config:
    """Settings of a dictionary; what follows from others may be missing, but must not be something else.

    Parameters
    ----------
    dictionary : dict
        As :func:`to_dictionary` gives it.
    name : path
        What messages call it.

    Raises
    ------
    ModelFormatError
        Sections or keys are missing.
    ConfigError
        A limit of the device is broken, or a value is not that of the version.
    """
    try:
        config = _chosen(dictionary)
    except KeyError as error:
        raise ModelFormatError(f"{name}: expected settings of a model, but {error} is missing") from error
    except (TypeError, AttributeError) as error:
        raise ModelFormatError(f"{name}: expected settings of a model, but {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{name}: {error.message}", error.hint) from error
    expected = to_dictionary(config)
    for section, found in dictionary.items():
        if section not in expected:
            raise ConfigError(f"{name}: {section}: unknown section", did_you_mean(section, expected))
        for key, value in found.items() if isinstance(found, dict) else ():
            if key not in expected[section]:
                raise ConfigError(f"{name}: {section}/{key}: unknown key", did_you_mean(key, expected[section]))
            if _listed(value) != _listed(expected[section][key]):
                raise ConfigError(
                    f"{name}: {section}/{key}: expected {expected[section][key]} with the other settings, found {value}"
                )
    return config


def _chosen(dictionary: dict) -> Config:
    """The settings that follow from no others."""
    descriptor, control = dictionary["dscp"], dictionary["ctrl"]
    size, width = dictionary.get("size", {}), dictionary.get("nbit", {})
    sel = descriptor["sel"]
    shape = (size.get("NH_DATA", UNSET_SECTIONS[0]), size.get("NW_DATA", UNSET_SECTIONS[1]))
    return Config(
        version=control["VERSION"],
        sel=tuple(_listed(sel)) if isinstance(_listed(sel), list) else (sel,),
        rcut=descriptor["rcut"],
        rcut_smth=descriptor["rcut_smth"],
        max_nnei=control.get("MAX_NNEI", 128),
        type_map=tuple(dictionary.get("dpin", {}).get("type_map", ())),
        ntypes=descriptor.get("ntype"),
        dmin=descriptor.get("dmin", 0),
        smin=descriptor.get("smin", -2),
        smax=descriptor.get("smax", 14),
        sub_version=control.get("SUB_VERSION", 1),
        sel_bits=width.get("NBIT_NEIB", 9),
        section_shape=tuple(tuple(_listed(part)) for part in shape) if any(map(any, shape)) else (),
    )


def _descriptor(config: Config) -> dict:
    sel = list(config.sel) if config.version == 0 else config.sel[0]
    section = {
        "sel": sel, "rcut": config.rcut, "rcut_smth": config.rcut_smth, "neuron": list(NEURON), "resnet_dt": False,
        "axis_neuron": AXIS_NEURON, "type_one_side": True, "rc_lim": 0.5, "rc_max": 8.0, "M1": NEURON[-1],
        "M2": AXIS_NEURON, "SEL": (sel + [0] * 4)[:4] if config.version == 0 else sel,
        "NNODE_FEAS": [1, *NEURON], "nlayer_fea": len(NEURON), "same_net": 1, "NI": config.max_nnei,
        "NIDP": config.nnei, "NIX": 2**config.log2_nix, "ntype": config.ntypes,
    }  # fmt: skip
    if config.version == 0:
        section |= {"ntypex": 1, "ntypex_max": 1}
    return section | {
        "ntype_max": config.types_max, "dmin": config.dmin, "smin": config.smin, "smax": config.smax
    }  # fmt: skip


def _fitting(config: Config) -> dict:
    nodes = [NEURON[-1] * AXIS_NEURON, *FITTING_NEURON, 1]
    section = {"neuron": list(FITTING_NEURON), "resnet_dt": False, "NNODE_FITS": nodes, "nlayer_fit": 4, "NLAYER": 4}
    return section | ({"NTAVC": TYPE_WIDTH} if config.version == 1 else {})


def _sizes(config: Config) -> dict:
    rows, widths = config.section_shape or UNSET_SECTIONS
    return {
        "Na": ATOMS, "NaX": ATOMS_WITH_IMAGES, "NAEXT": ATOMS, "NTYPE": config.types_max,
        # In version 1 other programs write the name itself, and nobody reads it.
        "NTYPEX": 1 if config.version == 0 else "ntypex_max",
        "NH_DATA": list(rows), "NW_DATA": list(widths), "NH_SIM": [0] * (9 if config.version == 0 else 12),
    }  # fmt: skip


def _control(config: Config) -> dict:
    slices = config.slices
    return {
        "MAX_NNEI": config.max_nnei, "NSTDM": slices, "NSTDM_M1": 32, "NSTDM_M2": slices // 32, "NSTDM_M1X": 8,
        "NSEL": slices * (4 if config.version == 0 else 1), "NSADV": slices + 1, "VERSION": config.version,
        "SUB_VERSION": config.sub_version,
    }  # fmt: skip


def _widths(config: Config) -> dict:
    species = math.ceil(math.log2(config.types_max))
    slots = _control(config)["NSEL"]
    own = {
        "NBIT_SPE": species, "NBIT_ATOM": species + WIDTHS["NBIT_CRD3"], "NBIT_SEL": math.ceil(math.log2(slots)),
        "NBIT_NEIB": config.sel_bits,
    }  # fmt: skip
    return WIDTHS | own


def _listed(value):
    """Lists for tuples and arrays, so that they compare."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
