"""The products of the fitting nets in integers, with the weights that the device holds.

Source: NVNMD format, fps / bps. Weight = code 2^(exponent-16); data have 23 fraction bits; sums are exact and rounded
downwards once.
"""

from __future__ import annotations

import numpy as np

from nvnmd.device_file.layout import HIDDEN
from nvnmd.device_file.model import DeviceModel
from nvnmd.fixed_point.fixed import DATA, floor_of

WEIGHT = 16  # fraction bits of a weight whose exponent is 0


class DeviceNetworks:
    """The fitting nets of a model file. Layers 0 to 2 are hidden, layer 3 gives the energy.

    Parameters
    ----------
    model : DeviceModel
    """

    hidden = HIDDEN

    def __init__(self, model: DeviceModel):
        self._model = model

    def forward(self, net: int, layer: int, x: np.ndarray) -> np.ndarray:
        """Products with the weights: [n, 128] -> [n, 128], or [n, 1] of the last layer."""
        model = self._model
        if layer < self.hidden:
            return product(x, model.forward[net, layer], model.forward_exponents[net, layer])
        return product(x, model.final[net, :, None], model.final_exponent[net])

    def backward(self, net: int, layer: int, g: np.ndarray) -> np.ndarray:
        """Products with the transposed weights, which are held once more with other exponents: -> [n, 128]."""
        model = self._model
        if layer < self.hidden:
            return product(g, model.backward[net, layer].T, model.backward_exponents[net, layer])
        return product(g, model.final[net, None, :], model.final_exponent[net])

    def bias(self, net: int, layer: int, centre: int) -> np.ndarray:
        """What is added to the products, [128] or [1]; in version 1 the first layer adds the vector of the type."""
        model = self._model
        if layer == self.hidden:
            return np.ldexp(model.final_bias[net : net + 1].astype(np.float64), -DATA)
        added = model.type_vectors[centre] if layer == 0 and len(model.type_vectors) else 0
        return np.ldexp((model.biases[net, layer] + added).astype(np.float64), -DATA)


def product(x: np.ndarray, codes: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Data [n, inputs] times weights [inputs, outputs] whose columns have the exponents [outputs] or [1].

    Sums wrap around beyond 64 bits, four thousand times the range of the registers.
    """
    total = floor_of(np.ldexp(x, DATA)) @ codes.astype(np.int64)
    return np.ldexp((total >> (WEIGHT - exponents)).astype(np.float64), -DATA)
