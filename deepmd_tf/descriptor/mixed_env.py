"""The environment matrix with neighbours of all types in one list, in either dialect: what networks see of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmd_tf.descriptor.base import EnvironmentTensors
from deepmd_tf.nn.attention import unit
from deepmd_tf.nn.dialect import Dialect
from deepmd_tf.nn.mixed import EmptySlots, MixedNeighbors
from deepmd_tf.tf1 import tf


@dataclass(frozen=True)
class MixedEnvironment:
    r"""Rows, switch and types of the slots of each atom.

    With the distance r of a neighbour at v, the switch S and the protection p, a row is

    .. math:: \bigl(S (r + p)^{-1},\ S v (r + p)^{-2}\bigr),

    normalised by mean and scale. The field's operation gives it for p = 0, and nothing else of S or r. Where these
    are needed, its switch begins at the cutoff, so that it gives (1/r, v/r²); all else is made of that by stock
    TensorFlow, and the operation's own derivative still holds (DPA-1 specification, 7.3).

    Attributes
    ----------
    scope : str
        Where mean and scale belong.
    rcut, rcut_smth : float
        Cutoff and start of the switch, Å.
    nnei, ntypes : int
        Slots of an atom; types.
    exclude_types : sequence of (int, int)
        Pairs that do not see each other.
    smooth : bool
        Whether attention vanishes smoothly at the cutoff.
    protection : float
        p, Å.
    dialect : Dialect
    """

    scope: str
    rcut: float
    rcut_smth: float
    nnei: int
    ntypes: int
    exclude_types: tuple
    smooth: bool
    protection: float
    dialect: Dialect

    @property
    def from_geometry(self) -> bool:
        """Whether distances and the switch itself are needed, not only rows."""
        return self.dialect.polynomial_switch or self.protection != 0.0

    def see(self, ctx, inputs, dtype: str) -> tuple[EnvironmentTensors, MixedNeighbors]:
        """Add the environment matrix, and what networks of the precision ``dtype`` see of it."""
        get = ctx.weights.get
        mean, scale = (
            get(f"{self.scope}/{name}", (self.ntypes, 4 * self.nnei), ctx.interface.name, None, trainable=False)
            for name in ("t_avg", "t_std")
        )
        env, tensors = self._matrix(ctx, inputs, mean, scale)
        rows = tf.reshape(tensors.rmat, [-1, self.nnei, 4])
        center = tf.clip_by_value(tf.reshape(inputs.type[:, : inputs.nloc], [-1]), 0, self.ntypes - 1)
        neighbor, live = (tf.reshape(x, [-1, self.nnei]) for x in (env.ntype, env.nmask))
        found = live
        live, seen = self._seen(live, center, neighbor)
        if self.from_geometry:
            rows, switch = self._normalised(rows, found, center, mean, scale)
        if not self.dialect.polynomial_switch:
            switch = self._switch(rows, center, mean, scale)
        switch *= tf.cast(live, rows.dtype)
        if seen is not None:
            rows = tf.where(tf.tile(seen[:, :, None], [1, 1, 4]), rows, self._excluded_row(mean, center, rows))
        cast = lambda x: tf.cast(x, tf.as_dtype(dtype))  # noqa: E731
        direction = unit(rows[:, :, 1:], self.dialect.floor)
        padding = None
        if self.dialect.first_atom_pads:
            padding = self._first_types(inputs)
            neighbor = tf.where(live, neighbor, tf.tile(padding[:, None], [1, self.nnei]))
        empty = self._empty_slots(ctx, -mean / scale, center, env, padding, cast)
        return tensors, MixedNeighbors(cast(rows), live, neighbor, center, cast(switch), cast(direction), empty)

    def _matrix(self, ctx, inputs, mean, scale):
        """The outputs of the operation, and those of them that forces are made of."""
        rcut_smth = self.rcut_smth
        if self.from_geometry:
            mean, scale = (tf.constant(x, mean.dtype, mean.shape) for x in (0.0, 1.0))
            rcut_smth = self.rcut
        env = ctx.primitives.env_mat_mixed(
            inputs.coord, inputs.type, inputs.natoms, inputs.box, inputs.mesh, mean, scale,
            rcut=self.rcut, rcut_smth=rcut_smth, nsel=self.nnei,
        )  # fmt: skip
        tensors = EnvironmentTensors.named(ctx, env, self.nnei)
        if self.from_geometry:
            # Not the mask of the operation: a neighbour at the cutoff is listed in single precision, and has no 1/r.
            env = env._replace(nmask=tf.reshape(tensors.rmat, [-1, self.nnei, 4])[:, :, 0] > 0.0)
        return env, tensors

    def _normalised(self, rows, found, center, mean, scale):
        """Normalised rows [n, nnei, 4] and S [n, nnei], of (1/r, v/r²)."""
        r = 1.0 / tf.where(found, rows[:, :, 0], tf.ones_like(rows[:, :, 0]))
        u = tf.clip_by_value((r - self.rcut_smth) / (self.rcut - self.rcut_smth), 0.0, 1.0)
        s = u**3 * (-6.0 * u**2 + 15.0 * u - 10.0) + 1.0
        q = r / (r + self.protection)
        rows = (s * q)[:, :, None] * tf.concat([rows[:, :, :1], rows[:, :, 1:] * q[:, :, None]], axis=2)
        mean, scale = (tf.gather(tf.reshape(x, [self.ntypes, self.nnei, 4]), center) for x in (mean, scale))
        return (rows - mean) / scale, s

    def _switch(self, rows, center, mean, scale):
        """From 1 to 0 at the cutoff, of s(r) as it is before normalisation: [n, nnei]."""
        mean, scale = (tf.gather(tf.reshape(x, [self.ntypes, self.nnei, 4])[:, :, 0], center) for x in (mean, scale))
        inside = 1.0 - self.rcut_smth * (rows[:, :, 0] * scale + mean)
        return tf.clip_by_value(1.0 - inside**3, 0.0, 1.0)

    def _seen(self, live, center, neighbor):
        """Which slots hold a neighbour that is seen; and which are not of an excluded pair, None if none is."""
        if not self.exclude_types:
            return live, None
        seen = np.ones((self.ntypes, self.ntypes + 1), bool)
        for a, b in self.exclude_types:
            seen[a, b] = seen[b, a] = False
        seen = tf.gather_nd(seen, tf.stack([tf.broadcast_to(center[:, None], tf.shape(neighbor)), neighbor], axis=2))
        return tf.logical_and(live, seen), seen

    @property
    def _excluded_rows_are_mean(self) -> bool:
        return self.smooth and self.dialect.excluded_rows_are_mean

    def _excluded_row(self, mean, center, rows):
        """What stands in the slots of excluded pairs: zeros, or what other programs of the dialect make of them."""
        if not self._excluded_rows_are_mean:
            return tf.zeros_like(rows)
        return tf.zeros_like(rows) + tf.gather(mean[:, 0], center)[:, None, None]

    def _first_types(self, inputs):
        """Type of the first atom of the frame, for each atom [n]; that of padding where it is virtual."""
        first = inputs.type[:, :1]
        first = tf.where(first < 0, tf.fill(tf.shape(first), self.ntypes), first)
        return tf.reshape(tf.tile(first, [1, inputs.nloc]), [-1])

    def _empty_slots(self, ctx, row, center, env, padding, cast) -> EmptySlots | None:
        """``row`` [ntypes, nnei*4] is what normalisation makes of an empty slot."""
        mean, scale = (
            np.reshape(ctx.weights.values[f"{self.scope}/{name}"], (self.ntypes, self.nnei, 4))
            for name in ("t_avg", "t_std")
        )
        if not mean.any():
            return None
        found = tf.reduce_sum(tf.cast(tf.reshape(env.nmask, [-1, self.nnei]), row.dtype), axis=1)
        excluded_count = self.exclude_types and self._excluded_rows_are_mean
        alike = (mean == mean[:, :1]).all() and (scale == scale[:, :1]).all() and not excluded_count
        if padding is None:
            padding = tf.fill(tf.shape(center), self.ntypes)
        return EmptySlots(cast(tf.gather(row[:, :4], center)), padding, cast(self.nnei - found), bool(alike))
