"""The dictionary of a DPA-1 descriptor (DPA-1 specification, 5) as options, and weights by the names of a graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

# Keys of the dictionary that are no options of the descriptor.
_PARTS = ("@class", "@version", "@variables", "embeddings", "embeddings_strip", "attention_layers", "env_mat")


def load(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The tree that ``dpa1_runner.py`` stored in ``path`` with its arrays, and the arrays that stand beside it."""
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
        arrays = dict(stored)
    return _filled(json.loads(path.read_text()), arrays), {key: arrays[key] for key in arrays if "/" in key}


def _filled(tree, arrays):
    if isinstance(tree, list):
        return [_filled(value, arrays) for value in tree]
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"array"}:
        return arrays[tree["array"]]
    return {key: _filled(value, arrays) for key, value in tree.items()}


def dump(tree, arrays: dict[str, np.ndarray]) -> str:
    """JSON of the tree, in the form of :func:`load`; its arrays go into ``arrays``."""

    def store(value):
        if isinstance(value, dict):
            return {key: store(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [store(one) for one in value]
        if isinstance(value, np.ndarray):
            arrays[f"array_{len(arrays)}"] = value
            return {"array": f"array_{len(arrays) - 1}"}
        return value

    return json.dumps(store(tree))


def section_of(dictionary: dict) -> dict:
    """The options; those of the attention as they stand innermost, where they act."""
    section = {key: value for key, value in dictionary.items() if key not in (*_PARTS, "type_embedding")}
    for entry in dictionary["attention_layers"]["attention_layers"]:
        inner = entry["attention_layer"]
        section |= {key: inner[key] for key in ("normalize", "temperature", "scaling_factor")}
        section |= {"attn_dotr": inner["dotr"], "smooth_type_embedding": inner["smooth"]}
        section["ln_eps"] = entry["attn_layer_norm"]["eps"]
    return section


def weights_of(dictionary: dict) -> dict[str, np.ndarray]:
    """Weights and statistics by the names of the TensorFlow contract, C.7."""
    weights = {f"descrpt_attr/t_{kind}": dictionary["@variables"][f"d{kind}"] for kind in ("avg", "std")}
    weights |= _net("filter_type_all", "", dictionary["embeddings"]["networks"][0])
    if "embeddings_strip" in dictionary:
        tag = "_one_side_ebd" if dictionary["type_one_side"] else "_two_side_ebd"
        weights |= _net("filter_type_all", tag, dictionary["embeddings_strip"]["networks"][0])
    weights |= _net("type_embed_net", "", dictionary["type_embedding"]["embedding"])
    for k, entry in enumerate(dictionary["attention_layers"]["attention_layers"]):
        weights |= _attention(f"attention_layer_{k}", entry)
    return weights


def _net(scope: str, tag: str, net: dict) -> dict[str, np.ndarray]:
    found = {}
    for k, layer in enumerate(net["layers"], start=1):
        for kind, name in (("matrix", "w"), ("bias", "b"), ("idt", "idt")):
            if layer["@variables"][name] is not None:
                found[f"{scope}/{kind}_{k}{tag}"] = layer["@variables"][name]
    return found


def _attention(scope: str, entry: dict) -> dict[str, np.ndarray]:
    joined, out = (entry["attention_layer"][name]["@variables"] for name in ("in_proj", "out_proj"))
    norm = entry["attn_layer_norm"]["@variables"]
    found = {f"{scope}/c_out/matrix": out["w"], f"{scope}/c_out/bias": out["b"]}
    for name, matrix, bias in zip(("query", "key", "value"), np.split(joined["w"], 3, 1), np.split(joined["b"], 3)):
        found |= {f"{scope}/c_{name}/matrix": matrix, f"{scope}/c_{name}/bias": bias}
    return {**found, f"{scope}/layer_normalization/gamma": norm["w"], f"{scope}/layer_normalization/beta": norm["b"]}
