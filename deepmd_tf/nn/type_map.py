"""From one list of types to another: what becomes of arrays that have a row for each type. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepmd_tf.errors import ConfigError


@dataclass(frozen=True)
class TypeMapChange:
    """The types of a model that is taken up, and those that it is to have (DPA-1 specification, 6).

    Attributes
    ----------
    old, new : sequence of str
        Names of the types, each once.

    Raises
    ------
    ConfigError
        A name stands twice in a list.
    """

    old: Sequence[str]
    new: Sequence[str]

    def __post_init__(self):
        for names in (self.old, self.new):
            if len(set(names)) != len(names):
                raise ConfigError(f"type_map: a name stands twice in {', '.join(names)}", "Name each type once")

    @property
    def unknown(self) -> list[str]:
        """New types that the model did not have."""
        return [name for name in self.new if name not in self.old]

    def rows(self, values, fresh) -> np.ndarray:
        """Rows of the new types: those of ``values`` where the type had one, those of ``fresh`` where not.

        Parameters
        ----------
        values : array [len(old), ...]
        fresh : array
            Broadcast to [len(new), ...], in the order of ``new``.

        Returns
        -------
        array [len(new), ...]
            Of the dtype of ``values``.
        """
        values = np.asarray(values)
        found = np.array(np.broadcast_to(fresh, (len(self.new), *values.shape[1:])), values.dtype)
        for k, name in enumerate(self.new):
            if name in self.old:
                found[k] = values[self.old.index(name)]
        return found

    def type_matrix(self, matrix, fresh, *, linear: bool) -> np.ndarray:
        r"""The matrix of a layer that sees types as unit vectors, so that its output for old types stays the same.

        A layer of the width of its input, or twice that, adds the input to its output. What it adds changes with the
        number of types: with the identity (or two side by side) :math:`E`, rows of :math:`W + E` are kept,
        and those of the new :math:`E` taken off. A bias stays as it is.

        Parameters
        ----------
        matrix : array [len(old), width]
        fresh : array
            Broadcast to [len(new), width]: of types that the model did not have, what the layer shall return for them
            before its bias.
        linear : bool
            Whether the layer has neither an activation function nor time steps.

        Raises
        ------
        ConfigError
            The layer adds its input before or after the change, and is not linear.
        """
        before, after = (_skipped(len(names), np.shape(matrix)[1]) for names in (self.old, self.new))
        if not linear and (np.any(before) or np.any(after)):
            raise ConfigError(
                f"type_map: of {len(self.old)} and {len(self.new)} types, vectors of {np.shape(matrix)[1]} numbers "
                "cannot be kept in a layer that is not linear and adds its input",
                "Take a type_embedding with the activation function 'linear', or as many types as before",
            )
        matrix = np.asarray(matrix)
        return (self.rows(matrix + before, fresh) - after).astype(matrix.dtype)

    def pairs(self, pairs) -> list[tuple[int, int]]:
        """Pairs of types, as of ``exclude_types``, in the new numbers; those of which a type is gone are left out."""
        named = [[self.old[t] for t in pair] for pair in pairs]
        return [tuple(self.new.index(name) for name in pair) for pair in named if set(pair) <= set(self.new)]


def _skipped(count: int, width: int):
    """What a layer of this width adds to its output for unit vectors of ``count`` types: [count, width], or 0."""
    return np.tile(np.eye(count), width // count) if width in (count, 2 * count) else 0.0
