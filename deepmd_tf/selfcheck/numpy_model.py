"""The energy model in NumPy, written from the equations: the reference that graphs and files are held to.

Everything is in float64, with the weights as the networks hold them. Atoms come in any order; frames one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.script import plain_descriptors
from deepmd_tf.selfcheck.numpy_env import Surroundings, surroundings
from deepmd_tf.selfcheck.numpy_net import embedding_slope, fitting_slope, table_slope

# Atoms that are handled at once; features of pairs of neighbours take the most memory.
_ATOMS, _ATOMS_OF_PAIRS = 64, 4


@dataclass(frozen=True)
class Prediction:
    """What a model says of one frame.

    Attributes
    ----------
    atom_energy : [N], eV
    force : [N, 3], eV/Å
    virial : [3, 3], eV
        Force on the neighbour times vector to it, see :mod:`deepmd_tf.keys`.
    cut_off : int [N]
        Neighbours of each atom that found no slot.
    ties : int
        How many of these were left out by accident, see :class:`~deepmd_tf.selfcheck.numpy_env.Surroundings`.
    """

    atom_energy: np.ndarray
    force: np.ndarray
    virial: np.ndarray
    cut_off: np.ndarray
    ties: int

    @property
    def energy(self) -> float:
        """Energy of the frame, eV."""
        return float(self.atom_energy.sum())


def predict(coord, types, cell, model: Mapping, weights: Mapping, fparam=None, aparam=None) -> Prediction:
    """Energies, forces and virial of one frame.

    Parameters
    ----------
    coord : array [N, 3] or [N*3], Å
    types : int array [N]
        Negative for virtual atoms.
    cell : array [3, 3] or [9], or None
        Lattice vectors as rows, Å; None for open boundaries.
    model : mapping
        The complete section ``model`` of the input.
    weights : mapping of str to ndarray
        Weights and statistics by the names of the model file; tables as ``NAME/table`` and ``NAME/table_info`` where
        they stand for a network.
    fparam : array [numb_fparam], optional
    aparam : array [N, numb_aparam], optional

    Raises
    ------
    ModelFormatError
        There are no equations here for a part of the model.
    """
    coord, types = np.reshape(coord, (-1, 3)), np.asarray(types)
    parts = [_Part(section, suffix, weights) for section, suffix in plain_descriptors(model["descriptor"])]
    seen = [part.see(coord, types, cell) for part in parts]
    extra = parameters(model["fitting_net"], weights, len(types), fparam, aparam)
    energy, force, virial = np.zeros(len(types)), np.zeros((len(types), 3)), np.zeros((3, 3))
    for t, atoms in _chunks(types, min(part.atoms_at_once for part in parts)):
        features = [part.features(t, one, atoms) for part, one in zip(parts, seen)]
        width = np.cumsum([0, *(value.shape[1] for value, _ in features)])
        inputs = np.concatenate([*(value for value, _ in features), extra[atoms]], axis=1)
        energy[atoms], slope = _atomic_energy(t, inputs, int(width[-1]), model["fitting_net"], weights)
        for one, (_, pull_back), a, b in zip(seen, features, width[:-1], width[1:]):
            pairs = np.einsum("njc,njcx->njx", pull_back(slope[:, a:b]), one.slopes[atoms])  # by rij, eV/Å
            force[atoms] += pairs.sum(axis=1)
            there = one.nlist[atoms] >= 0
            np.subtract.at(force, one.nlist[atoms][there], pairs[there])
            virial -= np.einsum("njx,njy->xy", pairs, one.rij[atoms])
    return Prediction(energy, force, virial, sum(one.cut_off for one in seen), sum(one.ties for one in seen))


def atom_energies(coord, atype, box, model: Mapping, weights: Mapping, fparam=None, aparam=None):
    """Atomic energies of one frame [N], see :func:`predict`."""
    return predict(coord, atype, box, model, weights, fparam, aparam).atom_energy


class _Part:
    """A plain descriptor: features of atoms of one type, and how slopes by features become slopes by rows."""

    def __init__(self, section: Mapping, suffix: str, weights: Mapping):
        self.section, self.suffix, self.weights = section, suffix, weights
        if section["type"] not in _KINDS:
            raise ModelFormatError(f"there are no equations in NumPy for the descriptor {section['type']!r}")
        self.features_of, self.components = _KINDS[section["type"]]
        self.sel = [int(n) for n in section["sel"]]
        self.atoms_at_once = _ATOMS_OF_PAIRS if self.features_of is _se_e3 else _ATOMS
        pairs = [tuple(pair) for pair in section.get("exclude_types", ())]
        self.excluded = {*pairs, *(pair[::-1] for pair in pairs)}
        self.one_sided = section.get("type_one_side", False)

    def see(self, coord, types, cell) -> Surroundings:
        """The neighbours of all atoms, rows and slopes normalised by type of the centre."""
        d = self.section
        raw = surroundings(coord, types, cell, rcut=d["rcut"], rcut_smth=d["rcut_smth"], sel=self.sel)
        table = (len(self.sel), sum(self.sel), self.components)
        mean, scale = (
            np.reshape(self.weights[f"descrpt_attr{self.suffix}/{name}"], table).astype(np.float64)[types]
            for name in ("t_avg", "t_std")
        )
        rows = (raw.rows[:, :, : self.components] - mean) / scale
        slopes = raw.slopes[:, :, : self.components] / scale[..., None]
        return Surroundings(raw.nlist, raw.rij, rows, slopes, raw.cut_off, raw.ties)

    def features(self, t: int, seen: Surroundings, atoms) -> tuple[np.ndarray, Callable]:
        """Features [n, dim] of these atoms of type t, and the function from slopes by them to slopes by the rows."""
        rows = seen.rows[atoms]
        mask = np.ones(rows.shape[1])
        if self.one_sided:
            mask = np.repeat([(t, tj) not in self.excluded for tj in range(len(self.sel))], self.sel)
        value, pull_back = self.features_of(self, t, rows * mask[:, None])
        return value, lambda slope: pull_back(slope) * mask[:, None]

    def blocks(self, rows) -> list[np.ndarray]:
        """The rows [n, nnei, c] by type of the neighbour."""
        return np.split(rows, np.cumsum(self.sel)[:-1], axis=1)

    def sees(self, t: int, tj: int) -> bool:
        """Whether there is a network for this pair of types."""
        return self.sel[tj] > 0 and (self.one_sided or (t, tj) not in self.excluded)

    def center(self, t: int) -> str:
        """Scope of the networks of a centre of type t."""
        return f"filter_type_{'all' if self.one_sided else t}{self.suffix}"

    def net(self, scope: str, tag: str, x, angular: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Features and their derivatives at x [...], each [..., M]."""
        d, name = self.section, f"{scope}/{tag}/table"
        flat = x.reshape(-1)
        if name in self.weights:
            found = table_slope(flat, self.weights[name], self.weights[f"{name}_info"], angular)
        else:
            found = embedding_slope(
                flat[:, None], self.weights, scope, tag, d["neuron"], d["activation_function"], d["resnet_dt"]
            )
        return tuple(value.reshape(*x.shape, -1) for value in found)


