"""Random models of the device, and dictionaries of trained models, with all corners of the formats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nvnmd.config import Config
from nvnmd.device_file.layout import Layout
from nvnmd.device_file.model import DeviceModel, array_shapes, nix_exponent

LAYOUTS = {
    "version 0, 128": Layout(0),
    "version 0, 256": Layout(0, 256, 128),
    "version 0 in use": Layout(0, header_words=32, sel_bits=8),
    "version 0, 8 bits": Layout(0, sel_bits=8),
    "version 1, 128": Layout(1),
    "version 1, 256": Layout(1, 256, 128),
    "version 1, newer": Layout(1, 256, 64, 2),
}
# Bits and sign of the codes of each array.
WIDTHS = {
    "empty_slots": (32, True), "forward": (18, True), "forward_exponents": (3, False), "backward": (18, True),
    "backward_exponents": (3, False), "biases": (29, True), "final": (18, True), "final_exponent": (3, False),
    "final_bias": (29, True), "switch_table": (29, False), "switch_gradient_table": (29, False),
    "feature_table": (29, False), "feature_gradient_table": (29, False), "scales": (29, False),
    "type_factors": (29, False), "type_vectors": (29, True),
}  # fmt: skip


def draw(rng, name: str, shape) -> np.ndarray:
    """Codes of an array, a tenth of them at the ends of their range."""
    width, signed = WIDTHS[name]
    most = 2 ** (width - 1) - 1 if signed else 2**width - 1
    least = -most if signed else 0
    codes = rng.integers(least, most + 1, shape)
    ends = rng.random(shape) < 0.1
    return np.where(ends, rng.choice([least, 0, most], shape), codes)


def random_model(layout: Layout, seed: int) -> DeviceModel:
    """A model of codes, whatever they mean."""
    rng = np.random.default_rng(seed)
    arrays = {name: draw(rng, name, shape) for name, shape in array_shapes(layout).items()}
    ntypes = int(rng.integers(1, layout.types + 1))
    sel = rng.integers(1, 2**layout.sel_bits, ntypes if layout.version == 0 else 1)
    old = layout.header_words == 32
    return DeviceModel(
        layout=layout,
        rcut=int(rng.integers(1, 2**26 + 1)),
        sel=tuple(map(int, sel)),
        shifts=() if old else tuple(map(int, rng.choice([-(2**31) + 1, 2**31 - 1, -1, 0, 12345], ntypes))),
        shift_exponent=0 if old else int(rng.integers(0, 20)),
        log2_nix=nix_exponent(sum(sel)),
        first_index=int(rng.choice([0, 80, 511])) if layout.version == 0 else 0,
        **arrays,
    )


def changed(model: DeviceModel, name: str, index, code) -> DeviceModel:
    """The model with one number replaced."""
    array = np.array(getattr(model, name))
    array[index] = code
    return replace(model, **{name: array})


def trained(config: Config, seed: int = 0) -> tuple[dict, dict]:
    """Weights and tables of a model of the sizes of ``config``, as training programs save them."""
    rng = np.random.default_rng(seed)
    ntypes, nets = config.ntypes, config.ntypes if config.version == 0 else 1
    weights = {"t_bias_atom_e": rng.normal(size=ntypes) * 300}
    for suffix in [f"_type_{i}" for i in range(nets)] if config.version == 0 else [""]:
        for layer in range(3):
            name = ".matrix_1" if config.version == 1 and layer == 0 else ".matrix"
            weights[f"layer_{layer}{suffix}{name}"] = rng.normal(size=(128, 128)) * 2.0 ** rng.integers(-3, 5, 128)
            weights[f"layer_{layer}{suffix}.bias"] = rng.normal(size=128) * 3
        weights[f"final_layer{suffix}.matrix"] = rng.normal(size=(128, 1))
        weights[f"final_layer{suffix}.bias"] = rng.normal(size=1)
    start, span, step = config.s_start, config.s_span, config.layout.coarse
    tables: dict = {
        "cfg_u2s": [[0.0, 64.0, 0.125, 0, 512]],
        "cfg_s2g": [[start, start + 1, 1 / 256, 0, 256], [start, start + span, step, 256, 512]],
    }
    for name, width in dict(s=4, s_grad=4, h=4, h_grad=4, g=128, g_grad=128).items():
        tables[name] = [rng.normal(size=(512, width)) * 2.0 ** rng.integers(-8, 4, (512, 1)) for _ in range(nets)]
    if config.version == 1:
        weights["layer_0.tweight"] = rng.normal(size=(8, 128))
        tables["t_ebd"] = np.vstack([rng.normal(size=(ntypes, 8)), np.zeros((1, 8))])
        tables["gt"] = rng.normal(size=((ntypes + 1) ** 2, 32))
        tables["davg_opp"], tables["dstd_inv"] = np.zeros((ntypes, 4)), rng.uniform(1, 20, (ntypes, 4))
    return weights, tables
