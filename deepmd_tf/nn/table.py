"""The tables that compressed models hold, and how files and checkpoints name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

# Of the names under which model files and checkpoints hold the table of a network.
TABLE, TABLE_INFO, FACTORS = PARTS = "/table", "/table_info", "/table_factors"


class Table(NamedTuple):
    """The polynomials that stand for one network.

    Attributes
    ----------
    coefficients : ndarray [intervals, 6*width]
        For each interval and feature the six coefficients in ascending order, of the distance from the left end.
    info : ndarray [6]
        Lower and upper end of the range, end of the table, stride inside and outside the range, frequency.
    factors : ndarray [(ntypes + 1)^2, width] or [ntypes + 1, width], or None
        By what the features are multiplied, less 1, for each pair of types or type of the neighbour.
    """

    coefficients: np.ndarray
    info: np.ndarray
    factors: np.ndarray | None = None


def tables_by_name(values: Mapping[str, np.ndarray]) -> dict[str, Table]:
    """The tables that a file or checkpoint holds, by the names of their networks; none where networks are networks."""
    names = [name.removesuffix(TABLE) for name in values if name.endswith(TABLE)]
    return {name: Table(*(values.get(name + part) for part in PARTS)) for name in names}
