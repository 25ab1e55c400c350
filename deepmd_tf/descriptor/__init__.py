"""Descriptors: what the surroundings of an atom are to a network, one file per kind.

The classes of DPA-1 are for use without an input file as well.
"""

from deepmd_tf.descriptor.dpa1 import DescrptDPA1
from deepmd_tf.descriptor.dpa1_attention import (
    GatedAttentionLayer,
    NeighborGatedAttention,
    NeighborGatedAttentionLayer,
)
from deepmd_tf.descriptor.dpa1_block import DescrptBlockSeAtten

__all__ = [
    "DescrptBlockSeAtten",
    "DescrptDPA1",
    "GatedAttentionLayer",
    "NeighborGatedAttention",
    "NeighborGatedAttentionLayer",
]
