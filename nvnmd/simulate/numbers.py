"""The numbers of a model as the datapath reads them: tables and factors as floats, places of the tables, energies.

Source: NVNMD format, mapping tables; hardware model file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvnmd.device_file.layout import SEGMENTS
from nvnmd.device_file.model import DeviceModel
from nvnmd.formats import float_values

U_STEP, S_STEP, FINE = 1 / 8, 1 / 256, 256


@dataclass(frozen=True, eq=False)
class Numbers:
    """All of a model but the products of its fitting nets. N counts tables: one per type in version 0, else 1.

    Attributes
    ----------
    version, ntypes : int
        0: tables per type; 1: embeddings of types. Number of types.
    rcut : float
        Cutoff, Å.
    slots : tuple of int
        Neighbour slots of each type, or of all types together in version 1.
    scale : float
        What the sums over neighbours are multiplied by, 1/NIX.
    u_groups, s_groups : array [S, 5]
        Where the tables stand: x0, x1, dx, first row, last row + 1 of each group of intervals.
    switch, switch_slope : array [N, 512, 2, 4]
        s and h by u, and their derivatives: coefficients a to d.
    feature, feature_slope : array [N, 512, 32, 4]
        g by s, and its derivative.
    scales : array [ntypes, 2]
        Version 1: factors of s and h by type of the centre.
    factors : array [ntypes, ntypes, 32]
        Version 1: factors of g by type of centre and neighbour.
    shifts : array [ntypes]
        Energy of each type that is not in the fitting net, eV.
    """

    version: int
    ntypes: int
    rcut: float
    slots: tuple[int, ...]
    scale: float
    u_groups: np.ndarray
    s_groups: np.ndarray
    switch: np.ndarray
    switch_slope: np.ndarray
    feature: np.ndarray
    feature_slope: np.ndarray
    scales: np.ndarray
    factors: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, model: DeviceModel) -> Numbers:
        """Those of a model file."""
        n, start = model.ntypes, -model.first_index * S_STEP
        coarse = model.layout.coarse
        tables = model.switch_table, model.switch_gradient_table, model.feature_table, model.feature_gradient_table
        return cls(
            model.layout.version, n, model.rcut * 2.0**-23, model.sel, 2.0**-model.log2_nix,
            np.array([[0.0, SEGMENTS * U_STEP, U_STEP, 0, SEGMENTS]]),
            np.array([[start, start + 1, S_STEP, 0, FINE], [start, start + FINE * coarse, coarse, FINE, SEGMENTS]]),
            *map(float_values, tables),
            float_values(model.scales[:n]), float_values(model.type_factors[:n, :n]),
            model.energy_shifts if model.shifts else np.zeros(n),
        )  # fmt: skip
