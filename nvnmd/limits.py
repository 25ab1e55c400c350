"""The limits of the device on the settings of a model.

Source: NVNMD format, checks; hardware model file.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

from deepmd_tf.errors import ConfigError
from nvnmd.device_file.layout import LIMIT_OF_TYPES

LARGEST_CUTOFF = 8.0  # Å; the tables of the switching function end there
GREATEST_INDEX = 511  # of the shift of the feature tables, 9 bits


def check(config) -> None:
    """Refuse settings that the device cannot hold.

    Parameters
    ----------
    config : nvnmd.config.Config
        Any settings, of whatever types.

    Raises
    ------
    ConfigError
        Names the key, what was expected and what was found.
    """
    _check_choices(config)
    _check_sel(config)
    _check_types(config)
    _check_radii(config)
    if config.measured:
        _check_range(config)


def _require(holds: bool, key: str, expected: str, found, hint: str | None = None) -> None:
    if not holds:
        raise ConfigError(f"nvnmd/{key}: expected {expected}, found {found}", hint)


def _whole(number) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_choices(config) -> None:
    _require(_whole(config.version) and config.version in LIMIT_OF_TYPES, "version", "0 or 1", repr(config.version))
    _require(_whole(config.max_nnei) and config.max_nnei in (128, 256), "max_nnei", "128 or 256", repr(config.max_nnei))
    newer = config.version == 1 and config.max_nnei == 256
    _require(
        config.sub_version == 1 or (config.sub_version == 2 and newer),
        "sub_version", "1, or 2 in version 1 with 256 neighbours", config.sub_version,
    )  # fmt: skip
    _require(config.sel_bits in (8, 9), "sel_bits", "8 or 9", config.sel_bits)


def _check_sel(config) -> None:
    sel, most = config.sel, config.max_nnei
    found = list(sel)
    _require(all(_whole(number) and number >= 0 for number in sel), "sel", "whole numbers of 0 or more", found)
    if config.version == 0:
        _require(
            1 <= len(sel) <= LIMIT_OF_TYPES[0], "sel", "1 to 4 numbers in version 0", f"{len(sel)}: {found}",
            "Version 1 has room for 32 types",
        )  # fmt: skip
    else:
        _require(len(sel) == 1, "sel", "one number, of all types together, in version 1", found, "Give their sum")
    _require(sum(sel) > 0, "sel", "a sum above 0", found)
    larger = "Reduce sel" if most == 256 else "Reduce sel, or set max_nnei to 256"
    _require(sum(sel) <= most, "sel", f"a sum of at most max_nnei = {most}", f"{sum(sel)}: {found}", larger)
    width = config.sel_bits
    _require(max(sel) < 2**width or config.version == 1, "sel", f"numbers of {width} bits", found, "Reduce sel")


def _check_types(config) -> None:
    most, ntypes = LIMIT_OF_TYPES[config.version], config.ntypes
    names = list(config.type_map)
    _require(all(isinstance(name, str) for name in names), "type_map", "names", names)
    _require(len(names) <= most, "type_map", f"at most {most} types in version {config.version}", len(names))
    if ntypes is None:
        return
    _require(1 <= ntypes <= most, "ntype", f"1 to {most} types in version {config.version}", ntypes)
    if config.version == 0:
        _require(ntypes == len(config.sel), "sel", f"a number for each of {ntypes} types", list(config.sel))
    _require(not names or len(names) == ntypes, "type_map", f"{ntypes} names, one for each type", names)


def _check_radii(config) -> None:
    rcut, rcut_smth = config.rcut, config.rcut_smth
    _require(
        _number(rcut) and 0 < rcut <= LARGEST_CUTOFF, "rcut", f"a length above 0 and up to {LARGEST_CUTOFF:g} Å",
        repr(rcut), "The tables of the device end there",
    )  # fmt: skip
    _require(
        _number(rcut_smth) and 0 < rcut_smth < rcut, "rcut_smth", f"a length above 0 and below rcut = {rcut:g} Å",
        repr(rcut_smth), "Switching begins there and ends at rcut",
    )  # fmt: skip


def _check_range(config) -> None:
    """The feature tables must begin where the device can say, and hold all s that neighbours can have."""
    smin, smax = config.smin, config.smax
    _require(_number(smin) and _number(smax) and smin < smax, "s", "a range", f"{smin} to {smax}")
    start, span = config.s_start, config.s_span
    index = -start * 256
    _require(
        0 <= index <= GREATEST_INDEX, "s", f"tables that begin at {-GREATEST_INDEX}/256 or above, at most at 0",
        f"s from {smin:.6g}, tables from {start:.6g}",
        "The mean of s is far from 0 against its scale: a larger rcut_smth makes it smaller",
    )  # fmt: skip
    _require(
        start <= smin and smax <= start + span, "s", f"a range within {start:.6g} to {start + span:.6g}, the tables",
        f"{smin:.6g} to {smax:.6g}", "Reset rcut_smth as a larger value, or remove frames with atoms very close",
    )  # fmt: skip