def _se_e2_a(part: _Part, t: int, rows):
    r"""X = R^T G / nnei, D = X^T X^<, with G the features of the first number of a row (contract E.1)."""
    m, m2, nnei = part.section["neuron"][-1], part.section["axis_neuron"], sum(part.sel)
    x, terms = np.zeros((len(rows), 4, m)), {}
    for tj, block in enumerate(part.blocks(rows)):
        if part.sees(t, tj):
            g, slope = part.net(part.center(t), f"_{tj}", block[:, :, 0])  # [n, sel, M]
            x += np.einsum("njc,njm->ncm", block, g) / nnei
            terms[tj] = (block, g, slope)
    value = np.einsum("ncm,ncp->nmp", x, x[:, :, :m2])

    def pull_back(by_value):
        by_value = by_value.reshape(value.shape)
        by_x = np.einsum("nmp,ncp->ncm", by_value, x[:, :, :m2])
        by_x[:, :, :m2] += np.einsum("nmp,ncm->ncp", by_value, x)
        by_x /= nnei
        by_blocks = part.blocks(np.zeros_like(rows))
        for tj, (block, g, slope) in terms.items():
            by_blocks[tj][...] = np.einsum("ncm,njm->njc", by_x, g)
            by_blocks[tj][:, :, 0] += np.einsum("njm,njm->nj", np.einsum("njc,ncm->njm", block, by_x), slope)
        return np.concatenate(by_blocks, axis=1)

    return value.reshape(len(rows), -1), pull_back


def _se_e2_r(part: _Part, t: int, rows):
    """D = 1/5 of the mean over all slots of the features of the row (contract E.2)."""
    factor, value, slopes = 0.2 / sum(part.sel), 0.0, {}
    for tj, block in enumerate(part.blocks(rows)):
        if part.sees(t, tj):
            g, slopes[tj] = part.net(part.center(t), f"_{tj}", block[:, :, 0])  # [n, sel, M]
            value = value + factor * g.sum(axis=1)
    if not slopes:
        value = np.zeros((len(rows), part.section["neuron"][-1]))

    def pull_back(by_value):
        by_blocks = part.blocks(np.zeros_like(rows))
        for tj, slope in slopes.items():
            by_blocks[tj][:, :, 0] = factor * np.einsum("njm,nm->nj", slope, by_value)
        return np.concatenate(by_blocks, axis=1)

    return value, pull_back


