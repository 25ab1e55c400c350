"""``dp nvnmd-info``: what a model file of the device holds."""

from __future__ import annotations

import argparse

import numpy as np

from nvnmd.device_file.layout import BIAS_BITS, EXPONENT_BITS, OLD_HEADER_WORDS, WEIGHT_BITS
from nvnmd.device_file.model import DeviceModel
from nvnmd.device_file.read import read_model
from nvnmd.formats import fixed_limits, float_values

NAME = "nvnmd-info"
HELP = "show what a model file of an NVNMD device holds"
EXAMPLES = ("dp nvnmd-info model.pb",)

FLOATS = (
    "switch_table", "switch_gradient_table", "feature_table", "feature_gradient_table", "scales", "type_factors"
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("INPUT", help="model file of the device")
    parser.add_argument(
        "--no-check", action="store_true",
        help="do not refuse files where repeated numbers disagree or bits without a meaning are set",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Print header, sections and ranges of the numbers."""
    model = read_model(args.INPUT, check=not args.no_check)
    for line in [*_settings(model), "", *_sections(model), "", *_fixed_numbers(model), *_float_numbers(model)]:
        print(line)


def _settings(model: DeviceModel) -> list[str]:
    layout = model.layout
    old = layout.header_words == OLD_HEADER_WORDS
    lines = [
        "version: 0, not told by the header" if old else f"version: {layout.version}, SUB_VERSION {layout.sub_version}",
        f"neighbours: {'not told by the header' if old else f'{layout.max_nnei} at most'}; {layout.slices} slices",
        f"types: {model.ntypes} of {layout.types}",
        f"sel: {' '.join(map(str, model.sel))}" + (f" ({layout.sel_bits} bits)" if layout.version == 0 else ""),
        f"NIX: {2**model.log2_nix}",
        f"rcut: {model.rcut / 2**23:.8g} Å",
        f"feature tables: from s = {-model.first_index / 256:g}, coarse segments of {layout.coarse:g}",
    ]
    if model.shifts:
        energies = " ".join(f"{energy:.8g}" for energy in model.energy_shifts)
        return [*lines, f"energies of the types: {energies} eV ({23 - model.shift_exponent} fraction bits)"]
    return [*lines, "energies of the types: not told by the header"]


def _sections(model: DeviceModel) -> list[str]:
    layout = model.layout
    lines = ["section     rows   bits     offset      bytes"]
    for section in layout.sections:
        offset = layout.offsets[section.name]
        lines.append(f"{section.name:7} {section.rows:8} {section.width:6} {offset:10} {section.size:10}")
    return [*lines, f"{'file':7} {'':8} {'':6} {'':10} {layout.size:10}"]


def _fixed_numbers(model: DeviceModel) -> list[str]:
    """Ranges of the fixed-point numbers, and how many stand at the end of their range."""
    forward = np.ldexp(model.forward, model.forward_exponents[..., None, :] - 16)
    final = np.ldexp(model.final, model.final_exponent[..., None] - 16)
    rows = [
        ("weights", forward, model.forward, WEIGHT_BITS),
        ("last layer", final, model.final, WEIGHT_BITS),
        ("biases", model.biases / 2**23, model.biases, BIAS_BITS),
        ("empty slots", model.empty_slots / 2**23, model.empty_slots, 32),
        ("type vectors", model.type_vectors / 2**23, model.type_vectors, BIAS_BITS),
    ]
    lines = []
    for name, values, codes, bits in rows:
        if codes.size:
            full = int((np.abs(codes) >= fixed_limits(bits, signed=True)[1]).sum())
            lines.append(f"{name}: {values.min():.6g} to {values.max():.6g}, {full} of {codes.size} at the limit")
    used = max(int(model.forward_exponents.max()), int(model.final_exponent.max()))
    return [*lines, f"exponents of weights: up to {used} of {fixed_limits(EXPONENT_BITS, signed=False)[1]}"]


def _float_numbers(model: DeviceModel) -> list[str]:
    """Exponents of the 29-bit floats."""
    lines = []
    for name in FLOATS:
        magnitudes = np.abs(float_values(getattr(model, name)))
        magnitudes = magnitudes[magnitudes > 0]
        if magnitudes.size:
            least, most = (int(np.frexp(bound)[1]) - 1 for bound in (magnitudes.min(), magnitudes.max()))
            lines.append(f"{name}: magnitudes from 2^{least} to 2^{most}")
    return lines
