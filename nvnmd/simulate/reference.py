"""The datapath of the device in NumPy, step by step, as the format defines it: the truth for the compiled program.

Symbols: n atoms of one type, m neighbour slots, 32 channels of features. All functions of arithmetic are those of
:mod:`nvnmd.fixed_point`. Source: NVNMD format, networks and datapath.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nvnmd.config import AXIS_NEURON
from nvnmd.device_file.layout import WIDTH
from nvnmd.fixed_point import add, dotmul, flt, map_table, matmul_flt, matmul_flt2fix, mul, quantize, tanh4
from nvnmd.fixed_point.fixed import DATA, tanh4_gradient
from nvnmd.simulate.neighbors import Neighbors
from nvnmd.simulate.numbers import Numbers
from nvnmd.simulate.registers import Record

GRADIENT = 21  # fraction bits of gradients where they meet weights


class Found(NamedTuple):
    """Of one frame."""

    atom_energy: np.ndarray  # [N], eV
    force: np.ndarray  # [N, 3], eV/Å
    virial: np.ndarray  # [9], eV


class Reference:
    """The datapath of one model.

    Parameters
    ----------
    numbers : Numbers
        Tables and factors.
    networks : DeviceNetworks
        The products of the fitting nets, or others with the same methods.
    record : Record
        Registers; numbers that pass through are noted there.
    """

    def __init__(self, numbers: Numbers, networks, record: Record):
        self._numbers, self._networks, self._record = numbers, networks, record

    def evaluate(self, atype: np.ndarray, neighbors: Neighbors) -> Found:
        """Energies, forces and virial of one frame.

        Parameters
        ----------
        atype : int array [N]
            Types; negative for virtual atoms.
        neighbors : Neighbors
            Vectors to the neighbours of the frame.

        Returns
        -------
        Found
        """
        settle = self._record.settle
        energy, force, virial = np.zeros(len(atype)), np.zeros((len(atype), 3)), np.zeros(9)
        for centre in range(self._numbers.ntypes):
            atoms = np.flatnonzero(atype == centre)
            if not len(atoms):
                continue
            rij, nlist = neighbors.rij[atoms], neighbors.nlist[atoms]
            energy[atoms], pair = self._of_type(centre, rij, np.where(nlist < 0, -1, atype[nlist]))
            np.add.at(force, np.repeat(atoms, nlist.shape[1]), -pair.reshape(-1, 3))
            np.add.at(force, nlist[nlist >= 0], pair[nlist >= 0])
            virial += np.einsum("nmd,nme->de", pair, rij).ravel()
        return Found(energy, settle("force", force), settle("virial", virial))

    def _of_type(self, centre: int, rij, neighbor_type):
        """Energies [n], and the forces [n, m, 3] that the energy of each atom exerts on its neighbours."""
        settle, net = self._record.settle, centre if self._numbers.version == 0 else 0
        real = neighbor_type >= 0
        q = flt(rij)
        u = settle("u", dotmul(q, q), real)
        s, h = self._switch(net, centre, u, real)
        r4 = np.concatenate([s, settle("R", mul(h, q), real)], axis=-1)  # [n, m, 4]
        g, slope = self._features(centre, neighbor_type, s)  # [n, m, 32]
        gr = self._sums(r4, g)  # [n, 4, 32]
        energy, d_descriptor = self._fitting(net, centre, settle("D", band(gr)))
        d_gr = settle("dGR", flt(self._gradient_of_band(gr, settle("dD", flt(d_descriptor)))) * self._numbers.scale)
        d_r4 = matmul_flt(g, np.swapaxes(d_gr, 1, 2), 1, 1)  # [n, m, 4]; the sums have no order
        dg = matmul_flt(r4, d_gr, 1, 1)  # [n, m, 32]
        if self._numbers.version == 1:
            dg = mul(self._factors(centre, neighbor_type), dg)
        dg = settle("dg", flt(dg), real)
        d_r4[..., :1] = add(dotmul(slope, dg), d_r4[..., :1])
        d_r4 = settle("dR", flt(d_r4), real)
        ds, dh = d_r4[..., :1], dotmul(q, d_r4[..., 1:])
        dq = settle("dq", mul(h, d_r4[..., 1:]), real)
        du = self._switch_gradient(net, centre, u, ds, dh, real)
        pair = np.where(real[..., None], -2 * q * du - dq, 0.0)
        return energy, settle("pair", pair)

    def _switch(self, net: int, centre: int, u, real):
        """s and h [n, m, 1]."""
        numbers, settle = self._numbers, self._record.settle
        sh = look_up(u, numbers.switch[net], numbers.u_groups)
        if numbers.version == 1:
            sh = mul(numbers.scales[centre], sh)
        return settle("s", sh[..., :1], real), settle("h", sh[..., 1:], real)

    def _switch_gradient(self, net: int, centre: int, u, ds, dh, real):
        """Derivative by u [n, m, 1]."""
        numbers, settle = self._numbers, self._record.settle
        both = np.concatenate([ds, dh], axis=-1)
        if numbers.version == 1:
            both = mul(numbers.scales[centre], both)
        ds, dh = settle("ds", both[..., :1], real), settle("dh", both[..., 1:], real)
        slopes = look_up(u, numbers.switch_slope[net], numbers.u_groups)
        return settle("du", dotmul(slopes, np.concatenate([ds, dh], axis=-1)), real)

    def _features(self, centre: int, neighbor_type, s):
        """Features of the slots, and the derivative by s of those of the tables, [n, m, 32]."""
        numbers, settle = self._numbers, self._record.settle
        found, real = [], neighbor_type >= 0
        for part, table in self._blocks(s):
            found.append([look_up(part, tables[table], numbers.s_groups)
                          for tables in (numbers.feature, numbers.feature_slope)])  # fmt: skip
        g, slope = (np.concatenate(parts, axis=1) for parts in zip(*found))
        g = settle("g", g, real)
        if numbers.version == 1:
            g = settle("G", mul(self._factors(centre, neighbor_type), g), real)
        return g, slope

    def _factors(self, centre: int, neighbor_type):
        """Factors of the features [n, m, 32]; 0 for an empty slot."""
        return np.where((neighbor_type >= 0)[..., None], self._numbers.factors[centre, neighbor_type], 0.0)

    def _sums(self, r4, g):
        """Sums over the neighbours over NIX, [n, 4, 32]: exact for each type of neighbours, truncated, then added."""
        settle, total = self._record.settle, 0.0
        for (rows, _), (columns, _) in zip(self._blocks(r4), self._blocks(g)):
            total = total + matmul_flt2fix(np.swapaxes(rows, 1, 2), columns, DATA)
        return settle("GR", flt(settle("sum", total) * self._numbers.scale))

    def _blocks(self, array):
        """(slots of one type of neighbours, number of their table)."""
        ends = np.cumsum(self._numbers.slots)
        return [(array[:, end - size : end], t) for t, (end, size) in enumerate(zip(ends, self._numbers.slots))]

    def _fitting(self, net: int, centre: int, descriptor):
        """Energies [n] and their derivatives by the descriptor [n, 128]."""
        settle, networks = self._record.settle, self._networks
        x, zs = settle("x", quantize(descriptor, DATA, isround=False)), []
        for layer in range(networks.hidden):
            zs.append(settle("z", networks.forward(net, layer, x) + networks.bias(net, layer, centre)))
            y = settle("y", tanh4(zs[-1]))
            x = settle("x", y if layer == 0 else x + y)
        last = networks.forward(net, networks.hidden, x) + networks.bias(net, networks.hidden, centre)
        energy = settle("energy", last[:, 0] + self._numbers.shifts[centre])
        dx = settle("dx", networks.backward(net, networks.hidden, np.ones((len(x), 1))))
        for layer in reversed(range(networks.hidden)):
            dz = quantize(tanh4_gradient(zs[layer], dx), GRADIENT, isround=True)
            before = networks.backward(net, layer, dz)
            dx = settle("dx", before if layer == 0 else dx + before)
        return energy, dx

    @staticmethod
    def _gradient_of_band(gr, d_descriptor):
        """Derivative by GR [n, 4, 32] from that by the band of products."""
        square = np.zeros((len(gr), WIDTH, WIDTH))
        rows = np.arange(WIDTH)[:, None]
        square[:, rows, (rows + np.arange(AXIS_NEURON)) % WIDTH] = d_descriptor.reshape(-1, WIDTH, AXIS_NEURON)
        first = matmul_flt2fix(square, np.swapaxes(gr, 1, 2), DATA)
        return np.swapaxes(first, 1, 2) + matmul_flt2fix(gr, square, DATA)


def band(gr):
    """Products of each channel with itself and the next three, in a ring: [n, 4, 32] -> [n, 128]."""
    square = matmul_flt(np.swapaxes(gr, 1, 2), gr, 0, 0)
    rows = np.arange(WIDTH)[:, None]
    return square[:, rows, (rows + np.arange(AXIS_NEURON)) % WIDTH].reshape(len(gr), -1)


def look_up(x, table, groups):
    """Channels of a table [512, C, 4] at x [n, m, 1]: -> [n, m, C]."""
    return map_table(x[..., 0], table.reshape(len(table), -1), groups)