def _se_e3(part: _Part, _t: int, rows):
    """D = mean over pairs of slots of angle times its features, summed over pairs of types (contract E.3)."""
    blocks, value, terms = part.blocks(rows), 0.0, {}
    present = [t for t, n in enumerate(part.sel) if n]
    for ti, tj in ((ti, tj) for ti in present for tj in present if ti <= tj):
        a, b = blocks[ti][:, :, 1:], blocks[tj][:, :, 1:]
        angle = np.einsum("njx,nkx->njk", a, b)
        g, slope = part.net(f"filter_type_all{part.suffix}", f"_{ti}_{tj}", angle, angular=True)  # [n, j, k, M]
        scale = 1.0 / (part.sel[ti] * part.sel[tj])
        value = value + scale * np.einsum("njk,njkm->nm", angle, g)
        terms[ti, tj] = scale * (g + angle[..., None] * slope)

    def pull_back(by_value):
        by_blocks = part.blocks(np.zeros_like(rows))
        for (ti, tj), term in terms.items():
            by_angle = np.einsum("njkm,nm->njk", term, by_value)
            by_blocks[ti][:, :, 1:] += np.einsum("njk,nkx->njx", by_angle, blocks[tj][:, :, 1:])
            by_blocks[tj][:, :, 1:] += np.einsum("njk,njx->nkx", by_angle, blocks[ti][:, :, 1:])
        return np.concatenate(by_blocks, axis=1)

    return value, pull_back


# By every name of the input file: features, and numbers in a row.
_KINDS = {
    **dict.fromkeys(("se_e2_a", "se_a"), (_se_e2_a, 4)),
    **dict.fromkeys(("se_e2_r", "se_r"), (_se_e2_r, 1)),
    **dict.fromkeys(("se_e3", "se_at", "se_a_3be", "se_t"), (_se_e3, 4)),
}


def _chunks(types, size: int) -> Iterator[tuple[int, np.ndarray]]:
    for t in np.unique(types[types >= 0]):
        atoms = np.flatnonzero(types == t)
        for start in range(0, len(atoms), size):
            yield int(t), atoms[start : start + size]


def parameters(f: Mapping, weights: Mapping, natoms: int, fparam, aparam) -> np.ndarray:
    """Standardised frame and atomic parameters that enter the network, [N, n]."""
    given = [np.zeros((natoms, 0))]
    if f.get("numb_fparam"):
        given.append(np.tile(_standardised(weights, "fparam", np.reshape(fparam, (1, -1))), (natoms, 1)))
    if f.get("numb_aparam") and not f.get("use_aparam_as_mask"):
        given.append(_standardised(weights, "aparam", np.reshape(aparam, (natoms, -1))))
    return np.concatenate(given, axis=1)


def _standardised(weights: Mapping, name: str, values) -> np.ndarray:
    return (values - weights[f"fitting_attr/t_{name}_avg"]) * weights[f"fitting_attr/t_{name}_istd"]


def _atomic_energy(t: int, inputs, width: int, f: Mapping, weights: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Energies [n] of atoms of type t, and their derivatives by the first ``width`` inputs (contract E.10)."""
    layers = fitting_layers(f"_type_{t}", f, weights)
    energy, slope = fitting_slope(inputs, layers, f["activation_function"])
    if f.get("atom_ener") and f["atom_ener"][t] is not None:
        vacuum = np.concatenate([np.zeros_like(inputs[:, :width]), inputs[:, width:]], axis=1)
        energy = energy - fitting_slope(vacuum, layers, f["activation_function"])[0]
    return energy + weights["fitting_attr/t_bias_atom_e"][t], slope[:, :width]


def fitting_layers(tag: str, f: Mapping, weights: Mapping) -> list[tuple]:
    """The layers of a fitting network; ``tag`` stands behind their names, e.g. ``_type_0``."""
    depth, layers = len(f["neuron"]), []
    names = f.get("layer_name") or [None] * (depth + 1)
    for k, shared in enumerate(names):
        scope = f"layer_{k}{tag}" if k < depth else f"final_layer{tag}"
        scope = scope if shared is None else f"share_{shared}{tag}"
        timed = f["resnet_dt"] and 0 < k < depth and f["neuron"][k] == f["neuron"][k - 1]
        idt = weights[f"{scope}/idt"] if timed else None
        layers.append((weights[f"{scope}/matrix"], weights[f"{scope}/bias"], idt))
    return layers
