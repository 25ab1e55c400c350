"""The vectors by which the networks of version 1 tell types apart."""

from __future__ import annotations

from deepmd_tf.nn.embedding import embedding_net
from deepmd_tf.nn.initial import Seeds
from deepmd_tf.tf1 import tf
from nvnmd.config import TYPE_WIDTH


def type_embedding(ctx, ntypes: int, seeds: Seeds):
    """Vectors of the types: [ntypes, 8].

    One linear layer of the types as unit vectors. As any layer it adds an input of its own width or half of it: that
    of 8 or 4 types. The weights ``type_embed_net`` are shared: of descriptor and fitting, the one that is built first
    draws them. Source: NVNMD format, type tables.
    """
    dtype = ctx.interface.name
    net = embedding_net(ctx, f"type_embed_net{ctx.suffix}", "", [TYPE_WIDTH], "none", dtype, seeds, n_in=ntypes)
    return net(tf.eye(ntypes, dtype=dtype))
