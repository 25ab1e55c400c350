"""The three checks: against another graph, against equations in NumPy, against differences of the file's own energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.script import plain_descriptors
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.nn.activation import is_smooth
from deepmd_tf.selfcheck import numpy_mixed, numpy_model
from deepmd_tf.selfcheck.frames import Frame
from deepmd_tf.selfcheck.report import QUANTITIES, Check, Error
from deepmd_tf.tf1 import tf

# By the lowest precision in the model: of forces and virials relative to the largest, but at least to one unit; of
# energies in eV per atom, with some rounding of the energy itself, most of which is a constant.
SAME = {"float64": 1e-10, "float32": 1e-4, "float16": 5e-2, "bfloat16": 3e-1}
# Tables in the place of networks; where an activation function has corners, polynomials round them off.
COMPRESSED, COMPRESSED_CORNERS = 1e-4, 1e-1
# The same for differences of energies; networks of half precision have energies with steps, which have no slope.
DIFFERENCES = {"float64": 1e-6, "float32": 1e-2}
# Root mean square displacement of a component, Å: the second is tried where the first is too wide for a bend.
STEPS = {"float64": (1e-3, 1e-4), "float32": (2e-2, 5e-3)}
CORNERS = 1e-3
"""Tolerance of differences where the activation function has corners, which every step crosses some of."""

DIRECTIONS = 3
"""Random directions of displacement, and random strains, for each frame."""

_ROUNDINGS = 10

# A strain of 1 moves neighbours, which are about so far away, by so many Å.
_NEIGHBOUR = 3.0


class Values(NamedTuple):
    """Energy (eV), force [N, 3] (eV/Å) and virial [9] (eV) of one frame; None for what was not computed. Atoms whose
    neighbours have too few slots, and neighbours that have none only because of the order of equals."""

    energy: float
    force: np.ndarray | None
    virial: np.ndarray | None
    crowded: int = 0
    ties: int = 0


def evaluate(model: DeepPot, frames: Sequence[Frame]) -> list[Values]:
    """What a graph says of the frames."""
    found = []
    for frame in frames:
        one = frame.evaluate(model, list(QUANTITIES))
        found.append(Values(float(one["energy"][0, 0]), *(one[k][0].astype(np.float64) for k in ("force", "virial"))))
    return found


def evaluate_numpy(section: Mapping, weights: Mapping, dtype, frames: Sequence[Frame]) -> list[Values]:
    """What the equations say of the frames; positions enter in the precision ``dtype``, as they enter a graph.

    Raises
    ------
    ModelFormatError
        There are no equations for the model, or a weight is missing.
    """
    predict, found = (numpy_mixed if numpy_mixed.is_told_types(section) else numpy_model).predict, []
    for frame in frames:
        coord, cell = (None if x is None else x.astype(dtype).astype(np.float64) for x in (frame.coord, frame.cell))
        try:
            one = predict(coord, frame.types, cell, section, weights, frame.fparam, frame.aparam)
        except KeyError as error:
            raise ModelFormatError(f"the model holds no {error.args[0]}") from error
        crowded = int(np.count_nonzero(one.cut_off))
        virial = None if one.virial is None else one.virial.ravel()
        found.append(Values(one.energy, one.force, virial, crowded, one.ties))
    return found


def compare(
    against: str, frames: Sequence[Frame], found: list[Values], expected: list[Values], tolerance: float, precision: str
) -> Check:
    """The check of some values against others; ``tolerance`` is one of :data:`SAME`, or wider."""
    errors, ties = {}, sum(one.ties for one in expected)
    rounding = _ROUNDINGS * float(np.finfo(np.float64 if precision == "float64" else np.float32).eps)
    for name in QUANTITIES:
        if any(getattr(one, name) is None for one in expected):
            continue
        a, b = (_per_atom(name, frames, values) for values in (found, expected))
        limit = tolerance + rounding * _scale(b) if name == "energy" else tolerance * _scale(b)
        errors[name] = Error.of([x - y for x, y in zip(a, b)], None if ties else limit)
    note = f"not judged: {ties} neighbours without a slot (sel) are as near as others with one" if ties else ""
    return Check(against, errors, note)


def finite_differences(
    model: DeepPot, frames: Sequence[Frame], found: list[Values], precision: str, corners: bool, jumps: str = ""
) -> Check:
    r"""The check of forces and virials against central differences of the energy of the same graph.

    Along a random direction u of all positions, :math:`-F \cdot u` is the slope of the energy; under a random
    strain :math:`R' = R (1 + t S)` of positions and cell, it is :math:`-\sum_{ab} \Xi_{ba} S_{ab}`, see
    :mod:`deepmd_tf.keys`.
    Where the energy ``jumps``, for the reason that is given, nothing is judged.
    """
    against = "finite differences"
    if precision not in STEPS:
        return Check(against, note=f"not measured: energies in {precision} have steps")
    relative = max(DIFFERENCES[precision], CORNERS if corners else 0.0)
    tolerance = {name: relative * _scale(_per_atom(name, frames, found)) for name in ("force", "virial")}
    limits = np.array(list(tolerance.values()))[:, None]
    best = np.full((len(frames), 2, DIRECTIONS), np.nan)
    for step in STEPS[precision]:
        off = [_off(model, frame, values, step, seed) for seed, (frame, values) in enumerate(zip(frames, found))]
        best = np.fmin(best, np.abs(off))
        if (best <= limits).all():
            break
    if jumps:
        tolerance = dict.fromkeys(tolerance)
    note = f"not judged: {jumps}" if jumps else ""
    return Check(
        against, {name: Error.of(best[:, k], limit) for k, (name, limit) in enumerate(tolerance.items())}, note
    )


def _off(model: DeepPot, frame: Frame, values: Values, step: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of forces along directions of length 1, eV/Å, and of virials under strains of norm 1, eV per atom."""
    rng = np.random.default_rng(seed)
    n = frame.natoms
    directions = _unit(rng.normal(size=(DIRECTIONS, n, 3)))
    strains = _unit(rng.normal(size=(DIRECTIONS, 3, 3)))
    width = step * np.sqrt(3 * n)
    force = _slopes(model, frame, frame.coord + width * _points(directions), None, width)
    force_error = force + np.einsum("nx,dnx->d", values.force, directions)
    width = step / _NEIGHBOUR
    deformed = np.eye(3) + width * _points(strains)  # [points, 3, 3]
    cells = None if frame.cell is None else frame.cell @ deformed
    virial = _slopes(model, frame, frame.coord @ deformed, cells, width)
    virial_error = (virial + np.einsum("ba,dab->d", values.virial.reshape(3, 3), strains)) / n
    return force_error, virial_error


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors.reshape(len(vectors), -1), axis=1)[:, None, None]


