"""The DPA-1 descriptor of a model file as a class, and as a dictionary that deepmd-kit's reference evaluates alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deepmd_tf.descriptor.dpa1 import DescrptDPA1
from deepmd_tf.descriptor.dpa1_attention import NeighborGatedAttentionLayer
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.nn.dialect import DEFAULT, DIALECTS, NODE
from deepmd_tf.nn.records import NetRecord

_LINEAR = ("linear", "none")
# Keys of an input file that are parameters of the class as they are.
_SAME = (
    "rcut", "rcut_smth", "neuron", "axis_neuron", "activation_function", "resnet_dt", "type_one_side", "trainable",
    "exclude_types", "env_protection", "set_davg_zero", "attn", "attn_layer", "attn_dotr", "attn_mask", "normalize",
    "temperature", "scaling_factor", "trainable_ln", "concat_output_tebd", "tebd_input_mode",
    "stripped_type_embedding", "smooth_type_embedding", "use_econf_tebd", "use_tebd_bias",
)  # fmt: skip


def descriptor_of(model: FrozenModel) -> DescrptDPA1:
    """The descriptor of a model file, in the dialect of the file and with its weights.

    Raises
    ------
    ModelFormatError
        The file holds no input or tables in the place of networks, or its descriptor is not DPA-1 alone, or its vectors
        of types are not one linear layer.
    ConfigError
        An option is none of the class: ``attn_mask``.
    """
    script = model.training_script.get("model", {})
    section = script.get("descriptor", {})
    if section.get("type") not in ("se_atten", "dpa1", "se_atten_v2") or model.compressed:
        raise ModelFormatError(f"{model.path}: expected a model of se_atten or se_atten_v2 that is not compressed")
    weights, told = model.constants(), script.get("type_embedding")
    if told and (len(told["neuron"]) > 1 or str(told.get("activation_function", "tanh")).lower() not in _LINEAR):
        raise ModelFormatError(f"{model.path}: type_embedding: expected one linear layer, found {told}")
    settings = {key: section[key] for key in _SAME if key in section}
    if section["type"] == "se_atten_v2":
        settings |= {"tebd_input_mode": "strip", "smooth_type_embedding": True}
    if told:
        settings |= {key: told.get(key, False) for key in ("use_econf_tebd", "use_tebd_bias")}
    if "filter_type_all/matrix_1_two_side_ebd" in weights:
        settings["type_one_side"] = False  # which deepmd-kit's graphs do not look at there
    dialect, width = section.get(NODE, DEFAULT), weights["type_embed_net/matrix_1"].shape[1]
    eps = section.get("ln_eps")
    found = DescrptDPA1(
        **settings, sel=[weights["descrpt_attr/t_avg"].shape[1] // 4], ntypes=model.ntypes, tebd_dim=width,
        precision=weights["filter_type_all/matrix_1"].dtype.name, type_map=list(model.type_map), dialect=dialect,
        ln_eps=DIALECTS[dialect].ln_eps if eps is None else eps,
    )  # fmt: skip
    _fill(found, weights)
    return found


def for_reference(descriptor: DescrptDPA1) -> DescrptDPA1:
    """The same descriptor in the dialect of deepmd-kit's reference; ``serialize`` of it is what that program reads.

    The factor of the products of queries and keys becomes a ``temperature``. What is left is the gate of a neighbour
    at the cutoff itself, see docs/attention.md.

    Raises
    ------
    ConfigError
        It cannot be told in that dialect: it is smooth, or empty slots, or excluded ones, are no zeros.
    """
    block = descriptor.se_atten
    if descriptor.dialect == "reference":
        return DescrptDPA1.deserialize(descriptor.serialize())
    if descriptor.smooth_type_embedding and (descriptor.attn_layer or block.embeddings_strip is not None):
        raise ConfigError("smooth_type_embedding: the smooth switches of the two dialects are different functions")
    if np.any(block.mean):
        raise ConfigError("the mean of the environment matrix is not zero: the reference gives empty slots a type")
    data = descriptor.serialize()
    del data[NODE]
    scale = DIALECTS[descriptor.dialect].scale(descriptor.attn, descriptor.scaling_factor, descriptor.temperature)
    layers = data["attention_layers"]["attention_layers"]
    for place in (data, data["attention_layers"], *layers, *(layer["attention_layer"] for layer in layers)):
        place["temperature"] = scale
    return DescrptDPA1.deserialize(data)


def _fill(descriptor: DescrptDPA1, weights: Mapping[str, np.ndarray]) -> None:
    """Put weights of a graph (contract C.7) in the place of those of a descriptor."""
    block = descriptor.se_atten
    tag = "_one_side_ebd" if descriptor.type_one_side else "_two_side_ebd"
    for net, scope, end in (
        (block.embeddings, "filter_type_all", ""),
        (block.embeddings_strip, "filter_type_all", tag),
        (descriptor.type_embedding.net, "type_embed_net", ""),
    ):
        if net is not None:
            _fill_net(net, weights, scope, end)
    for k, layer in enumerate(block.dpa1_attention.attention_layers):
        _fill_layer(layer, weights, f"attention_layer_{k}")
    shape = block.mean.shape
    block.mean, block.stddev = (weights[f"descrpt_attr/{name}"].reshape(shape) for name in ("t_avg", "t_std"))


def _fill_net(net: NetRecord, weights: Mapping, scope: str, tag: str) -> None:
    for k, layer in enumerate(net.layers, start=1):
        layer.w = weights[f"{scope}/matrix_{k}{tag}"]
        if layer.b is not None:
            layer.b = weights[f"{scope}/bias_{k}{tag}"].ravel()
        if layer.idt is not None:
            layer.idt = weights[f"{scope}/idt_{k}{tag}"].ravel()


def _fill_layer(layer: NeighborGatedAttentionLayer, weights: Mapping, scope: str) -> None:
    joined = lambda kind: [weights[f"{scope}/c_{name}/{kind}"] for name in ("query", "key", "value")]  # noqa: E731
    attention, norm = layer.attention_layer, f"{scope}/layer_normalization"
    attention.in_proj.w, attention.in_proj.b = np.concatenate(joined("matrix"), axis=1), np.concatenate(joined("bias"))
    attention.out_proj.w, attention.out_proj.b = (weights[f"{scope}/c_out/{kind}"] for kind in ("matrix", "bias"))
    layer.gamma, layer.beta = weights[f"{norm}/gamma"], weights[f"{norm}/beta"]
