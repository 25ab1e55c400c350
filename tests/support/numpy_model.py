"""The standard energy model in NumPy, written from the equations: the reference that graphs are held to.

Loops over atoms and types, no tricks; only the environment matrix comes from the ops' own reference.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from deepmd_tf.ops.reference import env_mat_a

ACTIVATIONS = {
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "softplus": lambda x: np.logaddexp(0, x),
    "sigmoid": expit,
    "silu": lambda x: x * expit(x),
    "linear": lambda x: x,
    "none": lambda x: x,
}
ACTIVATIONS["gelu_tf"] = ACTIVATIONS["gelu"]
ACTIVATION_NAMES = [*ACTIVATIONS, "silut", "silut:1.5"]


def silut(x, threshold=3.0):
    """silu up to the threshold, then a tanh with the same value and slope."""
    sg = expit(threshold)
    slope, value = sg + threshold * sg * (1 - sg), threshold * sg
    return np.where(x < threshold, x * expit(x), np.tanh(slope * (x - threshold)) + value)


def phi(name: str):
    """The activation function of that name."""
    if name.startswith("silut"):
        return lambda x: silut(x, float(name.partition(":")[2] or 3.0))
    return ACTIVATIONS[name]


def embedding(x, weights: dict, scope: str, tag: str, neuron: list[int], activation: str, resnet_dt: bool):
    """Embedding network on x [n, 1] -> [n, neuron[-1]]."""
    for k in range(1, len(neuron) + 1):
        w, b = weights[f"{scope}/matrix_{k}{tag}"], weights[f"{scope}/bias_{k}{tag}"]
        n_in, n_out = w.shape
        h = phi(activation)(x @ w + b)
        if n_out == n_in or n_out == 2 * n_in:
            if resnet_dt:
                h = h * weights[f"{scope}/idt_{k}{tag}"]
            h = h + (x if n_out == n_in else np.concatenate([x, x], axis=1))
        x = h
    return x


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


def descriptor_se_e2_a(coord, atype, box, d: dict, weights: dict):
    """Descriptor of one frame, [N, M*M2]; atoms sorted by type. ``d`` is the complete descriptor section."""
    env = env_mat_a(
        np.reshape(coord, (1, -1)),
        np.reshape(atype, (1, -1)),
        None if box is None else np.reshape(box, (1, 9)),
        rcut=d["rcut"],
        rcut_smth=d["rcut_smth"],
        sel=d["sel"],
        davg=weights["descrpt_attr/t_avg"],
        dstd=weights["descrpt_attr/t_std"],
        derivative=False,
    ).descrpt[0]  # [N, nnei, 4]
    ntypes = len(d["sel"])
    edges = np.concatenate([[0], np.cumsum(d["sel"])])
    excluded = {tuple(p) for p in d["exclude_types"]} | {tuple(p)[::-1] for p in d["exclude_types"]}
    m, rows = d["neuron"][-1], []
    for i, ti in enumerate(atype):
        x = np.zeros((4, m))
        for tj in range(ntypes):
            block = env[i, edges[tj] : edges[tj + 1]]
            if d["type_one_side"] and (ti, tj) in excluded:
                block = np.zeros_like(block)
            elif (ti, tj) in excluded or not len(block):
                continue
            scope = "filter_type_all" if d["type_one_side"] else f"filter_type_{max(ti, 0)}"
            g = embedding(block[:, :1], weights, scope, f"_{tj}", d["neuron"], d["activation_function"], d["resnet_dt"])
            x += block.T @ g
        x /= sum(d["sel"])
        rows.append((x.T @ x[:, : d["axis_neuron"]]).ravel())
    return np.array(rows)


def atom_energies(coord, atype, box, model: dict, weights: dict, fparam=None, aparam=None):
    """Atomic energies of one frame [N]; ``model`` is the complete model section."""
    f = model["fitting_net"]
    features = descriptor_se_e2_a(coord, atype, box, model["descriptor"], weights)
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

        energies[i] = net(features[i])[0, 0] + weights["fitting_attr/t_bias_atom_e"][t]
        if f["atom_ener"] and f["atom_ener"][t] is not None:
            energies[i] -= net(np.zeros_like(features[i]))[0, 0]
    return energies
