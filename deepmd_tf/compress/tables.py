"""Which networks a model has, on which ranges, and the tables that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.compress.table import Grid, Spacing, coefficients
from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.freeze import placeholders
from deepmd_tf.nn.compressed import Table
from deepmd_tf.nn.context import PORTABLE, BuildContext
from deepmd_tf.nn.embedding import EmbeddingNet
from deepmd_tf.nn.jet import net_jet
from deepmd_tf.nn.nets import EmbeddingNets
from deepmd_tf.nn.weights import FrozenWeights
from deepmd_tf.ops.session import evaluate
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.stat.ranges import angular_ranges, any_center, net_range, radial_ranges
from deepmd_tf.tf1 import tf

TWO_BODY, RADIAL, THREE_BODY = "two_body", "radial", "three_body"


@dataclass(frozen=True, eq=False)
class Sum:
    """A sum over neighbours that the model asks for, and what is known of the numbers its networks are given.

    Attributes
    ----------
    kind : str
        Name of the primitive.
    spec : EnvSpec
        The environment matrix.
    mean, scale : ndarray [ntypes, nnei*components]
        By which it is normalised.
    """

    kind: str
    spec: EnvSpec
    mean: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True)
class Plan:
    """What one table will be.

    Attributes
    ----------
    name : str
        Of the network, unique in the model.
    sum : Sum
        Where it is used.
    key : (int, int)
        Types of centre and neighbour, -1 for all centres; of both neighbours for the three-body kind.
    grid : Grid
    width : int
        Number of features.
    dtype : numpy dtype
    activation_function : str
        Of the network.
    """

    name: str
    sum: Sum
    key: tuple[int, int]
    grid: Grid
    width: int
    dtype: np.dtype
    activation_function: str

    @property
    def nbytes(self) -> int:
        """Size of the table."""
        return self.grid.nbytes(self.width, self.dtype)


def plan_tables(model, values: Mapping, interface, nearest: float, spacing: Spacing) -> list[Plan]:
    """The tables that the model needs; nothing is computed yet.

    Parameters
    ----------
    model : EnergyModel
    values : mapping of str to ndarray
        Weights and statistics by name.
    interface : numpy dtype
        Precision of coordinates and forces.
    nearest : float
        Smallest distance of two atoms in the training data, Å.
    spacing : Spacing

    Raises
    ------
    ModelFormatError
        The model cannot be compressed; the text says why.
    CheckpointError
        A weight is missing or has another shape.
    """
    with tf.Graph().as_default():
        return [plan for plan, _ in _planned(model, values, interface, nearest, spacing)]


def make_tables(model, values: Mapping, interface, nearest: float, spacing: Spacing) -> dict[str, Table]:
    """The tables of all networks by name; parameters and errors as :func:`plan_tables`.

    Networks are evaluated in float64, whatever their own precision: the coefficients are differences of numbers
    that are nearly equal.
    """
    plans: list[Plan] = []

    def jets():
        found = _planned(model, values, interface, nearest, spacing)
        plans.extend(plan for plan, _ in found)
        return [net_jet(net.in_double(), tf.constant(plan.grid.knots[:, None])) for plan, net in found]

    # Building the graph is what fills the list of plans.
    at_knots = evaluate(jets, {})
    tables = {}
    for plan, jet in zip(plans, at_knots):
        polynomials = coefficients(jet, plan.grid.strides).astype(plan.dtype)
        tables[plan.name] = Table(polynomials, plan.grid.info(spacing.frequency, plan.dtype))
    return tables


def _planned(model, values, interface, nearest, spacing) -> list[tuple[Plan, EmbeddingNet]]:
    """Plans with their networks, in the graph that is being built."""
    found = []
    for one, nets in _sums(model, values, interface):
        ranges, dtype = _ranges(one, nearest), _table_dtype(nets)
        for key in nets.keys:
            angular = one.kind == THREE_BODY
            lower, upper = any_center(ranges) if angular else net_range(ranges, key, one.spec.exclude_types)
            grid = Grid.choose(lower, upper, spacing, dtype, angular=angular)
            plan = Plan(nets.name(key), one, key, grid, nets.width, dtype, nets.activation_function)
            found.append((plan, nets.net(key)))
    return found


def _sums(model, values, interface) -> list[tuple[Sum, EmbeddingNets]]:
    """Build the descriptor with primitives that only note what they are asked."""
    found = []

    def noting(kind: str, *shape: int):
        def primitive(nets, neighbors, _inputs):
            if kind == TWO_BODY and not neighbors.alike:
                raise ModelFormatError(
                    "t_avg, t_std: differ among the slots of one neighbour type, which the operations of compressed "
                    "models take as equal",
                    "Use the model as it is",
                )
            found.append((Sum(kind, neighbors.spec, neighbors.mean, neighbors.scale), nets))
            return tf.zeros([tf.shape(neighbors.rows)[0], *shape, nets.width], neighbors.rows.dtype)

        return primitive

    primitives = replace(
        PORTABLE,
        two_body=noting(TWO_BODY, 4),
        radial=noting(RADIAL),
        three_body=noting(THREE_BODY),
    )
    context = BuildContext(len(model.type_map), FrozenWeights(values), np.dtype(interface), primitives)
    model.descriptor.build(context, placeholders(model, interface))
    if not found:
        raise ModelFormatError("the descriptor has no embedding network that a table could stand for")
    return found


def _ranges(one: Sum, nearest: float) -> np.ndarray:
    rcut, rcut_smth = one.spec.rcut, one.spec.rcut_smth
    if one.kind == THREE_BODY:
        return angular_ranges(one.scale, nearest, rcut, rcut_smth)
    return radial_ranges(one.mean, one.scale, nearest, rcut, rcut_smth, width=1 if one.kind == RADIAL else 4)


def _table_dtype(nets: EmbeddingNets) -> np.dtype:
    if nets.dtype not in ("float32", "float64"):
        raise ModelFormatError(
            f"precision {nets.dtype} of the embedding network: expected float32 or float64, which tables can have"
        )
    return np.dtype(nets.dtype)
