"""What the quantised descriptors of both versions share: from the environment of an atom to its features."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from deepmd_tf.descriptor.base import DescriptorOutput, EnvironmentTensors, describe
from deepmd_tf.errors import ConfigError
from deepmd_tf.tf1 import tf
from nvnmd.config import AXIS_NEURON
from nvnmd.device_file.layout import WIDTH
from nvnmd.device_file.model import nix_exponent
from nvnmd.model.quantized.tables import FEATURES, SWITCH, look_up
from nvnmd.ops.arithmetic import copy_flt, flt, matmul_flt, mul, quantize
from nvnmd.ops.descriptor import descriptor_at_once

DATA = 23  # fraction bits of what the fitting net is given
BLOCK = 16  # attribute of a product whose operands have one exponent each, and whose gradients are cut to 23 bits


class QuantizedDescriptor:
    r"""Mixed into the descriptor of the first step: the same features in the numbers of the device.

    With u = |q|², q the truncated vector to a neighbour, tables give s(u), h(u) and the features g(s);

    .. math::
        R = (s,\; h\,q), \quad X = \frac{1}{n_\text{IX}} \sum_j R_j^T g_j, \qquad
        D_{4a + k} = (X^T X)_{a,\,(a+k) \bmod 32}.

    An empty slot has u = 0 and q = 0 and is not passed over. What the gradients of the operations compute is what the
    device computes for the forces, bit by bit. Nothing here is trained. Source: NVNMD format, descriptor forward,
    backward.
    """

    rounded = True

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptor to the graph; local atoms are sorted by type.

        Raises
        ------
        ConfigError
            The interface is not of double precision.
        """
        if np.dtype(ctx.interface) != np.float64:
            raise ConfigError(
                f"{self.key}: quantised networks need an interface of double precision, found {ctx.interface}",
                "Unset DP_INTERFACE_PREC",
            )
        env, tensors = self._quantized_environment(ctx, inputs)
        compute = self._by_parts if ctx.primitives.portable else self._at_once
        value = quantize(compute(ctx, inputs, env, tensors.rmat), DATA, isround=False, grad_bits=(DATA, -1))
        value = tf.reshape(value, [-1, inputs.nloc, self.dim_out])
        return DescriptorOutput(ctx.output(value, "o_descriptor"), [tensors])

    def _by_parts(self, ctx, inputs, env, rmat):
        """Features [n, 128] by the ops of the format, which other programs run."""
        rows = tf.reshape(rmat, [-1, self.nnei, 4])  # u, q
        s, h = tf.split(self._switch(ctx, inputs, rows[:, :, :1]), 2, axis=2)  # [n, nnei, 1]
        r = tf.concat([s, mul(h, rows[:, :, 1:])], axis=2)  # [n, nnei, 4]
        for_features, for_sum = copy_flt(r)
        features = for_features[:, :, :1], tf.linalg.matrix_transpose(for_sum)
        x = flt(self._sum(ctx, inputs, env, *features) * 2.0 ** -nix_exponent(self.nnei))  # [n, 4, 32]
        products = matmul_flt(tf.linalg.matrix_transpose(x), x, normx=BLOCK, normw=BLOCK)
        return flt(_band(products))

    def _at_once(self, ctx, inputs, env, rmat):
        """The same by one op."""
        sel, scales, factors = self._constants_of_types(ctx)
        switches = [look_up(ctx, SWITCH, t) for t in range(len(sel))]
        features = [look_up(ctx, FEATURES, t) for t in range(len(sel))]
        rows = tf.reshape(rmat, [inputs.nframes, -1])
        scale = 2.0 ** -nix_exponent(self.nnei)
        given = (rows, env.nlist, inputs.type, switches, features, scales, factors)
        return descriptor_at_once(*given, sel=sel, scale=scale)

    def _quantized_environment(self, ctx, inputs):
        """The outputs of the op, and what forces are made of."""
        scope, width = f"descrpt_attr{ctx.suffix}", 4 * self.nnei
        describe(ctx, scope, self.rcut, self.attributes())
        shape, dtype = (self.ntypes, width), ctx.interface.name
        statistics = [ctx.weights.get(f"{scope}/{name}", shape, dtype, None, False) for name in ("t_avg", "t_std")]
        env = self._rows_of_neighbors(inputs, statistics)
        return env, EnvironmentTensors.named(ctx, env, self.nnei)

    @abstractmethod
    def _rows_of_neighbors(self, inputs, statistics):
        """The environment matrix."""

    @abstractmethod
    def _constants_of_types(self, ctx):
        """Slots by type of neighbours; factors of s and h [T, 2] and of the features [T, T, 32], T = 0 without any."""

    @abstractmethod
    def _switch(self, ctx, inputs, u):
        """s and h of each slot: u [n, nnei, 1] -> [n, nnei, 2]."""

    @abstractmethod
    def _sum(self, ctx, inputs, env, s, rows):
        """Sum over slots of rows [n, 4, nnei] times features of s [n, nnei, 1]: -> [n, 4, 32]."""


def _band(products):
    """Four numbers of each row, from the diagonal on, in a ring: [n, 32, 32] -> [n, 128]."""
    a, k = np.divmod(np.arange(WIDTH * AXIS_NEURON), AXIS_NEURON)
    return tf.gather(tf.reshape(products, [-1, WIDTH * WIDTH]), WIDTH * a + (a + k) % WIDTH, axis=1)
