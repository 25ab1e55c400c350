"""Settings of a quantised model: what the user chooses, what follows from it, and the limits of the device.

Source: NVNMD format, user JSON; configuration dictionary; mapping tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.errors import ConfigError
from deepmd_tf.registry import did_you_mean
from nvnmd.device_file.layout import LIMIT_OF_TYPES, Layout
from nvnmd.device_file.model import nix_exponent
from nvnmd.limits import check

NEURON, AXIS_NEURON, FITTING_NEURON, TYPE_WIDTH = (8, 16, 32), 4, (128, 128, 128), 8
INPUT_KEYS = (
    "version", "max_nnei", "net_size", "sel", "rcut", "rcut_smth", "type_map", "config_file", "weight_file",
    "map_file", "enable", "restore_descriptor", "restore_fitting_net", "quantize_descriptor", "quantize_fitting_net",
    "sub_version", "weight_format", "second_step",
)  # fmt: skip
UNMEASURED = (-2, 14)


@dataclass(frozen=True)
class Config:
    """Settings of a model; those that break a limit of the device are refused when made.

    Attributes
    ----------
    version : int
        0: tables per type, up to 4 types; 1: embeddings of types, up to 32.
    sel : tuple of int
        Neighbours of each type; one number in version 1.
    rcut, rcut_smth : float
        Cutoff, and where switching begins, Å.
    max_nnei : int
        Neighbours of the device, 128 or 256.
    type_map : tuple of str
        Names of the types.
    ntypes : int or None
        Number of types; None in version 1 until it is known.
    dmin : float
        Smallest distance of neighbours, Å; 0 until measured.
    smin, smax : float
        Range of s; -2 and 14 until measured.
    sub_version : int
        1, or 2 of newer hardware of version 1: 64 slices for 256 neighbours, twice the range of s.
    sel_bits : int
        Bits of a neighbour number in version 0: 9 as training programs write them, 8 on hardware in use.
    section_shape : tuple of tuple of int
        Rows and widths of the sections of the model file, or () before there is one.

    Raises
    ------
    ConfigError
        See :func:`nvnmd.limits.check`.
    """

    version: int
    sel: tuple[int, ...]
    rcut: float
    rcut_smth: float
    max_nnei: int = 128
    type_map: tuple[str, ...] = ()
    ntypes: int | None = None
    dmin: float = 0
    smin: float = UNMEASURED[0]
    smax: float = UNMEASURED[1]
    sub_version: int = 1
    sel_bits: int = 9
    section_shape: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self):
        if self.ntypes is None:
            known = len(self.sel) if self.version == 0 else len(self.type_map) or None
            object.__setattr__(self, "ntypes", known)
        check(self)

    @property
    def measured(self) -> bool:
        """Whether the range of s is known."""
        return (self.smin, self.smax) != UNMEASURED

    @property
    def types_max(self) -> int:
        """Types the device has room for."""
        return LIMIT_OF_TYPES[self.version]

    @property
    def nnei(self) -> int:
        """Neighbours of all types."""
        return sum(self.sel)

    @property
    def log2_nix(self) -> int:
        """Binary logarithm of NIX, the power of two that sums over neighbours are divided by."""
        return nix_exponent(self.nnei)

    @property
    def slices(self) -> int:
        """Parts in which the device works off the fitting net."""
        return 128 if self.max_nnei == 256 and self.sub_version == 1 else 64

    @property
    def s_start(self) -> float:
        """Where the feature tables begin."""
        return math.floor(self.smin * 256 - 1) / 256 if self.version == 0 else 0.0

    @property
    def s_span(self) -> float:
        """How far the feature tables reach."""
        return 256 * self.layout.coarse

    @property
    def layout(self) -> Layout:
        """Layout of the model file that training programs write."""
        return Layout(self.version, self.max_nnei, self.slices, self.sub_version, sel_bits=self.sel_bits)

    def with_range(self, dmin: float, smin: float, smax: float, ntypes: int | None = None) -> Config:
        """The settings with what was measured on the data; raises ConfigError where the range is too wide."""
        return replace(self, dmin=dmin, smin=smin, smax=smax, ntypes=self.ntypes if ntypes is None else ntypes)

    def with_sections(self, layout: Layout) -> Config:
        """The settings with the rows and widths of the model file, which programs of the hardware look up."""
        words = tuple(layout.shape_words)
        return replace(self, section_shape=(words[: len(words) // 2], words[len(words) // 2 :]))

    def deployed(self) -> Config:
        """The settings as hardware in use takes them: neighbour numbers of 8 bits, in version 1 SUB_VERSION 2."""
        return replace(self, sel_bits=8) if self.version == 0 else replace(self, sub_version=2)

    @classmethod
    def from_input(cls, section: dict) -> Config:
        """Settings of the section ``nvnmd`` of an input file.

        Paths of files, and what tells how a step of training goes, are none of this class and are passed over.

        Raises
        ------
        ConfigError
            A key is unknown or missing, has a wrong kind of value, or breaks a limit.
        """
        for key in section:
            if key not in INPUT_KEYS:
                raise ConfigError(f"nvnmd/{key}: unknown key", did_you_mean(key, INPUT_KEYS))
        for key in ("sel", "rcut", "rcut_smth"):
            if key not in section:
                raise ConfigError(f"nvnmd/{key}: missing, expected {'a list' if key == 'sel' else 'a length in Å'}")
        if section.get("net_size", 128) != 128:
            raise ConfigError(
                f"nvnmd/net_size: expected 128, the one width of the device, found {section['net_size']}",
                "Leave the key out",
            )
        version, sel = section.get("version", 0), section["sel"]
        names = section.get("type_map", [])
        if not isinstance(names, (list, tuple)):
            raise ConfigError(f"nvnmd/type_map: expected a list of names, found {names!r}")
        if version == 0 and not isinstance(sel, (list, tuple)):
            raise ConfigError(f"nvnmd/sel: expected a list of 1 to 4 numbers in version 0, found {sel!r}")
        return cls(
            version=version,
            sel=tuple(sel) if isinstance(sel, (list, tuple)) else (sel,),
            rcut=section["rcut"],
            rcut_smth=section["rcut_smth"],
            max_nnei=section.get("max_nnei", 128),
            type_map=tuple(names),
            sub_version=section.get("sub_version", 1),
        )


def s_range(avg, std, dmin: float, rcut: float, rcut_smth: float) -> tuple[float, float]:
    """Least and greatest s that neighbours can have.

    Parameters
    ----------
    avg, std : array [ntypes, ...]
        Mean and scale of the environment matrix; the first column is used.
    dmin : float
        Smallest distance of neighbours, Å.
    rcut, rcut_smth : float
        Cutoff, and where switching begins, Å.

    Returns
    -------
    smin, smax : float
        min_t(-avg_t/std_t) and max_t((s(dmin)-avg_t)/std_t), with s(r) = P(x)/r, x = (r-rcut_smth)/(rcut-rcut_smth),
        P(x) = x^3(-6x^2+15x-10)+1 between the two radii, 1/r below (above 0.01 Å) and 0 elsewhere.
    """
    avg, std = np.asarray(avg, np.float64)[:, 0], np.asarray(std, np.float64)[:, 0]
    s = 0.0
    if 0.01 < dmin <= rcut:
        x = max((dmin - rcut_smth) / (rcut - rcut_smth), 0)
        s = (x**3 * (-6 * x**2 + 15 * x - 10) + 1) / dmin
    return float(np.min(-avg / std)), float(np.max((s - avg) / std))
