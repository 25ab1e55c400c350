"""Which networks a model has, on which ranges, and the tables that stand for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from deepmd_tf.compress.table import Grid, Spacing, coefficients
from deepmd_tf.errors import ModelFormatError
from deepmd_tf.export.freeze import placeholders
from deepmd_tf.nn.context import PORTABLE, BuildContext
from deepmd_tf.nn.nets import ALL, EmbeddingNets
from deepmd_tf.nn.table import Table
from deepmd_tf.nn.typed import RowFeatures, TypedEmbedding
from deepmd_tf.nn.weights import FrozenWeights
from deepmd_tf.ops.session import evaluate
from deepmd_tf.stat.env import EnvSpec
from deepmd_tf.stat.ranges import angular_ranges, any_center, net_range, radial_ranges
from deepmd_tf.tf1 import tf

TWO_BODY, RADIAL, THREE_BODY, MIXED = "two_body", "radial", "three_body", "mixed"


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
        Types of centre and neighbour, -1 for all; of both neighbours for the three-body kind.
    grid : Grid
    width : int
        Number of features.
    dtype : numpy dtype
    activation_function : str
        Of the network.
    factor_rows : int
        Pairs of types by whose factors the features are multiplied; 0 where they are not.
    """

    name: str
    sum: Sum
    key: tuple[int, int]
    grid: Grid
    width: int
    dtype: np.dtype
    activation_function: str
    factor_rows: int = 0

    @property
    def of_types(self) -> bool:
        """Whether it stands for a network of all types, where that is told some types."""
        return self.sum.kind == MIXED and self.key[1] != ALL

    @property
    def nbytes(self) -> int:
        """Size of the table, and of the factors."""
        return self.grid.nbytes(self.width, self.dtype) + self.factor_rows * self.width * self.dtype.itemsize


def plan_tables(
    model, values: Mapping, interface, nearest: float, spacing: Spacing, types: Collection[int] | None = None
) -> list[Plan]:
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
    types : collection of int, optional
        Where each pair of types has a table although one network serves all of them: those whose pairs get one.
        All, unless given.

    Raises
    ------
    ModelFormatError
        The model cannot be compressed; the text says why.
    CheckpointError
        A weight is missing or has another shape.
    """
    with tf.Graph().as_default():
        return [plan for plan, *_ in _planned(model, values, interface, nearest, spacing, types)]


def make_tables(
    model, values: Mapping, interface, nearest: float, spacing: Spacing, types: Collection[int] | None = None
) -> dict[str, Table]:
    """The tables of all networks by name; parameters and errors as :func:`plan_tables`.

    Networks are evaluated in float64, whatever their own precision: the coefficients are differences of numbers
    that are nearly equal.
    """
    plans: list[Plan] = []

    def jets():
        found = _planned(model, values, interface, nearest, spacing, types)
        plans.extend(plan for plan, *_ in found)
        return [(nets.jet(plan.key, tf.constant(plan.grid.knots)), factors) for plan, nets, *factors in found]

    # Building the graph is what fills the list of plans.
    evaluated = evaluate(jets, {})
    tables = {}
    for plan, (jet, factors) in zip(plans, evaluated):
        polynomials = coefficients(jet, plan.grid.strides).astype(plan.dtype)
        tables[plan.name] = Table(polynomials, plan.grid.info(spacing.frequency, plan.dtype), *factors)
    return tables


def _planned(model, values, interface, nearest, spacing, types) -> list[tuple]:
    """Plans with their networks, and the factors of types where there are some, in the graph that is being built."""
    found = []
    for one, nets in _sums(model, values, interface):
        dtype, factors = _table_dtype(nets), [nets.factors()] if one.kind == MIXED and nets.telling.strip else []
        for key in nets.keys:
            if one.kind == MIXED and types is not None and not set(key) <= {*types, ALL, nets.ntypes}:
                continue
            angular = one.kind == THREE_BODY
            grid = Grid.choose(*_range(one, key, nearest), spacing, dtype, angular=angular)
            rows = sum(rows.shape.as_list()[0] for rows in factors)
            plan = Plan(nets.name(key), one, key, grid, nets.width, dtype, nets.activation_function, rows)
            nets.net(key)  # A weight that is missing is told before anything is computed.
            found.append((plan, nets, *factors))
    return found


def _sums(model, values, interface) -> list[tuple[Sum, EmbeddingNets | TypedEmbedding]]:
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

    def noting_mixed(nets, slots):
        found.append((Sum(MIXED, nets.spec, nets.mean, nets.scale), nets))
        return tf.zeros([tf.shape(slots.rows)[0], nets.width], slots.rows.dtype)

    primitives = replace(
        PORTABLE,
        two_body=noting(TWO_BODY, 4),
        radial=noting(RADIAL),
        three_body=noting(THREE_BODY),
        typed_features=lambda nets, slots: RowFeatures(slots, noting_mixed(nets, slots)),
        typed_sum=lambda nets, slots: slots.outer(noting_mixed(nets, slots)),
    )
    context = BuildContext(len(model.type_map), FrozenWeights(values), np.dtype(interface), primitives)
    if model.type_embedding is not None:
        context = replace(context, type_vectors=model.type_embedding.build(context))
    model.descriptor.build(context, placeholders(model, interface))
    if not found:
        raise ModelFormatError("the descriptor has no embedding network that a table could stand for")
    return found


def _range(one: Sum, key: tuple[int, int], nearest: float) -> tuple[float, float]:
    """Of the numbers that the network ``key`` is given."""
    spec = one.spec
    if one.kind == THREE_BODY:
        return any_center(angular_ranges(one.scale, nearest, spec.rcut, spec.rcut_smth))
    if one.kind == MIXED and key[1] == spec.ntypes:
        nearest = spec.rcut  # An empty slot is like a neighbour that has just gone.
    width = 1 if one.kind == RADIAL else 4
    ranges = radial_ranges(one.mean, one.scale, nearest, spec.rcut, spec.rcut_smth, width)
    return net_range(ranges, key, spec.exclude_types)


def _table_dtype(nets: EmbeddingNets | TypedEmbedding) -> np.dtype:
    if nets.dtype not in ("float32", "float64"):
        raise ModelFormatError(
            f"precision {nets.dtype} of the embedding network: expected float32 or float64, which tables can have"
        )
    return np.dtype(nets.dtype)