def _points(directions: np.ndarray) -> np.ndarray:
    """One and two steps forth and back along each direction: [4 * len(directions), ...]."""
    return np.concatenate([k * directions for k in (1, -1, 2, -2)])


def _slopes(model: DeepPot, frame: Frame, coords, cells, width: float) -> np.ndarray:
    """Slope of the energy along each direction, by the formula of five points."""
    energies = frame.evaluate(model, ["energy"], coords, cells)["energy"].reshape(4, -1)
    return (8 * (energies[0] - energies[1]) - (energies[2] - energies[3])) / (12 * width)


def _per_atom(name: str, frames: Sequence[Frame], values: list[Values]) -> list[np.ndarray]:
    """One array of each frame; what belongs to a whole frame is divided by its atoms."""
    shares = ((getattr(one, name), 1 if name == "force" else frame.natoms) for frame, one in zip(frames, values))
    return [np.asarray(value) / share for value, share in shares]


def _scale(values: list[np.ndarray]) -> float:
    return max(1.0, *(float(np.abs(value).max(initial=0.0)) for value in values))


def lowest_precision(model: FrozenModel) -> str:
    """Name of the lowest precision that products and tables of the graph are computed in."""
    heavy = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BiasAdd", "ProdEnvMatA", "ProdEnvMatAMix", "ProdEnvMatR")
    found = {
        tf.as_dtype(node.attr["T"].type).name
        for node in model.graph_def.node
        if node.op in heavy or node.op.startswith("TabulateFusion")
    }
    return next((name for name in reversed(SAME) if name in found), "float64")


def jumps(section: Mapping, crowded: int = 0) -> str:
    """Why energies of the model jump, ``crowded`` atoms having more neighbours than slots; empty if they do not."""
    if crowded:
        return f"{crowded} atoms have more neighbours than slots (sel), so energies may jump"
    reasons = [component.jumps(part) for component, part in _known(section)]
    return next(filter(None, reasons), "")


def has_corners(section: Mapping) -> bool:
    """Whether an activation function of the model has no continuous second derivative."""
    parts = [part for part, _ in plain_descriptors(section["descriptor"])]
    return not all(
        is_smooth(one.get("activation_function", "tanh")) for one in (*parts, section.get("fitting_net", {}))
    )


def is_rounded(section: Mapping) -> bool:
    """Whether a part of the model rounds its numbers."""
    return any(component.rounded for component, _ in _known(section))


def _known(section: Mapping) -> list[tuple[type, Mapping]]:
    """The descriptors of a model section that this program has, each with its part of it."""
    by_name = {alias: component for name, component in descriptors for alias in (name, *descriptors.aliases(name))}
    parts = [part for part, _ in plain_descriptors(section.get("descriptor", {}))]
    return [(by_name[part["type"]], part) for part in parts if part.get("type") in by_name]
