"""Slow, obvious NumPy definition of each op: the text to read first, and what the tests hold the kernels against.

Signatures are those of :mod:`deepmd_tf.ops.core`, without threads and targets. Nothing here is fast: neighbours are
found by trying every image of every atom.
"""

from deepmd_tf.ops.reference.attention import gated_attention
from deepmd_tf.ops.reference.environment import (
    env_mat,
    env_mat_mix,
    env_row,
    images,
    neighbor_stat,
    neighbors_of,
    switch,
)
from deepmd_tf.ops.reference.force import prod_force, prod_force_grad, prod_virial, prod_virial_grad
from deepmd_tf.ops.reference.gelu import gelu
from deepmd_tf.ops.reference.gram import gram
from deepmd_tf.ops.reference.group import group_dot, group_outer, group_spread
from deepmd_tf.ops.reference.linear import linear
from deepmd_tf.ops.reference.residual_norm import residual_norm
from deepmd_tf.ops.reference.table import (
    hermite,
    knot_positions,
    table_factor,
    table_radial,
    table_rows,
    table_three_body,
    table_two_body,
    table_two_rows,
)
from deepmd_tf.ops.reference.tabulate import (
    tabulate_fusion_se_a,
    tabulate_fusion_se_a_grad,
    tabulate_fusion_se_a_grad_grad,
    tabulate_fusion_se_atten,
    tabulate_fusion_se_atten_grad,
    tabulate_fusion_se_atten_grad_grad,
    tabulate_fusion_se_r,
    tabulate_fusion_se_r_grad,
    tabulate_fusion_se_r_grad_grad,
    tabulate_fusion_se_t,
    tabulate_fusion_se_t_grad,
    tabulate_fusion_se_t_grad_grad,
)

__all__ = [
    "env_mat",
    "env_mat_mix",
    "env_row",
    "gated_attention",
    "gelu",
    "gram",
    "group_dot",
    "group_outer",
    "group_spread",
    "hermite",
    "images",
    "knot_positions",
    "linear",
    "neighbor_stat",
    "neighbors_of",
    "prod_force",
    "prod_force_grad",
    "prod_virial",
    "prod_virial_grad",
    "residual_norm",
    "switch",
    "table_factor",
    "table_radial",
    "table_rows",
    "table_three_body",
    "table_two_body",
    "table_two_rows",
    "tabulate_fusion_se_a",
    "tabulate_fusion_se_a_grad",
    "tabulate_fusion_se_a_grad_grad",
    "tabulate_fusion_se_atten",
    "tabulate_fusion_se_atten_grad",
    "tabulate_fusion_se_atten_grad_grad",
    "tabulate_fusion_se_r",
    "tabulate_fusion_se_r_grad",
    "tabulate_fusion_se_r_grad_grad",
    "tabulate_fusion_se_t",
    "tabulate_fusion_se_t_grad",
    "tabulate_fusion_se_t_grad_grad",
]
