"""The quantised descriptor of version 0: tables by type."""

from __future__ import annotations

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.tf1 import tf
from nvnmd.device_file.layout import WIDTH
from nvnmd.model.descriptor import DescrptNvnmdSeA
from nvnmd.model.quantized.descriptor import QuantizedDescriptor
from nvnmd.model.quantized.tables import FEATURES, SWITCH, look_up
from nvnmd.ops.arithmetic import matmul_flt2fix
from nvnmd.ops.env_mat import prod_env_mat_a


@descriptors.register("nvnmd_quantized_se_a")
class DescrptQuantizedSeA(QuantizedDescriptor, DescrptNvnmdSeA):
    """``nvnmd_se_a`` in the numbers of the device; s and h by type of the centre, features by type of the neighbour.

    Parameters and errors are those of :class:`~nvnmd.model.descriptor.DescrptNvnmdSeA`.
    """

    def _rows_of_neighbors(self, inputs, statistics):
        given = (inputs.coord, inputs.type, inputs.natoms, inputs.box, inputs.mesh)
        return prod_env_mat_a(*given, *statistics, rcut=self.rcut, sel=self.sel)

    def _constants_of_types(self, ctx):
        return self.sel, tf.zeros([0, 2], tf.float64), tf.zeros([0, 0, WIDTH], tf.float64)

    def _switch(self, ctx, inputs, u):
        frames = inputs.by_type(tf.reshape(u, [inputs.nframes, inputs.nloc, self.nnei, 1]))
        blocks = [look_up(ctx, SWITCH, t)(tf.reshape(part, [-1, self.nnei, 1])) for t, part in enumerate(frames)]
        shape = [inputs.nframes, -1, self.nnei, 2]
        both = tf.concat([tf.reshape(block, shape) for block in blocks], axis=1)
        return tf.reshape(both, [-1, self.nnei, 2])

    def _sum(self, ctx, inputs, env, s, rows):
        blocks = enumerate(zip(tf.split(s, self.sel, axis=1), tf.split(rows, self.sel, axis=2)))
        return tf.add_n([matmul_flt2fix(r, look_up(ctx, FEATURES, t)(x)) for t, (x, r) in blocks if self.sel[t]])
