"""The DPA-1 descriptor in NumPy, one centre at a time: slow, and as the equations stand on paper.

Numbers of sections are those of the DPA-1 specification; M is the width of the embedding, P the number of types plus
one for padding, h the width of the attention. All is in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deepmd_tf.nn.dialect import Dialect
from deepmd_tf.nn.electrons import electron_configuration
from deepmd_tf.selfcheck.numpy_env import surroundings
from deepmd_tf.selfcheck.numpy_net import phi

# What a row of the smooth attention is shifted by, so that the switch draws it to a small weight and not to a middle.
_SHIFT = 20.0


@dataclass(frozen=True)
class Slots:
    """The neighbours of one centre.

    Attributes
    ----------
    rows : [nnei, 4]
        Normalised rows of the environment matrix, those of excluded slots replaced.
    h2 : [nnei, 3]
        Their last three columns before that.
    sw : [nnei]
        The switch, 0 where a slot is not live.
    live : bool [nnei]
        Holds a neighbour whose type the centre sees.
    types : int [nnei]
        Row of the type table that stands for the slot.
    """

    rows: np.ndarray
    h2: np.ndarray
    sw: np.ndarray
    live: np.ndarray
    types: np.ndarray


def descriptor(
    section: Mapping,
    weights: Mapping[str, np.ndarray],
    coord,
    atype,
    box,
    dialect: Dialect,
    *,
    suffix: str = "",
    type_embedding: Mapping | None = None,
    type_map=None,
    single_cutoffs: bool = True,
) -> dict[str, np.ndarray]:
    r"""The descriptor of all atoms of one frame.

    With :math:`r_j` the row of neighbour j and :math:`G_j` its features after the attention,

    .. math:: X = \frac{1}{\text{nnei}} \sum_j G_j^T r_j, \quad D = X X_{1..M_2}^T,

    followed by the type vector of the centre, unless ``concat_output_tebd`` is false (2.7).

    Parameters
    ----------
    section : mapping
        Options of the descriptor (1.2); a key that is absent has the default of the input file.
    weights : mapping of str to ndarray
        By the names of a frozen graph (contract C.7): ``filter_type_all/matrix_1``, ``attention_layer_0/c_query/bias``,
        ``type_embed_net/matrix_1``, ``descrpt_attr/t_avg``...
    coord : array [N, 3], Å
    atype : int array [N]
        Negative for virtual atoms.
    box : array [3, 3] or [9], or None
        Lattice vectors as rows, Å; None for open boundaries.
    dialect : Dialect
    suffix : str
        What follows the scopes of the names, in a part of a hybrid.
    type_embedding : mapping, optional
        The section ``model/type_embedding``; without it, one linear layer with the options of ``section``.
    type_map : list of str, optional
        Elements, for ``use_econf_tebd``.
    single_cutoffs : bool
        Whether rcut and rcut_smth are rounded to single precision, as the operations of graphs hold them.

    Returns
    -------
    dict of str to float64 array
        ``D`` [N, M*M2 (+ width of a type vector)], ``rot_mat`` [N, M, 3], ``g2`` [N, nnei, M] (the final features),
        ``h2`` [N, nnei, 3] and ``sw`` [N, nnei], see :class:`Slots`; ``nlist`` int [N, nnei], neighbours nearest first;
        ``types`` [N, width of a type vector].
    """
    coord, atype = np.reshape(coord, (-1, 3)).astype(np.float64), np.asarray(atype)
    part = _Part(section, weights, dialect, suffix, type_embedding, type_map or section.get("type_map"), single_cutoffs)
    nlist, rij = part.neighbors(coord, atype, box)
    found = [part.center(i, atype, nlist[i], rij[i]) for i in range(len(atype))]
    named = {name: np.array([one[k] for one in found]) for k, name in enumerate(("D", "rot_mat", "g2", "h2", "sw"))}
    types = np.array([part.type_table[part.type_row(int(t))] for t in atype])
    return {**named, "nlist": nlist, "types": types}


class _Part:
    """The options and weights of one descriptor, and the steps of its evaluation."""

    def __init__(self, section, weights, dialect, suffix, type_embedding, type_map, single_cutoffs):
        option = section.get
        self.dialect, self.weights, self.suffix = dialect, weights, suffix
        round_cutoff = np.float32 if single_cutoffs else np.float64
        self.rcut, self.rcut_smth = (float(round_cutoff(section[name])) for name in ("rcut", "rcut_smth"))
        self.nnei, self.protection = int(np.sum(section["sel"])), option("env_protection", 0.0)
        pairs = [tuple(pair) for pair in option("exclude_types", ())]
        self.excluded = {*pairs, *(pair[::-1] for pair in pairs)}
        self.axis_neuron = option("axis_neuron", 4)
        self.activation = phi(option("activation_function", "tanh"))
        self.strip = option("tebd_input_mode", "concat") == "strip"
        if option("stripped_type_embedding") is not None:
            self.strip = option("stripped_type_embedding")
        self.one_side, self.smooth = option("type_one_side", False), option("smooth_type_embedding", False)
        self.layers, self.dotr, self.mask = option("attn_layer", 2), option("attn_dotr", True), option("attn_mask")
        self.normalize, self.scaling = option("normalize", True), option("scaling_factor", 1.0)
        self.temperature = option("temperature")
        self.ln_eps = dialect.ln_eps if option("ln_eps") is None else option("ln_eps")
        self.appends_type = option("concat_output_tebd", True)
        self.davg, self.dstd = (self._statistics(name) for name in ("t_avg", "t_std"))
        self.ntypes = len(self.davg)
        one_layer = {"activation_function": "linear", "use_econf_tebd": option("use_econf_tebd", False)}
        self.type_table = self._type_table({"activation_function": "tanh", **(type_embedding or one_layer)}, type_map)

    def _statistics(self, name: str) -> np.ndarray:
        """Mean or scale of the rows, [ntypes, nnei, 4]."""
        return np.reshape(self.weights[f"descrpt_attr{self.suffix}/{name}"], (-1, self.nnei, 4)).astype(np.float64)

    def _type_table(self, section: Mapping, type_map) -> np.ndarray:
        """Vectors of the types, and zeros for padding, [P, dt] (2.4)."""
        start = np.eye(self.ntypes)
        if section.get("use_econf_tebd"):
            start = electron_configuration(type_map[: self.ntypes])
        rows = self.net(start, f"type_embed_net{self.suffix}", "", phi(section["activation_function"]))
        return np.concatenate([rows, np.zeros_like(rows[:1])])

    def net(self, x, scope: str, tag: str = "", activation: Callable | None = None) -> np.ndarray:
        """The embedding network ``scope/*_k{tag}``, [n, n_in] -> [n, n_out] (2.5)."""
        activation, k = activation or self.activation, 1
        while f"{scope}/matrix_{k}{tag}" in self.weights:
            matrix, bias, idt = (self.weights.get(f"{scope}/{kind}_{k}{tag}") for kind in ("matrix", "bias", "idt"))
            y = activation(x @ matrix + (0.0 if bias is None else bias))
            n_in, n_out = matrix.shape
            if n_out in (n_in, 2 * n_in):
                y = np.tile(x, n_out // n_in) + y * (1.0 if idt is None else idt)
            x, k = y, k + 1
        return x

    def neighbors(self, coord, atype, box) -> tuple[np.ndarray, np.ndarray]:
        """Neighbour of each slot [N, nnei], nearest first and -1 where empty, and vectors to them [N, nnei, 3], Å."""
        mixed = np.where(atype < 0, -1, 0)  # one list for all types
        seen = surroundings(coord, mixed, box, rcut=self.rcut, rcut_smth=self.rcut_smth, sel=[self.nnei])
        return seen.nlist, seen.rij

    def center(self, i: int, atype, neighbors, rij) -> tuple[np.ndarray, ...]:
        """D, rot_mat, g2, h2 and sw of atom i."""
        slots = self.slots(atype, int(atype[i]), neighbors, rij)
        g = self.features(int(atype[i]), slots)
        for k in range(self.layers):
            g = self.attention(g, slots, f"attention_layer_{k}{self.suffix}")
        x = g.T @ slots.rows / self.nnei  # [M, 4]
        d = (x @ x[: self.axis_neuron].T).ravel()
        if self.appends_type:
            d = np.concatenate([d, self.type_table[self.type_row(int(atype[i]))]])
        return d, x[:, 1:], g, slots.h2, slots.sw

    def type_row(self, t: int) -> int:
        """Where the type table has a type: a virtual atom is padding."""
        return t if t >= 0 else self.ntypes

    def slots(self, atype, t: int, neighbors, rij) -> Slots:
        """Rows, switch, and which slots count, for a centre of type t (2.2, 2.3)."""
        there = neighbors >= 0
        keep = np.array([j < 0 or (t, int(atype[j])) not in self.excluded for j in neighbors])
        live = there & keep
        raw, switch = self.environment(there, rij)
        # A virtual centre has no neighbours and no statistics.
        davg, dstd = (self.davg[t], self.dstd[t]) if t >= 0 else (np.zeros((self.nnei, 4)), np.ones((self.nnei, 4)))
        rows = (raw - davg) / dstd
        replaced = davg[:, :1] if self.smooth and self.dialect.excluded_rows_are_mean else 0.0
        if self.smooth and not self.dialect.polynomial_switch:
            switch = np.clip(1 - (1 - self.rcut_smth * raw[:, 0]) ** 3, 0, 1)
        if self.dialect.first_atom_pads:
            types = np.where(live, atype[neighbors], self.type_row(int(atype[0])))
        else:
            types = np.where(there, atype[neighbors], self.ntypes)
        return Slots(np.where(keep[:, None], rows, replaced), rows[:, 1:], np.where(live, switch, 0.0), live, types)

    def environment(self, there, rij) -> tuple[np.ndarray, np.ndarray]:
        """S (1/r, x/r^2, y/r^2, z/r^2), with r raised by the protection, and S; all zero in empty slots (2.2)."""
        raw, switch = np.zeros((self.nnei, 4)), np.zeros(self.nnei)
        for j in np.flatnonzero(there):
            r = np.sqrt(rij[j] @ rij[j])
            u = np.clip((r - self.rcut_smth) / (self.rcut - self.rcut_smth), 0.0, 1.0)
            switch[j] = u**3 * (-6 * u**2 + 15 * u - 10) + 1
            safe = r + self.protection
            raw[j] = switch[j] * np.array([1 / safe, *(rij[j] / safe**2)])
        return raw, switch

    def features(self, t: int, slots: Slots) -> np.ndarray:
        """Features of the slots before the attention, [nnei, M]: neighbour's type first, then the centre's (2.5)."""
        scope, s = f"filter_type_all{self.suffix}", slots.rows[:, :1]
        types = self.type_table[slots.types]
        if not self.one_side:
            types = np.hstack([types, np.tile(self.type_table[self.type_row(t)], (self.nnei, 1))])
        if not self.strip:
            return self.net(np.hstack([s, types]), scope)
        factor = self.net(types, scope, "_one_side_ebd" if self.one_side else "_two_side_ebd")
        if self.smooth:
            factor = factor * slots.sw[:, None]
        g = self.net(s, scope)
        return g * factor + g

    def attention(self, x, slots: Slots, scope: str) -> np.ndarray:
        """One attention layer on the features of the slots, [nnei, M] -> [nnei, M] (2.6)."""
        query, key, value = (self.projected(x, f"{scope}/c_{name}") for name in ("query", "key", "value"))
        factor = self.dialect.scale(query.shape[1], self.scaling, self.temperature)
        weight = self.attention_weights(factor * query @ key.T, slots)
        out = self.weights[f"{scope}/c_out/matrix"], self.weights[f"{scope}/c_out/bias"]
        return self.layer_norm(x + (weight @ value) @ out[0] + out[1], f"{scope}/layer_normalization")

    def projected(self, x, name: str) -> np.ndarray:
        """Queries, keys or values [nnei, h], of length 1 each where ``normalize`` says so."""
        y = x @ self.weights[f"{name}/matrix"] + self.weights[f"{name}/bias"]
        return y / _lengths(y, self.dialect.norm_floor) if self.normalize else y

    def attention_weights(self, logits, slots: Slots) -> np.ndarray:
        """How much each slot (row) takes from each slot (column), [nnei, nnei]."""
        both = np.outer(slots.sw, slots.sw)
        if self.smooth:
            weight = _softmax((logits + _SHIFT) * both - _SHIFT) * both
        else:
            weight = np.zeros_like(logits)
            weight[:, slots.live] = _softmax(logits[:, slots.live])
        weight[~slots.live] = 0.0
        if self.dotr:
            e = slots.rows[:, 1:] / _lengths(slots.rows[:, 1:], self.dialect.floor)
            weight = weight * (e @ e.T)
        if self.mask:
            np.fill_diagonal(weight, 0.0)
        return weight

    def layer_norm(self, x, scope: str) -> np.ndarray:
        """Each row shifted to mean 0 and scaled to variance 1, then scaled and shifted as learned."""
        centered = x - x.mean(axis=1, keepdims=True)
        scale = np.sqrt((centered**2).mean(axis=1, keepdims=True) + self.ln_eps)
        return self.weights[f"{scope}/gamma"] * centered / scale + self.weights[f"{scope}/beta"]


def _lengths(rows, floor: float) -> np.ndarray:
    return np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), floor)


def _softmax(x) -> np.ndarray:
    """Exponentials of each row, scaled to the sum 1; a row without entries stays without."""
    if x.shape[1] == 0:
        return x
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
