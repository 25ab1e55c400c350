"""The numbers of neighbour slots: chosen from the statistics, or checked against them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deepmd_tf.errors import ConfigError
from deepmd_tf.stat.neighbor import NeighborStatistics

_DEFAULT_RATIO = 1.1


def is_auto(sel) -> bool:
    """Whether ``sel`` asks for numbers from the data: "auto" or "auto:ratio"."""
    return isinstance(sel, str)


def resolve_sel(sel: str | int | Sequence[int], max_neighbors: Sequence[int], mixed: bool = False) -> list[int] | int:
    """The neighbour slots per type.

    "auto:r" gives ``4 * ceil(int(r * max_neighbors) / 4)``, "auto" means r = 1.1; numbers are returned as they are.

    Parameters
    ----------
    sel : str, int or list of int
        As in the input file.
    max_neighbors : sequence of int
        Of :class:`~deepmd_tf.stat.neighbor.NeighborStatistics`.
    mixed : bool
        Whether the descriptor counts all types together; the result is then one int.

    Raises
    ------
    ConfigError
        ``sel`` is a text of another form.
    """
    if not is_auto(sel):
        return int(sel) if isinstance(sel, int) else [int(n) for n in sel]
    ratio = _ratio(sel)
    slots = [4 * ((int(n * ratio) + 3) // 4) for n in max_neighbors]
    return slots[0] if mixed else slots


def _ratio(sel: str) -> float:
    kind, colon, number = sel.partition(":")
    try:
        ratio = float(number) if colon else _DEFAULT_RATIO
    except ValueError:
        ratio = math.nan
    if kind != "auto" or not (math.isfinite(ratio) and ratio > 0):
        raise ConfigError(f"sel: expected numbers, 'auto' or 'auto:ratio', found {sel!r}")
    return ratio


def check_sel(
    sel: int | Sequence[int], statistics: NeighborStatistics, type_map: Sequence[str] | None = None
) -> list[str]:
    """One sentence for each entry of ``sel`` that some atom of the data exceeds; its farthest neighbours are ignored.

    An entry of 0 is taken as meant: neighbours of that type are left out.
    """
    given = [sel] if isinstance(sel, int) else list(sel)
    if len(given) == 1 and len(statistics.max_neighbors) > 1:
        raise ConfigError(f"sel: expected one entry per type, {len(statistics.max_neighbors)}, found 1")
    sentences = []
    for entry, (has, needs, worst) in enumerate(zip(given, statistics.max_neighbors, statistics.worst)):
        if 0 < has < needs:
            name = _name(entry, len(statistics.max_neighbors), type_map)
            sentences.append(f"{name} needs sel {needs}, has {has}; worst: {worst}")
    return sentences


def _name(entry: int, nentries: int, type_map: Sequence[str] | None) -> str:
    if nentries == 1 and (type_map is None or len(type_map) > 1):
        return "all types together"
    return f"type {type_map[entry] if type_map is not None else entry}"
