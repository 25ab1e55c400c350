"""What an empty neighbour slot adds to the sum over neighbours: the product s g(s) where u = 0.

The device adds it for each slot that stays empty, in the numbers of the quantised network, which keep 20 fraction bits.
Source: NVNMD format, cfg; number formats and operations.
"""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ModelFormatError
from nvnmd.fixed_point.table import map_table


def empty_slot_products(tables: dict, ntypes: int) -> np.ndarray:
    """Products s g(s) of empty slots.

    Parameters
    ----------
    tables : dict
        Tables ``s`` by centre type and ``g`` by neighbour type, and where their segments are.
    ntypes : int
        Number of types.

    Returns
    -------
    array [ntypes, ntypes, 32]
        By centre type, neighbour type, channel.

    Raises
    ------
    ModelFormatError
        A table is missing.
    """
    u2s, s2g = (np.ravel(_entry(tables, name)) for name in ("cfg_u2s", "cfg_s2g"))
    try:
        s = np.array([map_table([[0.0]], tables["s"][t], u2s).item(0) for t in range(ntypes)])
        g = np.stack([map_table(s[:, None], tables["g"][t], s2g)[:, 0] for t in range(ntypes)], axis=1)
    except (KeyError, IndexError) as error:
        raise ModelFormatError(f"tables: s or g is not there for {ntypes} types ({error!r})") from error
    return s[:, None, None] * g


def _entry(tables: dict, name: str):
    if name not in tables:
        raise ModelFormatError(f"tables: expected {name}, found none")
    return tables[name]
