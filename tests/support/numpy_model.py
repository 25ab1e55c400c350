"""The standard energy model in NumPy, written from the equations: the reference that graphs are held to.

Loops over atoms and types, no tricks: slower than :mod:`deepmd_tf.selfcheck`, which has to agree. The environment
matrix is that of the ops' own reference.
"""

from __future__ import annotations

import numpy as np

from deepmd_tf.ops.reference import env_mat
from deepmd_tf.selfcheck.numpy_net import ACTIVATION_NAMES, embedding, phi

__all__ = ["ACTIVATION_NAMES", "atom_energies", "embedding", "phi"]


def fitting(h, weights: dict, t: int, neuron: list[int], activation: str, resnet_dt: bool):
    """Fitting network of type t on h [n, n_in] -> [n, 1]."""
    for k, width in enumerate(neuron):
        scope = f"layer_{k}_type_{t}"
        y = phi(activation)(h @ weights[f"{scope}/matrix"] + weights[f"{scope}/bias"])
        if k > 0 and width == neuron[k - 1]:
            if resnet_dt:
                y = y * weights[f"{scope}/idt"]
            y = y + h
        h = y
    return h @ weights[f"final_layer_type_{t}/matrix"] + weights[f"final_layer_type_{t}/bias"]


def environment(coord, atype, box, d: dict, weights: dict, suffix: str, components: int = 4):
    """Normalised environment matrix of one frame by neighbour type: arrays [N, sel of the type, components]."""
    env = env_mat(
        np.reshape(coord, (1, -1)),
        np.reshape(atype, (1, -1)),
        None if box is None else np.reshape(box, (1, 9)),
        rcut=d["rcut"],
        rcut_smth=d["rcut_smth"],
        sel=d["sel"],
        components=components,
        davg=weights[f"descrpt_attr{suffix}/t_avg"],
        dstd=weights[f"descrpt_attr{suffix}/t_std"],
        derivative=False,
    ).descrpt[0]  # [N, nnei, components]
    return np.split(env, np.cumsum(d["sel"])[:-1], axis=1)


def features(s, ti: int, tj: int, d: dict, weights: dict, suffix: str):
    """Rows s [n, c] of one block as its network sees them, and the features [n, M]; None where there is no network."""
    excluded = (ti, tj) in map(tuple, d["exclude_types"]) or (tj, ti) in map(tuple, d["exclude_types"])
    if d["type_one_side"] and excluded:
        s = np.zeros_like(s)
    elif excluded or not len(s):
        return None
    scope = f"filter_type_all{suffix}" if d["type_one_side"] else f"filter_type_{max(ti, 0)}{suffix}"
    return s, embedding(s[:, :1], weights, scope, f"_{tj}", d["neuron"], d["activation_function"], d["resnet_dt"])


def descriptor_se_e2_a(coord, atype, box, d: dict, weights: dict, suffix: str = ""):
    """[N, M*M2]"""
    blocks = environment(coord, atype, box, d, weights, suffix)
    rows = []
    for i, ti in enumerate(atype):
        x = np.zeros((4, d["neuron"][-1]))
        for tj, block in enumerate(blocks):
            if found := features(block[i], ti, tj, d, weights, suffix):
                x += found[0].T @ found[1]
        x /= sum(d["sel"])
        rows.append((x.T @ x[:, : d["axis_neuron"]]).ravel())
    return np.array(rows)


def descriptor_se_e2_r(coord, atype, box, d: dict, weights: dict, suffix: str = ""):
    """[N, M]: a fifth of the mean of the features over all slots; those of excluded pairs are zero."""
    blocks = environment(coord, atype, box, d, weights, suffix, components=1)
    rows = np.zeros((len(atype), d["neuron"][-1]))
    for i, ti in enumerate(atype):
        for tj, block in enumerate(blocks):
            if found := features(block[i], ti, tj, d, weights, suffix):
                rows[i] += found[1].sum(axis=0) / (5 * sum(d["sel"]))
    return rows


def descriptor_se_e3(coord, atype, box, d: dict, weights: dict, suffix: str = ""):
    """[N, M]: for each unordered pair of types the mean over pairs of slots of angle times features of the angle."""
    blocks = environment(coord, atype, box, d, weights, suffix)
    rows = np.zeros((len(atype), d["neuron"][-1]))
    for i, ti, tj in np.ndindex(len(atype), len(blocks), len(blocks)):
        if ti > tj or not d["sel"][ti] or not d["sel"][tj]:
            continue
        angles = np.array([[a[1:] @ b[1:] for b in blocks[tj][i]] for a in blocks[ti][i]]).reshape(-1, 1)
        scope, tag = f"filter_type_all{suffix}", f"_{ti}_{tj}"
        g = embedding(angles, weights, scope, tag, d["neuron"], d["activation_function"], d["resnet_dt"])
        rows[i] += (angles * g).sum(axis=0) / len(angles)
    return rows


def descriptor_hybrid(coord, atype, box, d: dict, weights: dict, suffix: str = ""):
    """The descriptors of the list side by side."""
    parts = [descriptor(coord, atype, box, part, weights, f"{suffix}_{k}") for k, part in enumerate(d["list"])]
    return np.concatenate(parts, axis=1)


def descriptor(coord, atype, box, d: dict, weights: dict, suffix: str = ""):
    """Descriptor of one frame, [N, dim_out]; atoms sorted by type. ``d`` is the complete descriptor section."""
    return globals()[f"descriptor_{d['type']}"](coord, atype, box, d, weights, suffix)


def atom_energies(coord, atype, box, model: dict, weights: dict, fparam=None, aparam=None):
    """Atomic energies of one frame [N]; ``model`` is the complete model section."""
    f = model["fitting_net"]
    x = descriptor(coord, atype, box, model["descriptor"], weights)
    energies = np.zeros(len(atype))
    for i, t in enumerate(atype):
        if t < 0:
            continue
        extra = []
        if f["numb_fparam"]:
            extra.append(
                (fparam.ravel() - weights["fitting_attr/t_fparam_avg"]) * weights["fitting_attr/t_fparam_istd"]
            )
        if f["numb_aparam"] and not f["use_aparam_as_mask"]:
            a = aparam.reshape(len(atype), -1)[i]
            extra.append((a - weights["fitting_attr/t_aparam_avg"]) * weights["fitting_attr/t_aparam_istd"])

        def net(x, t=t, extra=tuple(extra)):
            return fitting(
                np.concatenate([x, *extra])[None], weights, t, f["neuron"], f["activation_function"], f["resnet_dt"]
            )

        energies[i] = net(x[i])[0, 0] + weights["fitting_attr/t_bias_atom_e"][t]
        if f["atom_ener"] and f["atom_ener"][t] is not None:
            energies[i] -= net(np.zeros_like(x[i]))[0, 0]
    return energies
