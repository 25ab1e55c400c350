"""What processes tell each other, as bytes: plain values and arrays, nothing that runs when it is read."""

from __future__ import annotations

import io
import json

import numpy as np

ARRAY = "array"


def pack(item) -> bytes:
    """Bytes of ``item``: None, numbers, strings, arrays, and lists and dictionaries (keys: strings) of them.

    Raises
    ------
    TypeError
        It holds something else.
    """
    arrays = []

    def kept(value):
        if isinstance(value, np.generic):
            return value.item()
        if not isinstance(value, np.ndarray):
            raise TypeError(f"cannot be sent to other processes: {type(value).__name__}")
        arrays.append(value)
        return {ARRAY: len(arrays) - 1}

    text = json.dumps(item, default=kept).encode()
    buffer = io.BytesIO()
    np.savez(buffer, np.frombuffer(text, np.uint8), *arrays)
    return buffer.getvalue()


def unpack(message: bytes):
    """The item of a message; tuples have become lists."""
    with np.load(io.BytesIO(message), allow_pickle=False) as stored:
        text, *arrays = (stored[name] for name in stored.files)
    return json.loads(text.tobytes(), object_hook=lambda d: arrays[d[ARRAY]] if d.keys() == {ARRAY} else d)
