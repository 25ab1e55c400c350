"""The quantised descriptor of version 1: one table for all types, and a factor by pair of types."""

from __future__ import annotations

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.tf1 import tf
from nvnmd.device_file.layout import WIDTH
from nvnmd.model.quantized.descriptor import QuantizedDescriptor
from nvnmd.model.quantized.tables import FEATURES, SWITCH, look_up, of_types
from nvnmd.model.typed_descriptor import DescrptNvnmdSeAtten
from nvnmd.ops.arithmetic import matmul_flt2fix, mul
from nvnmd.ops.env_mat import prod_env_mat_a_mix


@descriptors.register("nvnmd_quantized_se_atten")
class DescrptQuantizedSeAtten(QuantizedDescriptor, DescrptNvnmdSeAtten):
    """``nvnmd_se_atten`` in the numbers of the device; s and h are divided by the scale of the type of the centre.

    Parameters and errors are those of :class:`~nvnmd.model.typed_descriptor.DescrptNvnmdSeAtten`.
    """

    def _rows_of_neighbors(self, inputs, statistics):
        given = (inputs.coord, inputs.type, inputs.natoms, inputs.box, inputs.mesh)
        return prod_env_mat_a_mix(*given, *statistics, rcut=self.rcut, sel=self.nnei)

    def _constants_of_types(self, ctx):
        count = self.ntypes + 1
        factors = tf.reshape(self._factors(ctx), [count, count, WIDTH])[:-1, :-1]
        return [self.nnei], self._scales(ctx), factors

    def _scales(self, ctx):
        return of_types(ctx, "dstd_inv", (self.ntypes, 4))[:, :2]

    def _factors(self, ctx):
        return of_types(ctx, "gt", ((self.ntypes + 1) ** 2, WIDTH))  # an empty slot has a type of its own

    def _switch(self, ctx, inputs, u):
        scales = tf.gather(self._scales(ctx), tf.reshape(_centers(inputs), [-1, 1]))  # [n, 1, 2]
        return mul(tf.tile(scales, [1, self.nnei, 1]), look_up(ctx, SWITCH)(u))

    def _sum(self, ctx, inputs, env, s, rows):
        pairs = tf.repeat(_centers(inputs), self.nnei, axis=1) * (self.ntypes + 1) + env.ntype  # [nf, nloc*nnei]
        factors = tf.reshape(tf.gather(self._factors(ctx), pairs), [-1, self.nnei, WIDTH])
        return matmul_flt2fix(rows, mul(look_up(ctx, FEATURES)(s), factors))


def _centers(inputs):
    """Types of the centres [nf, nloc]; virtual atoms have no neighbours, and any type."""
    return tf.maximum(inputs.type[:, : inputs.nloc], 0)
