"""The quantised model as it is while it trains: weights in floating point, which meet the data as training has it.

The device holds other weights: 16 bits below an exponent of 0 or more, truncated. Source: NVNMD format, fitting forward
and backward.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nvnmd.fixed_point import matmul_fitnet, quantize
from nvnmd.mapping import weight
from nvnmd.simulate.numbers import Numbers


class LegacyNetworks:
    """As nvnmd.simulate.networks.DeviceNetworks, of the dictionaries of weights and tables."""

    hidden = 3

    def __init__(self, weights: dict, tables: dict):
        self._weights, self._types = weights, tables.get("t_ebd")

    def forward(self, net, layer, x):
        return matmul_fitnet(x, self._get(net, layer, "matrix"), 23, 19, int(layer < self.hidden))

    def backward(self, net, layer, g):
        return matmul_fitnet(g, self._get(net, layer, "matrix").T, 23, 19, int(layer < self.hidden))

    def bias(self, net, layer, centre):
        bias = self._get(net, layer, "bias")
        if layer == 0 and self._types is not None:
            bias = bias + rounded(self._types @ self._weights["layer_0.tweight"])[centre]
        return bias

    def _get(self, net, layer, kind):
        suffix = f"_type_{net}" if self._types is None else ""
        name = f"layer_{layer}" if layer < self.hidden else "final_layer"
        return rounded(weight(self._weights, f"{name}{suffix}.{kind}"))


def legacy_numbers(numbers: Numbers, weights: dict, tables: dict) -> Numbers:
    """The same model with tables and factors in float64."""

    def stacked(*names):
        parts = [np.stack([np.reshape(one, (512, -1, 4)) for one in tables[name]]) for name in names]
        return np.concatenate(parts, axis=2)

    if numbers.version == 1:
        factors = tables["gt"].reshape(numbers.ntypes + 1, numbers.ntypes + 1, 32)
        numbers = replace(numbers, scales=tables["dstd_inv"][:, :2], factors=factors[:-1, :-1])
    return replace(
        numbers, u_groups=np.array(tables["cfg_u2s"]), s_groups=np.array(tables["cfg_s2g"]),
        switch=stacked("s", "h"), switch_slope=stacked("s_grad", "h_grad"), feature=stacked("g"),
        feature_slope=stacked("g_grad"), shifts=np.ravel(weights["t_bias_atom_e"]),
    )  # fmt: skip


def rounded(x):
    return quantize(x, 23, isround=True)
